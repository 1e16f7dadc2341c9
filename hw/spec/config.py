"""The machine's configuration: every size in one frozen, validated object, and the named
presets."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from hw.spec import isa
from hw.spec.config_keys import KEYS, ConfigurationError, check_value, size
from hw.spec.external_memory import Memory
from hw.spec.records import PARAM_WORDS
from hw.spec.timing import (
    DMA_WRITE_PHASE,
    MAC_LATENCY,
    MAX_BURST,
    PLAIN_WRITE,
    RESIDUAL_INTERVAL,
    RESIDUAL_PHASE,
    RESIDUAL_WRITE,
    RESULT_LATENCY,
    SETTLE,
    TABLE_PART,
)

NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")
"""Accepted names of a machine: an identifier in C and in Verilog, and the name of a folder."""
MAX_SCRATCHPAD_LINES = isa.highest(isa.Opcode.LOAD, "last_line") + 1
ROWS = (4, 8, 16, 32, 64)
"""Accepted numbers of pixel lanes."""
BUS_BYTES = (4, 8, 16, 32, 64)
"""Accepted widths of the memory bus."""
LANE_GROUPS = 4
"""Lane groups; each has a port to the weight store. The array shapes follow from it."""
BLOCK_PLANES = LANE_GROUPS
"""Most planes of an output block: one for each lane group."""


SHORT, LONG = "scratchpad", "scratchpad_bytes"
"""The key that a person types, as in ``--set scratchpad=512KiB``, and the one that is written."""
RENAMED = {"pool_lines": "scratchpad_bytes, in bytes: pool_lines * line_words * cols"}
"""Keys of earlier versions, and what they are now."""
INTEGERS = (
    "rows",
    "cols",
    "bus_bytes",
    "line_words",
    "scratchpad_bytes",
    "requant_lanes",
    "address_lanes",
    "queue_depth",
)


def _pairs(shapes: object) -> tuple[tuple[int, int], ...]:
    """Array shapes from plain data. Raises ConfigurationError."""
    if not isinstance(shapes, (list, tuple)) or not all(
        isinstance(s, (list, tuple)) and len(s) == 2 and all(type(n) is int for n in s)
        for s in shapes
    ):
        raise ConfigurationError(
            f"configuration shapes={shapes!r} must be a list of pairs [pixels, channels]"
        )
    return tuple((pixels, channels) for pixels, channels in shapes)


@dataclass(frozen=True)
class AccelConfig:
    """Sizes of one accelerator.

    One word holds ``cols`` channels of one pixel. Raises
    ConfigurationError when a value is impossible.
    """

    name: str = "edge256"
    rows: int = 16
    """Pixel lanes of the array."""
    cols: int = 16
    """Channel columns of the array, and bytes of a word."""
    bus_bytes: int = 0
    """Bytes of a beat of the memory bus; 0: as many as ``cols``."""
    shapes: tuple[tuple[int, int], ...] = ()
    """Array shapes (pixels, channels) that a command may choose; empty: ``default_shapes``."""
    line_words: int = 8
    """Words that one access to the scratchpad moves: it has this many banks, and as many phases."""
    scratchpad_bytes: int = 7936 * 128
    """Bytes of the scratchpad that holds activations, weights, parameters and tables."""
    requant_lanes: int = 32
    """Output values finished per cycle: half a word, a word or two."""
    address_lanes: int = 0
    """Lanes whose input addresses are computed in a cycle; 0: all rows."""
    queue_depth: int = 4
    """Commands that each unit's queue holds."""
    memory: Memory = dataclasses.field(default_factory=Memory)

    def __post_init__(self) -> None:
        def check(ok: bool, key: str, accepted: str) -> None:
            check_value(ok, key, getattr(self, key), accepted)

        check(
            isinstance(self.name, str) and NAME.fullmatch(self.name) is not None,
            "name",
            KEYS["name"].accepted,
        )
        for key in INTEGERS:
            check(type(getattr(self, key)) is int, key, f"an integer: {KEYS[key].accepted}")
        check(self.rows in ROWS, "rows", KEYS["rows"].accepted)
        check(self.cols in (4, 8, 16, 32, 64), "cols", KEYS["cols"].accepted)
        check(self.line_words in (4, 8), "line_words", KEYS["line_words"].accepted)
        if self.bus_bytes == 0:
            object.__setattr__(self, "bus_bytes", self.cols)
        check(self.bus_bytes in BUS_BYTES, "bus_bytes", KEYS["bus_bytes"].accepted)
        object.__setattr__(self, "shapes", _pairs(self.shapes) or self.default_shapes)
        check(
            self.shapes == self.default_shapes,
            "shapes",
            f"{[list(s) for s in self.default_shapes]}: the gateware has no others yet",
        )
        line, most = self.line_bytes, MAX_SCRATCHPAD_LINES * self.line_bytes
        check(
            self.scratchpad_bytes % line == 0 and 64 * line <= self.scratchpad_bytes <= most,
            "scratchpad_bytes",
            f"a multiple of {line} (line_words * cols) from {64 * line} to {most}",
        )
        check(
            self.requant_lanes in (self.cols // 2, self.cols, 2 * self.cols),
            "requant_lanes",
            f"{self.cols // 2}, {self.cols} or {2 * self.cols} (cols / 2, cols or 2 * cols)",
        )
        check(
            self.requant_words <= self.rows // LANE_GROUPS,
            "requant_lanes",
            f"at most {self.cols * self.rows // LANE_GROUPS} (cols * rows / {LANE_GROUPS})",
        )
        if self.address_lanes == 0:
            object.__setattr__(self, "address_lanes", self.rows)
        check(
            self.address_lanes in (self.rows, self.rows // 2, self.rows // 4),
            "address_lanes",
            f"{self.rows}, {self.rows // 2} or {self.rows // 4} (rows, rows / 2 or rows / 4)",
        )
        check(2 <= self.queue_depth <= 16, "queue_depth", KEYS["queue_depth"].accepted)
        self.memory.interval(self.bus_bytes)

    @property
    def mac_units(self) -> int:
        """Multiply-accumulate units of the array."""
        return self.rows * self.cols

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of the scratchpad."""
        return self.cols

    @property
    def line_bytes(self) -> int:
        """Bytes of a line of the scratchpad."""
        return self.line_words * self.cols

    @property
    def line_bits(self) -> int:
        """Bits of a word's place in its line."""
        return self.line_words.bit_length() - 1

    @property
    def burst_words(self) -> int:
        """Words of a burst at the most: of a word wider than the bus, those of MAX_BURST beats."""
        return MAX_BURST * min(self.bus_bytes, self.cols) // self.cols

    @property
    def bytes_per_cycle(self) -> float:
        """Bytes that the memory moves per cycle at the most: no more than a word."""
        return min(self.bus_bytes / self.beat_interval, self.cols)

    @property
    def word_cycles(self) -> int:
        """Cycles of the bus for a word at the least: of a narrow bus, a beat each."""
        return max(1, self.cols // self.bus_bytes)

    @property
    def param_lines(self) -> int:
        """Lines of channel parameters of one plane."""
        return -(-PARAM_WORDS // self.line_words)

    @property
    def scratchpad_words(self) -> int:
        """Words of the scratchpad."""
        return self.scratchpad_lines * self.line_words

    @property
    def scratchpad_lines(self) -> int:
        """Lines of the scratchpad."""
        return self.scratchpad_bytes // self.line_bytes

    @property
    def default_shapes(self) -> tuple[tuple[int, int], ...]:
        """All lanes on different pixels, pairs of them on two channel planes, and fours."""
        return tuple((self.rows >> s, self.cols << s) for s in range(3))

    @property
    def requant_words(self) -> int:
        """Words of an output beat."""
        return max(1, self.requant_lanes // self.cols)

    @property
    def requant_bits(self) -> int:
        """Logarithm of ``requant_words``."""
        return self.requant_words.bit_length() - 1

    @property
    def address_cycles(self) -> int:
        """Cycles from one tap group's input addresses to the next one's, at the least."""
        return self.rows // self.address_lanes

    @property
    def table_words(self) -> int:
        """Words of a 256-entry table."""
        return max(1, 256 // self.cols)

    @property
    def beat_cycles(self) -> int:
        """Cycles in which an output beat enters the requantiser: 2 if in halves."""
        return max(1, self.cols // self.requant_lanes)

    @property
    def residual_interval(self) -> int:
        """Cycles from one residual beat to the next, at the least."""
        return RESIDUAL_INTERVAL * self.beat_cycles

    @property
    def phases(self) -> int:
        """Cycles in which LOAD, STORE and residual beats have had their turns."""
        return max(self.line_words, self.residual_interval)

    @property
    def plain_write(self) -> int:
        """Cycles from the issue of a beat to its write into the scratchpad."""
        return PLAIN_WRITE + self.beat_cycles - 1

    @property
    def residual_write(self) -> int:
        """The same of a residual beat, whose second half enters RESIDUAL_INTERVAL cycles later."""
        return RESIDUAL_WRITE + (self.beat_cycles - 1) * RESIDUAL_INTERVAL

    @property
    def plain_flush(self) -> int:
        """Cycles from the last beat of a command to the first that the next one may issue."""
        return self.plain_write + 1

    @property
    def residual_flush(self) -> int:
        """The same after residual beats."""
        return self.residual_write + 1

    @property
    def skip_bits(self) -> int:
        """Logarithm of the cycles from one in which no plain output beat may issue to the next: it
        would be written in LOAD's phase, or, of beats in halves, it is every other one."""
        return self.line_bits if self.beat_cycles == 1 else 1

    def may_issue(self, phase: int, residual: bool) -> bool:
        """Whether an output beat may issue in a cycle of ``phase``."""
        if residual:
            return phase % self.residual_interval == RESIDUAL_PHASE
        return (phase + self.plain_write - DMA_WRITE_PHASE) % (1 << self.skip_bits) != 0

    def near_end(self, phase: int, residual: bool) -> int:
        """Output beats guaranteed to issue from a cycle of ``phase`` on, before a pixel group whose
        last multiply-accumulate issues in it reaches the shadow accumulators in MAC_LATENCY
        cycles. Of residual beats one at the most."""
        cycles = range(phase, phase + MAC_LATENCY)
        beats = sum(self.may_issue(cycle, residual) for cycle in cycles)
        return min(1, beats) if residual else beats

    @property
    def table_interval(self) -> int:
        """Cycles from one word of a table to the next, at the least."""
        return self.cols // TABLE_PART

    @property
    def table_settle(self) -> int:
        """Cycles from the grant of a table's last word to the first beat: its bytes come to the
        table RESULT_LATENCY cycles later, when the word is there."""
        return SETTLE + max(0, self.table_interval - RESULT_LATENCY)

    @property
    def beat_interval(self) -> int:
        """Cycles from one beat of the memory's data bus to the next, at the least."""
        return self.memory.interval(self.bus_bytes)

    def shape_pixels(self, shape: int) -> int:
        """Pixels of a pixel group in array shape ``shape`` (0, 1, 2)."""
        return self.shapes[shape][0]


PRESETS = {
    "tiny": AccelConfig(
        name="tiny",
        rows=4,
        cols=4,
        scratchpad_bytes=1920 * 32,
        requant_lanes=4,
        address_lanes=2,
    ),
    "ecp5_25": AccelConfig(
        name="ecp5_25",
        rows=4,
        cols=4,
        line_words=4,
        scratchpad_bytes=4096 * 16,
        requant_lanes=2,
        address_lanes=1,
    ),
    "ecp5": AccelConfig(
        name="ecp5",
        rows=16,
        cols=8,
        line_words=4,
        scratchpad_bytes=11776 * 32,
        requant_lanes=8,
        address_lanes=4,
    ),
    "ecp5_soc": AccelConfig(
        name="ecp5_soc",
        rows=8,
        cols=8,
        line_words=4,
        scratchpad_bytes=9728 * 32,
        requant_lanes=8,
        address_lanes=2,
    ),
    "edge256": AccelConfig(),
    "edge512": AccelConfig(
        name="edge512", rows=16, cols=32, scratchpad_bytes=7936 * 256, requant_lanes=64
    ),
    "edge1024": AccelConfig(
        name="edge1024", rows=16, cols=64, scratchpad_bytes=7936 * 512, requant_lanes=128
    ),
}


def preset(name: str) -> AccelConfig:
    """The named preset. Raises ConfigurationError for an unknown name."""
    if name not in PRESETS:
        raise ConfigurationError(f"preset {name!r} is unknown; accepted: {', '.join(PRESETS)}")
    return PRESETS[name]


def from_dict(values: dict[str, Any]) -> AccelConfig:
    """A configuration from plain data, as ``to_dict`` gives it. Raises ConfigurationError."""
    config = preset(values["preset"]) if "preset" in values else AccelConfig(name="custom")
    return with_values(config, {k: v for k, v in values.items() if k != "preset"})


def to_dict(config: AccelConfig) -> dict[str, Any]:
    """The configuration as plain data, fit for JSON."""
    return dataclasses.asdict(config) | {"shapes": [list(shape) for shape in config.shapes]}


def with_values(config: AccelConfig, values: dict[str, Any]) -> AccelConfig:
    """``config`` with some keys changed; keys of the memory are ``memory.latency`` or nested.
    Raises ConfigurationError, also for one that is given both ways."""
    own = {f.name for f in dataclasses.fields(AccelConfig)}
    memory = {f.name for f in dataclasses.fields(Memory)}
    changes: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    nested = values.get("memory", {})
    if not isinstance(nested, dict):
        raise ConfigurationError(f"configuration memory={nested!r} must be an object")
    for key, value in values.items():
        if key == "memory":
            inner.update(nested)
        elif key.startswith("memory."):
            name = key.removeprefix("memory.")
            if name in nested:
                raise ConfigurationError(
                    f"configuration key {key!r} is given twice, also in 'memory'; once is accepted"
                )
            inner[name] = value
        elif key == SHORT:
            if LONG in values:
                raise ConfigurationError(
                    f"configuration key {LONG!r} is given twice, also as {SHORT!r}; once is "
                    f"accepted"
                )
            changes[LONG] = size(value)
        elif key in RENAMED:
            raise ConfigurationError(f"configuration key {key!r} is now {RENAMED[key]}")
        elif key in own:
            changes[key] = size(value) if key == LONG else value
        else:
            raise ConfigurationError(
                f"configuration key {key!r} is unknown; accepted: "
                f"{', '.join(sorted(own - {'memory'}) + sorted('memory.' + m for m in memory))}"
            )
    for key in inner:
        if key not in memory:
            raise ConfigurationError(
                f"configuration key 'memory.{key}' is unknown; "
                f"accepted: {', '.join(sorted(memory))}"
            )
    if inner:
        changes["memory"] = dataclasses.replace(config.memory, **inner)
    return changed(config, **changes)


def changed(config: AccelConfig, **values: Any) -> AccelConfig:
    """``config`` with some values changed; what follows from ``rows`` and ``cols`` (a bus of
    ``cols`` bytes, the array shapes, the lanes of the requantiser and of the addresses) follows
    them unless it is among the values. Raises ConfigurationError."""
    if values.keys() & {"rows", "cols"}:
        follows = config.bus_bytes == config.cols
        values = {"bus_bytes": 0 if follows else config.bus_bytes, "shapes": ()} | values
        rows, cols = (values.get(key, getattr(config, key)) for key in ("rows", "cols"))
        if rows in ROWS and type(cols) is int:
            words = min(config.requant_words, rows // LANE_GROUPS)
            lanes = rows // config.address_cycles
            requant = words * cols // config.beat_cycles
            values = {"requant_lanes": requant, "address_lanes": lanes} | values
    return dataclasses.replace(config, **values)


def title(config: AccelConfig) -> str:
    """The name of a configuration; after that of a preset the keys that differ from it."""
    base = PRESETS.get(config.name)
    if base is None:
        return config.name
    lanes = min(base.requant_words, config.rows // LANE_GROUPS) * config.cols // base.beat_cycles
    usual = to_dict(base) | {
        "requant_lanes": lanes,
        "address_lanes": config.rows // base.address_cycles,
        "bus_bytes": config.cols,
    }
    own = to_dict(config)
    changes = [f"{key}={own[key]}" for key in INTEGERS if own[key] != usual[key]]
    memory = [f"memory.{k}={v}" for k, v in own["memory"].items() if v != usual["memory"][k]]
    return " ".join((config.name, *changes, *memory))
