"""Fill: walks the steps of an EXECUTE and fetches the lines that the lanes need for each."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hw import layouts
from hw.core import command
from hw.core.lines import LineRequests
from hw.core.walk import StepWalk
from hw.mem.pool import BANK_BITS, WORD_ADDR
from hw.spec.config import AccelConfig


class State(enum.Enum, shape=2):
    IDLE = 0
    INIT = 1
    WAIT = 2
    RUN = 3


class Fill(wiring.Component):
    """The fill unit (docs/architecture.md, 3.6).

    Members
    -------
    cmd : the command of bank ``bank``, while state is not IDLE
    queued, bank_free : a command waits; its bank may be overwritten
    take : the command is taken into bank ``bank`` in this cycle
    waits_met : the counts that the command waits for are reached
    start : the command starts to run in the next cycle
    state : what the unit does
    read_en, read_addr, grant : line requests
    room : the ring of steps has room
    line_en, line_lanes, line_high : with a granted request, the lanes that take the line, and
        its address bit 0
    push, step, lanes : the current step is complete but for its lines' flight
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(layouts.EXECUTE),
                "queued": In(1),
                "bank_free": In(1),
                "take": Out(1),
                "bank": Out(1),
                "waits_met": In(1),
                "start": Out(1),
                "state": Out(State),
                "read_en": Out(1),
                "read_addr": Out(WORD_ADDR),
                "grant": In(1),
                "room": In(1),
                "line_en": Out(1),
                "line_lanes": Out(config.rows),
                "line_high": Out(1),
                "push": Out(1),
                "step": Out(command.step_layout()),
                "lanes": Out(data.ArrayLayout(command.lane_layout(), config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = StepWalk(self._config)
        m.submodules.lines = lines = LineRequests(self._config)
        lane = Signal(range(self._config.rows))
        taken = Signal()
        m.d.comb += [
            self.bank.eq(taken ^ (self.state != State.IDLE)),
            self.take.eq((self.state == State.IDLE) & self.queued & self.bank_free),
            self.start.eq((self.state == State.WAIT) & self.waits_met),
        ]
        running = Signal()
        m.d.comb += running.eq(self.state == State.RUN)
        with m.Switch(self.state):
            with m.Case(State.IDLE):
                with m.If(self.take):
                    m.d.sync += [self.state.eq(State.INIT), lane.eq(0), taken.eq(~taken)]
            with m.Case(State.INIT):
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == self._config.rows - 1):
                    m.d.sync += self.state.eq(State.WAIT)
            with m.Case(State.WAIT):
                with m.If(self.waits_met):
                    m.d.sync += self.state.eq(State.RUN)
            with m.Case(State.RUN):
                with m.If(lines.done & walk.exhausted):
                    m.d.sync += self.state.eq(State.IDLE)
        m.d.comb += [
            walk.cmd.eq(self.cmd),
            walk.bank.eq(self.bank),
            walk.begin.eq(self.state == State.WAIT),
            walk.init_en.eq(self.state == State.INIT),
            walk.init_lane.eq(lane),
            walk.next.eq(running & lines.ready & ~walk.exhausted),
            lines.load.eq(walk.next),
            lines.step.eq(walk.step),
            lines.lanes.eq(walk.lanes),
            lines.needs.eq(walk.needs),
            lines.room.eq(self.room),
            lines.grant.eq(self.grant),
            self.read_en.eq(lines.read_en),
            self.read_addr.eq(lines.read_line << BANK_BITS),
            self.line_en.eq(lines.read_en & self.grant),
            self.line_lanes.eq(lines.take),
            self.line_high.eq(lines.read_line[0]),
            self.push.eq(lines.done),
            self.step.eq(lines.current),
            self.lanes.eq(lines.current_lanes),
        ]
        return m
