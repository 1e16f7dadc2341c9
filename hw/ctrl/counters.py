"""The performance counters."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.spec.regs import COUNTER_BITS, CYCLE_COUNTERS, Counter

PLACES = 16
"""Places of the memory: one for each counter except OCCUPIED, which has a register of its own."""
assert len(Counter) == PLACES + 1 and len(CYCLE_COUNTERS) == Counter.OCCUPIED
FIRST_CYCLES = 2
"""Cycles 0 and 1, which count for WAIT_COMMAND."""


class Counters(wiring.Component):
    """Counts while a program runs; exactly one of the first nine counts in each cycle.

    A counter is the sum of a word in a memory and of a small register, which has what the last
    PLACES cycles at most have added. One place after another, register and word are added and the
    sum becomes the word. A reader waits for the turn of its counter.

    ``start`` is high in cycle 1 of a run. Cycles 0 and 1 count for WAIT_COMMAND. What a
    cycle adds is in the counters two cycles later.

    Members
    -------
    start : In(1)
        Begin anew.
    running : In(1)
        Count in this cycle.
    cause : In(4)
        The cycle counter (regs.Counter 0 to 8) that this cycle belongs to.
    occupied : In(16)
        Multiply-accumulates of occupied array positions.
    events : In(Counter.COMMANDS - Counter.OCCUPIED)
        What happens in this cycle, from READ_BEATS on.
    counter : In(range(len(Counter)))
        The counter to read.
    ready : Out(1)
        It is that counter's turn.
    value : Out(COUNTER_BITS)
        In the cycle after ``ready``: its value.
    cycles : Out(COUNTER_BITS)
        Cycles of the run.
    """

    start: In(1)
    running: In(1)
    cause: In(4)
    occupied: In(16)
    events: In(Counter.COMMANDS - Counter.OCCUPIED)
    counter: In(range(len(Counter)))
    ready: Out(1)
    value: Out(COUNTER_BITS)
    cycles: Out(COUNTER_BITS)

    def elaborate(self, platform):
        m = Module()
        running = Signal()
        cause, occupied, events = (
            Signal.like(getattr(self, name)) for name in ("cause", "occupied", "events")
        )
        m.d.sync += [
            running.eq(self.running),
            cause.eq(self.cause),
            occupied.eq(self.occupied),
            events.eq(self.events),
        ]
        sums = Signal(COUNTER_BITS)
        with m.If(self.start):
            m.d.sync += sums.eq(0), self.cycles.eq(FIRST_CYCLES)
        with m.Elif(running):
            m.d.sync += sums.eq(sums + occupied), self.cycles.eq(self.cycles + 1)
        place, total = self._build_places(m, running, cause, events)
        with m.If(self.counter == Counter.OCCUPIED):
            m.d.comb += self.ready.eq(1)
            m.d.sync += self.value.eq(sums)
        with m.Else():
            above = self.counter > Counter.OCCUPIED
            m.d.comb += self.ready.eq((self.counter - above)[:4] == place)
            m.d.sync += self.value.eq(total)
        return m

    def _build_places(self, m, running, cause, events):
        """All counters except OCCUPIED; returns the place whose turn it is, and its sum."""
        place = Signal(range(PLACES))
        # Words that a start has left to clear: so many turns begin with 0.
        stale = Signal(range(PLACES + 1), init=PLACES)
        m.d.sync += place.eq(place + 1)
        with m.If(self.start):
            m.d.sync += stale.eq(PLACES)
        with m.Elif(stale != 0):
            m.d.sync += stale.eq(stale - 1)
        counted = [cause == counter for counter in CYCLE_COUNTERS] + list(events)
        adds = [running & counts for counts in counted]
        begins = [FIRST_CYCLES if i == Counter.WAIT_COMMAND else 0 for i in range(PLACES)]
        recent = [
            Signal(range(PLACES + FIRST_CYCLES + 1), name=f"recent{i}") for i in range(PLACES)
        ]
        for i, now in enumerate(recent):
            with m.If(self.start):
                m.d.sync += now.eq(begins[i])
            with m.Else():
                m.d.sync += now.eq(Mux(place == i, 0, now) + adds[i])
        return place, self._build_turn(m, place, stale, recent, adds, begins)

    def _build_turn(self, m, place, stale, recent, adds, begins):
        """The sum of the place whose turn it is, which becomes its word. Its word and its register
        are chosen a cycle before."""
        m.submodules.words = words = Memory(shape=COUNTER_BITS, depth=PLACES, init=[])
        read, write = words.read_port(domain="comb"), words.write_port()
        total, following = Signal(COUNTER_BITS), Signal.like(place)
        word = Signal(COUNTER_BITS)
        added, last = Signal.like(recent[0], name="added"), Signal()
        m.d.comb += [
            following.eq(place + 1),
            read.addr.eq(following),
            total.eq(word + added + last),
            write.addr.eq(place),
            write.data.eq(total),
            write.en.eq(1),
        ]
        with m.If(self.start):
            m.d.sync += word.eq(0), added.eq(Array(begins)[following]), last.eq(0)
        with m.Else():
            m.d.sync += [
                word.eq(Mux(stale > 1, 0, read.data)),
                added.eq(Array(recent)[following]),
                last.eq(Array(adds)[following]),
            ]
        return total
