"""Input and results of one run of the simulated accelerator."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hw.spec.external_memory import Memory


@dataclass(frozen=True)
class ErrorRegion:
    """Addresses ``[lo, hi)`` that answer with ``resp``: 2 is SLVERR, 3 is DECERR."""

    lo: int
    hi: int
    resp: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.lo < self.hi < 1 << 32:
            raise ValueError(f"lo and hi must be 0 <= lo < hi < 2**32, not {self.lo}, {self.hi}")
        if self.resp not in (2, 3):
            raise ValueError(f"resp must be 2 (SLVERR) or 3 (DECERR), not {self.resp!r}")


CHANNELS = ("ar", "r", "aw", "w", "b")


@dataclass(frozen=True)
class Silence:
    """A memory that stops answering on ``channels`` once they have seen ``after`` handshakes.

    The handshakes are counted together, from reset. ``cycles`` later it answers again; never, if
    that is 0.
    """

    channels: tuple[str, ...]
    after: int
    cycles: int = 0

    def __post_init__(self) -> None:
        if not self.channels or not set(self.channels) <= set(CHANNELS):
            raise ValueError(f"channels must be some of {', '.join(CHANNELS)}, not {self.channels}")
        if not (0 <= self.after < 1 << 31 and 0 <= self.cycles < 1 << 31):
            raise ValueError(
                f"after and cycles must be 0 to 2**31 - 1, not {self.after}, {self.cycles}"
            )

    @property
    def mask(self) -> int:
        """The channels as bits, in the order of CHANNELS."""
        return sum(1 << CHANNELS.index(channel) for channel in set(self.channels))


@dataclass(frozen=True)
class MemoryModel:
    """Settings of the memory for one run.

    ``timing`` is its latency and its bandwidth. ``gap_rate`` is the share of cycles in which each
    AXI channel holds back, drawn from ``gap_seed``; above 0, timing means nothing. Errors and
    silence do not work with the cocotbext memory, and its latency is its own.
    """

    timing: Memory = field(default_factory=Memory)
    gap_seed: int = 0
    gap_rate: float = 0.0
    read_error: ErrorRegion | None = None
    write_error: ErrorRegion | None = None
    silence: Silence | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gap_rate <= 0.99:
            raise ValueError(f"gap_rate must be 0 to 0.99, not {self.gap_rate!r}")
        if not 0 <= self.gap_seed < 1 << 31:
            raise ValueError(f"gap_seed must be 0 to 2**31 - 1, not {self.gap_seed!r}")


@dataclass(frozen=True)
class SoftReset:
    """A reset in the middle: ``after`` cycles from the start, ``write`` (offset, value).

    Then the register ``idle[0]`` is read until ``value & idle[1] == idle[2]``, the image is loaded
    afresh, and the whole run is done again.
    """

    after: int
    write: tuple[int, int]
    idle: tuple[int, int, int]


@dataclass(frozen=True)
class RunSpec:
    """One run: reset, load, write registers, start, wait for the interrupt, read back.

    ``image`` is the memory from address ``origin`` on, uint8, padded with zeros to the bus width
    and then to the memory's end. ``writes`` are (offset, value) in order; ``start`` is the write
    that starts the machine, which nothing before it may repeat. ``timeout`` is in cycles from the
    start. ``dump`` is the byte range to read back, by default the image's own; it counts from
    ``origin``, as errors of the memory do. ``axi_log`` records every handshake of the AXI master.
    With ``stop``, a cycle, the run ends soon after it, unfinished.
    """

    image: np.ndarray
    writes: tuple[tuple[int, int], ...]
    start: tuple[int, int]
    reads: tuple[int, ...] = ()
    timeout: int = 1_000_000
    memory: MemoryModel = field(default_factory=MemoryModel)
    reset: SoftReset | None = None
    dump: tuple[int, int] | None = None
    axi_log: bool = False
    origin: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.origin < 1 << 32:
            raise ValueError(f"origin must be 0 to 2**32 - 1, not {self.origin!r}")
        if self.image.dtype != np.uint8 or self.image.ndim != 1:
            raise ValueError(
                f"image must be one-dimensional uint8, not {self.image.ndim}-d {self.image.dtype}"
            )

    @property
    def dump_range(self) -> tuple[int, int]:
        """The byte range ``[lo, hi)`` to read back."""
        return self.dump or (0, len(self.image))


@dataclass(frozen=True)
class TraceEvent:
    """``unit`` (load, execute, store) saw ``event`` (start, done) of command ``index``.

    Or ``unit`` is mac and ``event`` cycles: ``cycle`` is the array's last one for command ``index``
    before it works for another, and ``counts`` are the cycles since its last one for another, by
    CYCLE_COUNTERS. Cycle 0 is the handshake that writes the start register.
    """

    cycle: int
    unit: str
    event: str
    index: int
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class AxiEvent:
    """A handshake on ``channel`` (one of CHANNELS) in ``cycle``.

    ``fields``: address and AxLEN (ar, aw), last and response (r), last (w), response (b).
    """

    cycle: int
    channel: str
    fields: tuple[int, ...]


@dataclass(frozen=True)
class RtlResult:
    """Results of a run.

    ``registers`` maps the offsets read to values. ``cycles`` run from the handshake that writes the
    start register to the rising edge of the interrupt. ``dram`` holds the bytes of
    ``RunSpec.dump_range``. ``violations`` are breaches of AXI, ``quiet`` tells that no burst was
    under way when the interrupt rose. ``failure`` is ``None``, or why the run is worth nothing.
    ``wall_time`` is in seconds, from start to interrupt.
    """

    registers: dict[int, int]
    cycles: int
    dram: np.ndarray
    events: list[TraceEvent]
    axi: list[AxiEvent]
    violations: list[str]
    quiet: bool
    failure: str | None
    wall_time: float

    @property
    def cycles_per_second(self) -> float:
        """Simulated cycles per second of the host."""
        return self.cycles / self.wall_time if self.wall_time else 0.0
