"""Layouts and interfaces between the units: requests, address ranges, counts, faults, traces."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature
from amaranth.utils import exact_log2

from hw.command_layouts import INDEX_BITS
from hw.spec.config import AccelConfig
from hw.spec.timing import BURST_BOUNDARY, MAX_BURST

COUNT_BITS = 20
"""Width of a number of completed commands, and of the waits."""
BEATS_BITS = MAX_BURST.bit_length()

REQUEST = data.StructLayout({"addr": 32, "beats": BEATS_BITS})
"""One burst: byte address of its first beat, counted from the base, and its beats: words within the
core (``hw.mem.read_width``)."""
ADDRESS_RANGES = data.StructLayout(
    {
        "read_base": 32,
        "read_limit": 32,
        "write_base": 32,
        "write_limit": 32,
    }
)
"""The byte ranges that a program may read and write, counted from the base; limits are the first
byte beyond."""
BASE_BITS = exact_log2(BURST_BOUNDARY)
"""Low bits of the base, which are 0: a burst lies as well to the borders of pages at any base."""
COUNTS = data.StructLayout({"load": COUNT_BITS, "execute": COUNT_BITS, "store": COUNT_BITS})
"""Numbers of commands of each kind: completed ones, or those that a command waits for."""
FAULT = data.StructLayout({"raised": 1, "code": 4, "index": INDEX_BITS})
"""A fault raised in this cycle, its code (``regs.Fault``) and the command at fault."""
TRACE = Signature({"start": Out(1), "done": Out(1), "index": Out(INDEX_BITS)})
"""A command starts, a command is complete, and the command that these strobes are about."""


def unit_port(command: data.StructLayout, config: AccelConfig) -> Signature:
    """The ports that LOAD, EXECUTE and STORE have in common, seen from the unit.

    Members
    -------
    command : In(stream of command)
        The queue.
    phase : In(range(config.phases))
        The machine's phase. The scratchpad's is that modulo ``line_words``.
    counts : In(COUNTS)
        Completed commands of all units.
    stop : In(1)
        Begin nothing more.
    range_fault : In(1)
        The unit's access of this cycle lies beyond the scratchpad.
    fault : Out(FAULT)
        A fault of the unit.
    done : Out(COUNT_BITS)
        Completed commands of the unit.
    trace : Out(TRACE)
        Starts and ends of commands.
    """
    return Signature(
        {
            "command": In(stream.Signature(command)),
            "phase": In(range(config.phases)),
            "counts": In(COUNTS),
            "stop": In(1),
            "range_fault": In(1),
            "fault": Out(FAULT),
            "done": Out(COUNT_BITS),
            "trace": Out(TRACE),
        }
    )


def read_port(config: AccelConfig) -> Signature:
    """Bursts read from memory, seen from the requester.

    Members
    -------
    request : Out(stream of REQUEST)
        The bursts.
    beat : In(1)
        A beat of the oldest burst is handed over in this cycle.
    data : In(8 * cols)
        With ``beat``: the beat, first byte lowest.
    error : In(1)
        With ``beat``: the response is an error.
    """
    return Signature(
        {
            "request": Out(stream.Signature(REQUEST)),
            "beat": In(1),
            "data": In(8 * config.cols),
            "error": In(1),
        }
    )


def write_channel(config: AccelConfig) -> Signature:
    """The W channel, seen from STORE.

    Members
    -------
    valid, last : Out(1)
        A beat; the last of its burst. Both depend on registers only.
    ready : In(1)
        The beat is taken.
    data : Out(8 * cols)
        The beat.
    strobe : Out(1)
        Low for a beat that must not be written; one bit for all bytes.
    """
    return Signature(
        {
            "valid": Out(1),
            "last": Out(1),
            "ready": In(1),
            "data": Out(8 * config.cols),
            "strobe": Out(1),
        }
    )


def smallest(first: Value, *others: Value) -> Value:
    """The smallest of some unsigned values."""
    for other in others:
        first = Mux(other < first, other, first)
    return first


class Burst:
    """The burst at word address ``addr`` when ``left`` words are to go, the last before ``end``.

    It has at most ``most`` words, ``config.burst_words`` by default, and ends at a 4 KiB boundary
    at the latest. ``beats`` is the number of its words, and ``whole`` says that it has all.
    """

    def __init__(
        self,
        m: Module,
        config: AccelConfig,
        addr: Value,
        left: Value,
        end: Value,
        most: int | None = None,
    ):
        self._m, self._addr, self._end = m, addr, end
        self._most = config.burst_words if most is None else most
        self._low = exact_log2(config.word_bytes)
        self._page = exact_log2(BURST_BOUNDARY) - self._low
        to_boundary = ((1 << self._page) - addr[: self._page])[: self._page + 1]
        longest = smallest(Const(self._most, BEATS_BITS), to_boundary)
        self.whole = left <= longest
        self.beats = Mux(self.whole, left, longest)[:BEATS_BITS]

    def may_write(self, address_ranges) -> Value:
        """Whether a write burst lies in the write range, which has stood for a cycle."""
        return self._inside(address_ranges.write_base, address_ranges.write_limit)

    def may_read(self, address_ranges) -> Value:
        """Whether a read burst lies in the read range or in the write range, likewise."""
        return self._inside(address_ranges.read_base, address_ranges.read_limit) | self.may_write(
            address_ranges
        )

    def _inside(self, base: Value, limit: Value) -> Value:
        """It ends at ``end``, at the page's end or after ``most`` words, whichever comes first; no
        comparison waits for ``beats`` or for another sum."""
        limit = limit >> self._low
        last = Signal(signed(len(limit) + 1), name="last_of_range", reset_less=True)
        self._m.d.sync += last.eq(limit - self._most)
        page, last_page = self._addr >> self._page, limit >> self._page
        ends = (self._end <= limit) | (self._addr <= last) | (page < last_page)
        return ((self._addr << self._low) >= base) & ends


def waits_met(command, done) -> Value:
    """Whether the counts ``done`` (COUNTS) satisfy the waits of a command."""
    return (
        (done.load >= command.wait_load)
        & (done.execute >= command.wait_execute)
        & (done.store >= command.wait_store)
    )
