"""End of a run: at END, at the first fault, or by a soft reset."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.command_layouts import INDEX_BITS
from hw.lib.bus import COUNTS, FAULT
from hw.lib.delay import delay
from hw.spec.regs import Fault
from hw.spec.timing import WATCHDOG


class RunControl(wiring.Component):
    """Watches for the end of a run, and lets outstanding bus transfers end first.

    Whatever the bus does, a run ends WATCHDOG cycles after its last movement: with the first fault,
    or with TIMEOUT when there was none.

    Members
    -------
    start : In(1)
        A program runs from the next cycle on.
    running : In(1)
        A program runs.
    fetch_fault, load_fault, store_fault, execute_fault : In(FAULT)
        Faults raised in this cycle, in the order in which the first is chosen. They are heeded in
        the next one, where they go before TIMEOUT.
    moves : In(1)
        High if a bus beat or MAC happened WATCHDOG_DELAY cycles ago; WATCHDOG cycles without one
        raise TIMEOUT.
    last : In(INDEX_BITS)
        The last command dispatched, at fault for TIMEOUT.
    end_pending, end_waits : In
        END has been reached, and what it waits for.
    counts : In(COUNTS)
        Completed commands.
    idle : In(1)
        No LOAD and no STORE is left to do.
    empty : In(1)
        No burst is requested or under way.
    next_stop : Out(1)
        In the next cycle the units make no more requests and drop what still comes. Many read it
        then, so that it is a register; its reset is the hardware's alone, not that of a start.
    done : Out(1)
        The run ends with this cycle.
    fault : Out(1)
        The run ends with this cycle, by the fault below.
    code : Out(4)
        Why.
    index : Out(INDEX_BITS)
        The command at fault.
    """

    start: In(1)
    running: In(1)
    fetch_fault: In(FAULT)
    load_fault: In(FAULT)
    store_fault: In(FAULT)
    execute_fault: In(FAULT)
    moves: In(1, init=1)
    last: In(INDEX_BITS)
    end_pending: In(1)
    end_waits: In(COUNTS)
    counts: In(COUNTS)
    idle: In(1)
    empty: In(1)
    next_stop: Out(1)
    done: Out(1)
    fault: Out(1)
    code: Out(4)
    index: Out(INDEX_BITS)

    def elaborate(self, platform):
        m = Module()
        first = Signal(FAULT)
        timeout = self._build_watchdog(m)
        stopping, standstill = Signal(), Signal()
        # A cycle late, the fault of a program's last write still comes with the end that counts it.
        faults = [
            delay(m, getattr(self, f"{unit}_fault"), 1, f"{unit}_noticed")
            for unit in ("fetch", "load", "store", "execute")
        ]
        for report in reversed((*faults, timeout)):
            with m.If(report.raised):
                m.d.comb += first.eq(report)

        met = (
            (self.counts.load >= self.end_waits.load)
            & (self.counts.execute >= self.end_waits.execute)
            & (self.counts.store >= self.end_waits.store)
        )
        ending = self.end_pending & met
        none = self.code == Fault.NONE
        stops = first.raised | ending
        m.d.comb += [
            self.next_stop.eq(~self.start & (~self.running | stopping | stops)),
            self.done.eq(
                self.running & ending & none & ~first.raised & self.empty & (stopping | self.idle)
            ),
            self.fault.eq(self.running & ~none & (self.empty | standstill)),
        ]
        with m.If(self.running & none & first.raised):
            m.d.sync += self.code.eq(first.code), self.index.eq(first.index)
        with m.If(stops):
            m.d.sync += stopping.eq(1)
        with m.If(timeout.raised):
            m.d.sync += standstill.eq(1)
        return m

    def _build_watchdog(self, m):
        """The fault of a run in which nothing moves for WATCHDOG cycles."""
        quiet = Signal(range(WATCHDOG))
        timeout = Signal(FAULT)
        m.d.comb += [
            timeout.raised.eq((quiet == WATCHDOG - 1) & ~self.moves),
            timeout.code.eq(Fault.TIMEOUT),
            timeout.index.eq(self.last),
        ]
        with m.If(self.moves | ~self.running):
            m.d.sync += quiet.eq(0)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        return timeout
