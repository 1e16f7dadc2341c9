"""The external memory that a machine is configured for."""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.config_keys import KEYS, check_value


@dataclass(frozen=True)
class Memory:
    """The external memory (docs/architecture.md, section 6). Raises ConfigurationError when a
    value is impossible."""

    latency: int = 64
    """Cycles from AR to the first beat."""
    bytes_per_cycle: int = 0
    """Bytes of the data bus that move per cycle; 0: its full width."""

    def __post_init__(self) -> None:
        check_value(
            type(self.latency) is int and 1 <= self.latency <= 1000,
            "memory.latency",
            self.latency,
            KEYS["memory.latency"].accepted,
        )

    def interval(self, bus_bytes: int) -> int:
        """Cycles from one beat to the next, at the least, on a bus of ``bus_bytes``. Raises
        ConfigurationError when ``bytes_per_cycle`` does not divide it."""
        rate = self.bytes_per_cycle
        check_value(
            type(rate) is int and (rate == 0 or (rate > 0 and bus_bytes % rate == 0)),
            "memory.bytes_per_cycle",
            rate,
            f"0 (the bus width) or a divisor of the bus width, {bus_bytes}",
        )
        return bus_bytes // (rate or bus_bytes)
