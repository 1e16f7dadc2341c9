"""What the units say to one another about the memory bus: requests, windows, counts, faults."""

from amaranth.hdl import Cat, Const, Mux, Value
from amaranth.lib import data
from amaranth.utils import exact_log2

from hw.command_layouts import INDEX_BITS
from hw.spec.config import AccelConfig
from hw.spec.timing import BURST_BOUNDARY, MAX_BURST

COUNT_BITS = 20
"""Width of a number of completed commands, and of the waits."""
BEATS_BITS = MAX_BURST.bit_length()

REQUEST = data.StructLayout({"addr": 32, "beats": BEATS_BITS})
"""One burst: byte address of its first beat, and its beats."""
ADDRESS_RANGES = data.StructLayout(
    {
        "read_base": 32,
        "read_limit": 32,
        "write_base": 32,
        "write_limit": 32,
    }
)
"""The byte ranges that a program may read and write; limits are the first byte beyond."""
COUNTS = data.StructLayout({"load": COUNT_BITS, "execute": COUNT_BITS, "store": COUNT_BITS})
"""Numbers of commands of each kind: completed ones, or those that a command waits for."""
FAULT = data.StructLayout({"raised": 1, "code": 4, "index": INDEX_BITS})
"""A fault raised in this cycle, its code (``regs.Fault``) and the command at fault."""


def smallest(first: Value, *others: Value) -> Value:
    """The smallest of some unsigned values."""
    for other in others:
        first = Mux(other < first, other, first)
    return first


class Burst:
    """The burst at beat address ``addr`` (``bus_bytes`` bytes each) when ``left`` beats are to go.

    It has at most ``most`` beats and ends at a 4 KiB boundary at the latest. ``beats`` is their
    number.
    """

    def __init__(self, config: AccelConfig, addr: Value, left: Value, most: int = MAX_BURST):
        page = exact_log2(BURST_BOUNDARY // config.bus_bytes)
        to_boundary = (1 << page) - addr[:page]
        self._low = exact_log2(config.bus_bytes)
        self._addr = addr
        self.beats = smallest(Const(most, BEATS_BITS), to_boundary[: page + 1], left)[:BEATS_BITS]
        # The burst ends at the smallest of these; none of them waits for ``beats``.
        self._ends = (addr + most, ((addr >> page) + 1) << page, addr + left)

    def may_write(self, address_ranges) -> Value:
        """Whether a write burst lies in the write range."""
        return self._inside(address_ranges.write_base, address_ranges.write_limit)

    def may_read(self, address_ranges) -> Value:
        """Whether a read burst lies in the read range or in the write range."""
        return self._inside(address_ranges.read_base, address_ranges.read_limit) | self.may_write(
            address_ranges
        )

    def _inside(self, base: Value, limit: Value) -> Value:
        ends_inside = Cat(end <= (limit >> self._low) for end in self._ends).any()
        return ((self._addr << self._low) >= base) & ends_inside


def waits_met(command, done) -> Value:
    """Whether the counts ``done`` (COUNTS) satisfy the waits of a command."""
    return (
        (done.load >= command.wait_load)
        & (done.execute >= command.wait_execute)
        & (done.store >= command.wait_store)
    )
