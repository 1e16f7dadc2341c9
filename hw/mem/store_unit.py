"""The STORE unit: from the scratchpad to memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from hw import command_layouts
from hw.lib.bus import ADDRESS_RANGES, REQUEST, Burst, unit_port, waits_met, write_channel
from hw.mem.scratchpad import line_read_port
from hw.mem.store_data import StoreData
from hw.spec.config import AccelConfig
from hw.spec.regs import Fault
from hw.spec.timing import MAX_OUTSTANDING


class StoreUnit(wiring.Component):
    """Runs STORE commands one after another.

    A command taken in cycle t starts in t + 1 at the earliest. Its first line may be read in the
    cycle after, and its first address is presented in the second cycle after. After an address that
    is taken comes a cycle without one.

    Members
    -------
    command, phase, counts, stop, range_fault, fault, done, trace : unit_port
        See there. ``stop`` presents no new bursts, and pays the beats still owed without strobe.
        A command is complete when its last burst is known to be answered.
    address_ranges : In(ADDRESS_RANGES)
        What may be written.
    scratchpad : Out(line_read_port)
        The scratchpad.
    aw : Out(stream of REQUEST)
        The AW channel; it depends on registers only.
    w : Out(write_channel)
        The W channel.
    b_valid, b_error : In(1)
        A burst is answered in this cycle, and with an error.
    idle : Out(1)
        No command is waiting or being run, in the queue or here.
    empty : Out(1)
        No burst is presented or under way.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                **unit_port(command_layouts.STORE, config).members,
                "address_ranges": In(ADDRESS_RANGES),
                "scratchpad": Out(line_read_port(config)),
                "aw": Out(stream.Signature(REQUEST)),
                "w": Out(write_channel(config)),
                "b_valid": In(1),
                "b_error": In(1),
                "idle": Out(1),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.data = words = StoreData(self._config)
        command = Signal(command_layouts.STORE, reset_less=True)
        start, waiting = Signal(), Signal()
        bursts_left = Signal()
        unanswered = Signal(range(MAX_OUTSTANDING + 1))
        outside = self._build_addresses(m, words, command, waiting, bursts_left, unanswered)
        self._build_control(m, command, start, waiting, bursts_left, unanswered)
        connect(m, words.scratchpad, flipped(self.scratchpad))
        connect(m, words.w, flipped(self.w))
        m.d.comb += [
            words.phase.eq(self.phase),
            words.stop.eq(self.stop),
            words.waiting.eq(waiting),
            words.start.eq(start),
            words.command.eq(command),
        ]
        self._build_fault(m, command, outside)
        return m

    def _build_control(self, m, command, start, waiting, bursts_left, unanswered):
        finished = Signal()
        m.d.comb += [
            self.trace.start.eq(start),
            self.trace.done.eq(finished),
            self.trace.index.eq(command.index),
        ]
        m.d.sync += self.done.eq(self.done + finished)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.command.ready.eq(~self.stop), self.idle.eq(~self.command.valid)
                with m.If(self.command.valid & self.command.ready):
                    m.d.sync += command.eq(self.command.payload)
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += waiting.eq(1)
                with m.If(waits_met(command, self.counts) & ~self.stop):
                    m.d.comb += start.eq(1)
                    m.next = "RUN"
            with m.State("RUN"):
                with m.If(~bursts_left & (unanswered == 0)):
                    m.d.comb += finished.eq(1)
                    m.next = "IDLE"

    def _build_addresses(self, m, words, command, waiting, bursts_left, unanswered):
        """The AW channel, at the first burst while the command is ``waiting``; returns whether the
        next burst lies outside the address range."""
        low = exact_log2(self._config.word_bytes)
        addr = Signal(32 - low)
        base = Signal(32)
        left, rows_left = Signal(20), Signal(16)
        presented = Signal()
        outside = Signal()
        payload = self.aw.payload
        end = Signal(33 - low)
        burst = Burst(m, self._config, addr, left, end)
        # Of the burst there, known a cycle after it is aimed at.
        beats = Signal.like(payload.beats, reset_less=True)
        inside, ends_row, known = Signal(reset_less=True), Signal(reset_less=True), Signal()
        wanted = (
            bursts_left & known & words.burst.ready & (unanswered != MAX_OUTSTANDING) & ~self.stop
        )
        sent = self.aw.valid & self.aw.ready
        next_base = Mux(waiting, command.dram_addr, base)
        m.d.comb += [
            bursts_left.eq(rows_left != 0),
            payload.addr.eq(addr << low),
            payload.beats.eq(beats),
            self.aw.valid.eq((wanted & inside) | presented),
            outside.eq(wanted & ~inside & ~presented),
            # A burst is announced when its address is first presented: W must not wait for AWREADY.
            words.burst.valid.eq(self.aw.valid & ~presented),
            words.burst.payload.eq(beats),
            self.empty.eq((unanswered == 0) & ~presented),
        ]
        m.d.sync += [
            beats.eq(burst.beats),
            inside.eq(burst.may_write(self.address_ranges)),
            ends_row.eq(burst.whole),
            known.eq(~waiting & ~sent),
            presented.eq(self.aw.valid & ~self.aw.ready),
            unanswered.eq(unanswered + sent - self.b_valid),
        ]
        with m.If(waiting | (sent & ends_row)):
            m.d.sync += [
                addr.eq(next_base >> low),
                left.eq(command.row_length),
                end.eq((next_base >> low) + command.row_length),
                base.eq(next_base + command.dram_stride),
                rows_left.eq(Mux(waiting, command.row_count, rows_left - 1)),
            ]
        with m.Elif(sent):
            m.d.sync += addr.eq(addr + beats), left.eq(left - beats)
        return outside

    def _build_fault(self, m, command, outside):
        m.d.comb += self.fault.index.eq(command.index)
        with m.If(outside):
            m.d.comb += self.fault.raised.eq(1), self.fault.code.eq(Fault.ADDRESS_RANGE)
        with m.Elif(self.b_valid & self.b_error & ~self.stop):
            m.d.comb += self.fault.raised.eq(1), self.fault.code.eq(Fault.WRITE_ERROR)
        with m.Elif(self.range_fault & ~self.stop):
            m.d.comb += self.fault.raised.eq(1), self.fault.code.eq(Fault.SCRATCHPAD_RANGE)
