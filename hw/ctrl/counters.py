"""The performance counters."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.spec.regs import COUNTER_BITS, CYCLE_COUNTERS, Counter


class Counters(wiring.Component):
    """Counts while a program runs; exactly one of the first nine counts in each cycle.

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
    values : Out(array)
        All counters, by regs.Counter.
    cycles : Out(COUNTER_BITS)
        Cycles of the run.
    """

    start: In(1)
    running: In(1)
    cause: In(4)
    occupied: In(16)
    events: In(Counter.COMMANDS - Counter.OCCUPIED)
    values: Out(data.ArrayLayout(COUNTER_BITS, len(Counter)))
    cycles: Out(COUNTER_BITS)

    def elaborate(self, platform):
        m = Module()
        before = Const(2, COUNTER_BITS)
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
        with m.If(self.start):
            m.d.sync += [self.values[c].eq(0) for c in Counter if c != Counter.WAIT_COMMAND]
            m.d.sync += self.values[Counter.WAIT_COMMAND].eq(before), self.cycles.eq(before)
        with m.Elif(running):
            m.d.sync += self.cycles.eq(self.cycles + 1)
            for counter in Counter:
                value = self.values[counter]
                if counter in CYCLE_COUNTERS:
                    amount = Mux(cause == counter, 1, 0)
                elif counter == Counter.OCCUPIED:
                    amount = occupied
                else:
                    amount = events[counter - Counter.READ_BEATS]
                with m.If(amount != 0):
                    m.d.sync += value.eq(value + amount)
        return m
