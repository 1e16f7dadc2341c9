"""Sequencer: issues one multiply-accumulate per array position and cycle, and says why not when it
does not."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.operand_fetch import State
from hw.spec.regs import Counter


class MacSequencer(wiring.Component):
    """Goes through the taps and channels of the oldest tap group (docs/architecture.md, 3.8).

    Members
    -------
    cmd : In(EXECUTE)
        The command of the oldest tap group.
    head : In(tap_group_layout)
        The oldest tap group.
    next_head : In(tap_group_layout)
        With ``pop`` or without ``visible``: ``head`` of the next cycle.
    visible : In(1)
        It is there, with its lines.
    in_flight : In(1)
        It is there, or on its way.
    weight_ready : In(1)
        Its weight word is there.
    drain_ready : In(1)
        The drain can take a pixel group.
    fetch_state : In(State)
        What the operand fetch does, for the cause of an idle cycle.
    fetch_queued : In(1)
        A command waits for the operand fetch.
    load_met, store_met : In(1)
        The counts that its command waits for are reached.
    issue : Out(1)
        A multiply-accumulate issues.
    channel : Out(6)
        Its channel in the input block.
    offset : Out(REACH)
        Columns from the tap group's first tap to its tap.
    pop : Out(1)
        It is the last of its tap group.
    pixel_group_end : Out(1)
        The multiply-accumulate to issue is the last of its pixel group.
    cause : Out(4)
        The cycle counter that counts (hw.spec.regs.Counter).
    """

    cmd: In(command_layouts.EXECUTE)
    head: In(stage_layouts.tap_group_layout())
    next_head: In(stage_layouts.tap_group_layout())
    visible: In(1)
    in_flight: In(1)
    weight_ready: In(1)
    drain_ready: In(1)
    fetch_state: In(State)
    fetch_queued: In(1)
    load_met: In(1)
    store_met: In(1)
    issue: Out(1)
    channel: Out(6)
    offset: Out(4)
    pop: Out(1)
    pixel_group_end: Out(1)
    cause: Out(4)

    def elaborate(self, platform):
        m = Module()
        tap = Signal(4)
        last_channel, last_tap, weights, drain = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.pixel_group_end.eq(last_channel & last_tap & self.head.last),
            weights.eq(self.cmd.ones | self.weight_ready),
            drain.eq(~self.pixel_group_end | self.drain_ready),
            self.issue.eq(self.visible & weights & drain),
            self.pop.eq(self.issue & last_channel & last_tap),
        ]
        head, following = self.head, self.next_head
        with m.If(self.issue):
            m.d.sync += [
                self.channel.eq(Mux(last_channel, 0, self.channel + 1)),
                last_channel.eq(
                    Mux(last_channel, head.last_channel == 0, self.channel + 1 == head.last_channel)
                ),
            ]
            with m.If(last_channel):
                m.d.sync += [
                    tap.eq(Mux(last_tap, 0, tap + 1)),
                    last_tap.eq(tap + 1 == head.last_tap),
                    self.offset.eq(Mux(last_tap, 0, self.offset + self.cmd.col_dilation)),
                ]
        with m.If(self.pop | ~self.visible):
            m.d.sync += [
                last_channel.eq(following.last_channel == 0),
                last_tap.eq(following.last_tap == 0),
            ]
        with m.If(self.issue):
            m.d.comb += self.cause.eq(
                Mux(self.cmd.network, Counter.BUSY_NETWORK, Counter.BUSY_OTHER)
            )
        with m.Elif(self.visible):
            m.d.comb += self.cause.eq(Mux(weights, Counter.STALL_DRAIN, Counter.STALL_WEIGHT))
        with m.Elif(self.in_flight):
            m.d.comb += self.cause.eq(Counter.STALL_OPERAND)
        with m.Else():
            with m.Switch(self.fetch_state):
                with m.Case(State.INIT, State.RUN):
                    m.d.comb += self.cause.eq(Counter.STALL_OPERAND)
                with m.Case(State.WAIT):
                    m.d.comb += self.cause.eq(
                        Mux(
                            ~self.load_met,
                            Counter.WAIT_LOAD,
                            Mux(~self.store_met, Counter.WAIT_STORE, Counter.WAIT_EXECUTE),
                        )
                    )
                with m.Case(State.IDLE):
                    m.d.comb += self.cause.eq(
                        Mux(self.fetch_queued, Counter.WAIT_EXECUTE, Counter.WAIT_COMMAND)
                    )
        return m
