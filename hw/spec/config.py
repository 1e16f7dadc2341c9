"""The machine's configuration: every size in one frozen, validated object, and the named
presets."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

PARAM_WORDS = 10
"""Words of channel parameters of one plane: biases and multipliers of 32 bits, two shifts of 8."""
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a machine may be called: an identifier in C and in Verilog, and the name of a folder."""
MAX_POOL_LINES = 1 << 16
ROWS = (4, 8, 16, 32, 64)
"""Accepted numbers of pixel lanes."""
LANE_GROUPS = 4
"""Groups of lanes with a weight port of their own; the array shapes follow from it."""


class ConfigurationError(ValueError):
    """A configuration key is unknown or its value impossible; the message names key, value and
    what is accepted."""


@dataclass(frozen=True)
class Memory:
    """The external memory (docs/architecture.md, section 6): cycles from AR to the first beat, and
    bytes per cycle of the data bus."""

    latency: int = 64
    bytes_per_cycle: int = 0
    """0: the full width of the bus."""


@dataclass(frozen=True)
class AccelConfig:
    """Sizes of one accelerator.

    One word holds ``cols`` channels of one pixel and is as wide as the AXI data bus. Raises
    ConfigurationError when a value is impossible.
    """

    name: str = "edge256"
    rows: int = 16
    """Pixel lanes of the array."""
    cols: int = 16
    """Channel columns of the array, bytes of a word and of an AXI beat."""
    line_words: int = 8
    """Words that one access to the scratchpad moves: it has this many banks, and as many phases."""
    scratchpad_lines: int = 7936
    """Lines in the scratchpad that holds activations, weights, parameters and tables."""
    requant_lanes: int = 32
    """Output values finished per cycle: a power-of-two number of words."""
    queue_depth: int = 4
    """Commands that each unit's queue holds."""
    memory: Memory = dataclasses.field(default_factory=Memory)

    def __post_init__(self) -> None:
        def check(ok: bool, key: str, accepted: str) -> None:
            if not ok:
                value = (
                    getattr(self, key)
                    if "." not in key
                    else getattr(self.memory, key.split(".")[1])
                )
                raise ConfigurationError(f"configuration {key}={value!r} must be {accepted}")

        check(
            isinstance(self.name, str) and NAME.fullmatch(self.name) is not None,
            "name",
            "an identifier: a string of letters, digits and _, no digit first, 64 at most",
        )
        for key in (
            "rows",
            "cols",
            "line_words",
            "scratchpad_lines",
            "requant_lanes",
            "queue_depth",
        ):
            check(type(getattr(self, key)) is int, key, "an integer")
        check(self.rows in ROWS, "rows", "4, 8, 16, 32 or 64")
        check(self.cols in (4, 8, 16, 32, 64), "cols", "4, 8, 16, 32 or 64")
        check(self.line_words in (4, 8), "line_words", "4 or 8")
        check(
            64 <= self.scratchpad_lines <= MAX_POOL_LINES,
            "scratchpad_lines",
            f"from 64 to {MAX_POOL_LINES}",
        )
        check(
            self.requant_lanes in (self.cols, 2 * self.cols),
            "requant_lanes",
            f"{self.cols} or {2 * self.cols} (cols or 2 * cols)",
        )
        check(
            self.requant_words <= self.rows // LANE_GROUPS,
            "requant_lanes",
            f"at most {self.cols * self.rows // LANE_GROUPS} (cols * rows / {LANE_GROUPS})",
        )
        check(2 <= self.queue_depth <= 16, "queue_depth", "from 2 to 16")
        check(
            type(self.memory.latency) is int and 1 <= self.memory.latency <= 1000,
            "memory.latency",
            "an integer from 1 to 1000",
        )
        per_cycle = self.memory.bytes_per_cycle
        check(
            type(per_cycle) is int
            and (per_cycle == 0 or (0 < per_cycle <= self.cols and self.cols % per_cycle == 0)),
            "memory.bytes_per_cycle",
            f"0 (the bus width) or a divisor of the bus width, {self.cols}",
        )

    @property
    def mac_units(self) -> int:
        return self.rows * self.cols

    @property
    def word_bytes(self) -> int:
        return self.cols

    @property
    def bus_bytes(self) -> int:
        return self.cols

    @property
    def line_bytes(self) -> int:
        return self.line_words * self.cols

    @property
    def line_bits(self) -> int:
        """Bits of a word's place in its line."""
        return self.line_words.bit_length() - 1

    @property
    def param_lines(self) -> int:
        """Lines of channel parameters of one plane."""
        return -(-PARAM_WORDS // self.line_words)

    @property
    def scratchpad_words(self) -> int:
        return self.scratchpad_lines * self.line_words

    @property
    def scratchpad_bytes(self) -> int:
        return self.scratchpad_lines * self.line_bytes

    @property
    def requant_words(self) -> int:
        """Words that leave the post-processor per cycle."""
        return self.requant_lanes // self.cols

    @property
    def table_words(self) -> int:
        """Words of a 256-entry table."""
        return max(1, 256 // self.cols)

    @property
    def beat_interval(self) -> int:
        """Cycles from one beat of the memory's data bus to the next, at the least."""
        return self.cols // (self.memory.bytes_per_cycle or self.cols)

    def shape_pixels(self, shape: int) -> int:
        """Pixels of a pixel group in array shape ``shape`` (0, 1, 2)."""
        return self.rows >> shape


PRESETS = {
    "tiny": AccelConfig(name="tiny", rows=4, cols=4, scratchpad_lines=1920, requant_lanes=4),
    "ecp5": AccelConfig(
        name="ecp5", rows=16, cols=8, line_words=4, scratchpad_lines=11776, requant_lanes=8
    ),
    "edge256": AccelConfig(),
    "edge512": AccelConfig(
        name="edge512", rows=16, cols=32, scratchpad_lines=7936, requant_lanes=64
    ),
    "edge1024": AccelConfig(
        name="edge1024", rows=16, cols=64, scratchpad_lines=7936, requant_lanes=128
    ),
}


def preset(name: str) -> AccelConfig:
    """The named preset. Raises ConfigurationError for an unknown name."""
    if name not in PRESETS:
        raise ConfigurationError(f"preset {name!r} is unknown; accepted: {', '.join(PRESETS)}")
    return PRESETS[name]


def from_dict(values: dict) -> AccelConfig:
    """A configuration from plain data, as ``to_dict`` gives it. Raises ConfigurationError."""
    config = preset(values["preset"]) if "preset" in values else AccelConfig(name="custom")
    return with_values(config, {k: v for k, v in values.items() if k != "preset"})


def to_dict(config: AccelConfig) -> dict:
    """The configuration as plain data, fit for JSON."""
    return dataclasses.asdict(config)


def with_values(config: AccelConfig, values: dict) -> AccelConfig:
    """``config`` with some keys changed; keys of the memory are ``memory.latency`` or nested.
    Raises ConfigurationError, also for one that is given both ways."""
    own = {f.name for f in dataclasses.fields(AccelConfig)}
    memory = {f.name for f in dataclasses.fields(Memory)}
    changes: dict = {}
    inner: dict = {}
    nested = values.get("memory")
    for key, value in values.items():
        if key == "memory" and isinstance(value, dict):
            inner.update(value)
        elif key.startswith("memory."):
            name = key.removeprefix("memory.")
            if isinstance(nested, dict) and name in nested:
                raise ConfigurationError(
                    f"configuration key {key!r} is given twice, also in 'memory'; once is accepted"
                )
            inner[name] = value
        elif key in own:
            changes[key] = value
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
    return dataclasses.replace(config, **changes)
