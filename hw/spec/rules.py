"""Which values of a command's fields are illegal: read by hardware, simulator and documentation.

``broken`` of a rule is given the fields by name, each a signal, an integer or an array of integers,
and is not 0 where the command is illegal. It uses operators alone that mean the same for all three;
fields of one bit may be inverted. Next to the fields of the command there is ``unaligned``: 1 where
``dram_addr`` or ``dram_stride`` is no multiple of a word's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.timing import WEIGHT_RING

UNALIGNED = ("dram_addr", "dram_stride")
"""Fields that `unaligned` looks at."""


@dataclass(frozen=True)
class Rule:
    """A relation of fields that a legal command does not have."""

    text: str
    """What is illegal, in Markdown."""
    broken: Callable[[Mapping[str, Any], AccelConfig], Any]


_ROWS = ("row_count", "row_length")
AT_LEAST_ONE: dict[Opcode, tuple[str, ...]] = {
    Opcode.LOAD: _ROWS,
    Opcode.STORE: _ROWS,
    Opcode.EXECUTE: (
        "pixels",
        "in_blocks",
        "kernel_rows",
        "tap_groups",
        "group_taps",
        "last_taps",
        "out_blocks",
        "last_planes",
        "last_cols",
        "last_channels",
        "out_width",
        "in_width",
        "in_height",
    ),
    Opcode.END: (),
}
"""Fields that must not be 0."""

RULES: dict[Opcode, tuple[Rule, ...]] = {
    Opcode.LOAD: (
        Rule("`unpack` with `channels` 0", lambda f, c: f["unpack"] & (f["channels"] == 0)),
        Rule(
            "without `unpack`, `dram_addr` or `dram_stride` no multiple of `cols`",
            lambda f, c: ~f["unpack"] & f["unaligned"],
        ),
    ),
    Opcode.STORE: (
        Rule("`dram_addr` or `dram_stride` no multiple of `cols`", lambda f, c: f["unaligned"]),
    ),
    Opcode.EXECUTE: (
        Rule("`array_shape` 3", lambda f, c: f["array_shape"] == 3),
        Rule(
            f"`resident` with `weight_lines` > {WEIGHT_RING}",
            lambda f, c: f["resident"] & (f["weight_lines"] > WEIGHT_RING),
        ),
        Rule(
            "`last_planes` > 1 << `array_shape`",
            lambda f, c: f["last_planes"] > (1 << f["array_shape"]),
        ),
        Rule(
            "`last_channels` > `cols` >> `split` (so any `split` > log2(`cols`))",
            lambda f, c: f["last_channels"] > (c.cols >> f["split"]),
        ),
        Rule("`last_cols` > `cols`", lambda f, c: f["last_cols"] > c.cols),
        Rule("`group_span` > `line_words`", lambda f, c: f["group_span"] > c.line_words),
        Rule("`last_span` > `line_words`", lambda f, c: f["last_span"] > c.line_words),
        Rule("`maximum` without `ones`", lambda f, c: f["maximum"] & ~f["ones"]),
        Rule(
            "without `ones`, `weight_lines` 0",
            lambda f, c: ~f["ones"] & (f["weight_lines"] == 0),
        ),
    ),
    Opcode.END: (),
}
"""Further illegal commands. Reserved bits must be 0 in all (``isa.reserved_mask``)."""
