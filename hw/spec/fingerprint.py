"""Part of the machine's configuration that a program depends on, as 32 bits.

They stand in every command (fields ``machine`` and ``last_line``) and in the register
FINGERPRINT. Of the other values cycles depend, and nothing else.
"""

from __future__ import annotations

from typing import Any

from hw.spec.config import ROWS, AccelConfig

FORMAT = 1
"""Version of the commands and of the data that they address (parameters, weights, tables): 1 to
15. A change of either is a new one."""
PARTS = {"format": 12, "cols": 8, "rows": 4, "line_words": 0}
"""Places of the parts of ``machine``, 4 bits each: FORMAT, and the logarithms of the sizes."""
PART_BITS = 4
LAST_LINE, LINE_BITS = 16, 16
"""Place and width of ``last_line``, after ``machine``."""

_MACHINE = (1 << LAST_LINE) - 1
_ROWS = ((1 << PART_BITS) - 1) << PARTS["rows"]


def machine(config: AccelConfig, any_rows: bool = False) -> int:
    """Sizes that the meaning of commands depends on, and FORMAT, as 16 bits; never 0.

    The rows are 0 when there may be ``any_rows``.
    """
    assert 0 < FORMAT < 1 << PART_BITS
    value = FORMAT << PARTS["format"]
    for name in ("cols", "rows", "line_words"):
        value |= (getattr(config, name).bit_length() - 1) << PARTS[name]
    return value & ~_ROWS if any_rows else value


def command_fields(
    config: AccelConfig, any_rows: bool = False, last_line: int | None = None
) -> dict[str, int]:
    """The fields of a command, by name, for any machine that has ``last_line`` (the machine's own
    unless given) and the other sizes."""
    last = config.scratchpad_lines - 1 if last_line is None else last_line
    return {"machine": machine(config, any_rows), "last_line": last}


def fingerprint(config: AccelConfig, any_rows: bool = False, last_line: int | None = None) -> int:
    """The fields as one word; without more arguments the value of the register FINGERPRINT."""
    fields = command_fields(config, any_rows, last_line)
    return fields["machine"] | fields["last_line"] << LAST_LINE


def accepts(config: AccelConfig, found: Any, last_line: Any) -> Any:
    """Whether the machine runs commands with these fields: numbers, arrays or hardware values.

    The sizes are its own (the rows, or any rows), and it has the scratchpad's lines.
    """
    own = machine(config)
    return ((found == own) | (found == own & ~_ROWS)) & (last_line < config.scratchpad_lines)


def any_rows(executes: list[tuple[int, int]]) -> bool:
    """Whether EXECUTEs with these (``pixels``, ``array_shape``) mean the same on any rows.

    They do if each is one tile on the machine with the fewest: the step from one tile to the next
    is that of the rows, and no other field is.
    """
    return all(pixels <= min(ROWS) >> shape for pixels, shape in executes)


def text(value: int) -> str:
    """A fingerprint in words."""
    parts = {name: value >> place & ((1 << PART_BITS) - 1) for name, place in PARTS.items()}
    sizes = [
        f"{name} {'any' if name == 'rows' and not part else 1 << part}"
        for name, part in parts.items()
        if name != "format"
    ]
    lines = (value >> LAST_LINE) + 1
    return ", ".join([f"format {parts['format']}", *sizes, f"{lines} scratchpad lines"])
