"""Operand fetch: fetches the lines that the lanes need for each tap group of an EXECUTE."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.input_addresses import InputAddresses
from hw.core.line_coalescer import LineCoalescer
from hw.mem.scratchpad import READ_REQUEST
from hw.spec import timing
from hw.spec.config import AccelConfig


class State(enum.Enum, shape=2):
    """State of the controller."""

    IDLE = 0
    INIT = 1
    WAIT = 2
    RUN = 3


class OperandFetch(wiring.Component):
    """The operand fetch (docs/architecture.md, 3.6).

    Members
    -------
    cmd : In(EXECUTE)
        The command taken last, which is in bank ``bank``.
    queued : In(1)
        A command waits.
    bank_free : In(1)
        The bank for it may be overwritten.
    take : Out(1)
        It is taken in this cycle into the bank that is not ``bank``.
    bank : Out(1)
        Bank of the command taken last.
    waits_met : In(1)
        The counts that the command waits for are reached.
    start : Out(1)
        The command starts to run in the next cycle.
    state : Out(State)
        What the unit does.
    read : Out(READ_REQUEST)
        Reads of lines of operands.
    taking : Out(line_taking)
        Lanes that take the line requested in this cycle.
    out : Out(tap_group_port)
        The current tap group, complete except its lines' flight.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "queued": In(1),
                "bank_free": In(1),
                "take": Out(1),
                "bank": Out(1),
                "waits_met": In(1),
                "start": Out(1),
                "state": Out(State),
                "read": Out(READ_REQUEST),
                "taking": Out(stage_layouts.line_taking(config)),
                "out": Out(stage_layouts.tap_group_port(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.addresses = addresses = InputAddresses(self._config)
        m.submodules.lines = lines = LineCoalescer(self._config)
        rows = self._config.rows
        ends = rows + timing.OPERAND_SETUP + self._config.address_cycles - 2
        count = Signal(range(ends + 1))
        taken = Signal()
        m.d.comb += [
            self.bank.eq(~taken),
            self.take.eq((self.state == State.IDLE) & self.queued & self.bank_free),
            self.start.eq((self.state == State.WAIT) & self.waits_met),
        ]
        init, running = Signal(), Signal()
        m.d.comb += [init.eq(self.state == State.INIT), running.eq(self.state == State.RUN)]
        with m.Switch(self.state):
            with m.Case(State.IDLE):
                with m.If(self.take):
                    m.d.sync += [self.state.eq(State.INIT), count.eq(0), taken.eq(~taken)]
            with m.Case(State.INIT):
                m.d.sync += count.eq(count + 1)
                with m.If(count == ends):
                    m.d.sync += self.state.eq(State.WAIT)
            with m.Case(State.WAIT):
                with m.If(self.waits_met):
                    m.d.sync += self.state.eq(State.RUN)
            with m.Case(State.RUN):
                with m.If(lines.done & ~addresses.pending):
                    m.d.sync += self.state.eq(State.IDLE)
        m.d.comb += [
            addresses.cmd.eq(self.cmd),
            addresses.init_en.eq(init & (count < rows)),
            addresses.init_lane.eq(count),
            addresses.begin.eq(init & (count == rows)),
            addresses.take.eq(lines.load),
            lines.load.eq(addresses.ready & lines.ready),
            lines.tap_group.eq(addresses.tap_group),
            lines.lanes.eq(addresses.lanes),
            lines.needs.eq(addresses.needs),
            lines.shape.eq(self.cmd.array_shape),
            lines.room.eq(self.out.room & running),
            lines.grant.eq(self.read.grant),
            self.read.en.eq(lines.read_en),
            self.read.addr.eq(lines.read_line << self._config.line_bits),
            self.taking.en.eq(lines.read_en & self.read.grant),
            self.taking.lanes.eq(lines.take),
            self.taking.high.eq(lines.read_line[0]),
            self.out.push.eq(lines.done),
            self.out.tap_group.eq(lines.current),
            self.out.lanes.eq(lines.current_lanes),
        ]
        return m
