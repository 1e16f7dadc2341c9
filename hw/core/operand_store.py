"""Operand stores: for each lane, the lines of the tap groups in the ring, and what the array needs
to find its words."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core import stage_layouts
from hw.core.operand_lane import RING_BITS, OperandLane
from hw.lib.delay import delay
from hw.lib.repeated import repeated
from hw.spec import timing
from hw.spec.config import AccelConfig


class OperandStore(wiring.Component):
    """The ring of tap groups (docs/architecture.md, 3.6 and 3.8).

    Members
    -------
    line : In(8 * line_bytes)
        The scratchpad's line register.
    taking : In(line_taking)
        Lanes that take the line requested in this cycle, READ_LATENCY cycles later.
    tap_groups : In(tap_group_port)
        Tap groups whose lines are all requested.
    in_flight : Out(1)
        Tap groups are in the ring, visible or not.
    visible : Out(1)
        The lines of the oldest tap group have arrived.
    head : Out(tap_group_layout)
        With ``visible``: the oldest tap group.
    next_head : Out(tap_group_layout)
        With ``pop`` or without ``visible``: ``head`` of the next cycle.
    pop : In(1)
        Its last use.
    offset : In(REACH)
        Columns from its first tap to the present one.
    pad : In(8)
        Operand outside the input window.
    words : Out(8 * word_bytes), an array of rows
        The operand word of the present tap for each lane.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        word = config.word_bytes * 8
        super().__init__(
            {
                "line": In(config.line_bytes * 8),
                "taking": In(stage_layouts.line_taking(config)),
                "tap_groups": In(stage_layouts.tap_group_port(config)),
                "in_flight": Out(1),
                "visible": Out(1),
                "head": Out(stage_layouts.tap_group_layout()),
                "next_head": Out(stage_layouts.tap_group_layout()),
                "pop": In(1),
                "offset": In(stage_layouts.REACH),
                "pad": In(8),
                "words": Out(data.ArrayLayout(word, config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pushed, popped, arrived = (Signal(RING_BITS + 1) for _ in range(3))
        self._head_entry, self._push_entry = popped[:RING_BITS], pushed[:RING_BITS]
        push = self.tap_groups.push
        landed = delay(m, push, timing.LINE_LATENCY - 1, "landed")
        held, seen = (Signal(RING_BITS + 1, name=name) for name in ("held", "seen"))
        room = Signal(init=1)
        # Known a cycle ahead: a pop, which comes late, leaves room, and what was seen but one.
        m.d.comb += [
            held.eq(pushed - popped),
            seen.eq(arrived - popped),
            self.in_flight.eq(held != 0),
            self.tap_groups.room.eq(room),
        ]
        m.d.sync += [
            pushed.eq(pushed + push),
            popped.eq(popped + self.pop),
            arrived.eq(arrived + landed),
            room.eq(self.pop | (held + push < timing.TAP_GROUP_RING)),
            self.visible.eq(landed | Mux(self.pop, seen != 1, self.visible)),
        ]
        self._build_head(m)
        self._build_lanes(m, platform)
        return m

    def _build_head(self, m):
        m.submodules.tap_groups = tap_groups = Memory(
            shape=stage_layouts.tap_group_layout(), depth=timing.TAP_GROUP_RING, init=[]
        )
        write, read = tap_groups.write_port(), tap_groups.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.tap_groups.push),
            write.addr.eq(self._push_entry),
            write.data.eq(self.tap_groups.tap_group),
            # As in OperandLane.
            read.addr.eq(self._head_entry + self.visible),
            self.next_head.eq(read.data),
        ]
        with m.If(self.pop | ~self.visible):
            m.d.sync += self.head.eq(self.next_head)

    def _build_lanes(self, m, platform):
        config = self._config
        latency = timing.READ_LATENCY
        enable = delay(m, self.taking.en, latency, "line_en")
        lanes = delay(m, self.taking.lanes, latency, "line_lanes")
        entry = delay(m, Cat(self.taking.high, self._push_entry), latency, "entry")
        for p in range(config.rows):
            lane = repeated(OperandLane, config, platform)
            m.submodules[f"lane{p}"] = lane
            m.d.comb += [
                lane.line.eq(self.line),
                lane.write.eq(enable & lanes[p]),
                lane.entry.eq(entry),
                lane.push.eq(self.tap_groups.push),
                lane.push_entry.eq(self._push_entry),
                lane.lane.eq(self.tap_groups.lanes[p]),
                lane.head_entry.eq(self._head_entry),
                lane.visible.eq(self.visible),
                lane.pop.eq(self.pop),
                lane.offset.eq(self.offset),
                lane.pad.eq(self.pad),
                self.words[p].eq(lane.word),
            ]
