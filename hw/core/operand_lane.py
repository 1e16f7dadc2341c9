"""A lane of the operand stores: its lines of the tap groups in the ring, and the choice of a word
in them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.core import stage_layouts
from hw.lib.mux_tree import mux_tree
from hw.spec import timing
from hw.spec.config import AccelConfig

RING_BITS = 2
assert timing.TAP_GROUP_RING == 1 << RING_BITS


class OperandLane(wiring.Component):
    """Two lines for each tap group in the ring, as one memory for each bank.

    Members
    -------
    line : In(8 * line_bytes)
        The scratchpad's line register.
    write : In(1)
        The lane takes ``line``.
    entry : In(RING_BITS + 1)
        With ``write``: the tap group's place in the ring, above bit 0 of the line's address.
    push : In(1)
        A tap group enters the ring.
    push_entry : In(RING_BITS)
        With ``push``: its place.
    lane : In(lane_layout)
        With ``push``: its lane.
    head_entry : In(RING_BITS)
        Place of the oldest tap group.
    visible : In(1)
        It is there.
    pop : In(1)
        The next tap group is the oldest from the next cycle on.
    offset : In(REACH)
        Columns from its first tap to the present one.
    pad : In(8)
        Operand outside the input window.
    word : Out(8 * word_bytes)
        The operand word of the present tap.
    """

    MODULE = "operand_lane"
    OWN = ("write", "lane", "word")

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "line": In(config.line_bytes * 8),
                "write": In(1),
                "entry": In(RING_BITS + 1),
                "push": In(1),
                "push_entry": In(RING_BITS),
                "lane": In(stage_layouts.lane_layout(config)),
                "head_entry": In(RING_BITS),
                "visible": In(1),
                "pop": In(1),
                "offset": In(stage_layouts.REACH),
                "pad": In(8),
                "word": Out(config.word_bytes * 8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        word, bits = config.word_bytes * 8, config.line_bits
        place, inside = self._build_place(m, bits)
        stored = []
        for bank in range(config.line_words):
            m.submodules[f"store{bank}"] = store = Memory(
                shape=word, depth=2 * timing.TAP_GROUP_RING, init=[]
            )
            write, read = store.write_port(), store.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(self.write),
                write.addr.eq(self.entry),
                write.data.eq(self.line.word_select(bank, word)),
                read.addr.eq(Cat(place[bits], self.head_entry)),
            ]
            stored.append(read.data)
        found = Signal(word)
        m.d.comb += [
            found.eq(mux_tree(stored, place[:bits])),
            self.word.eq(Mux(inside, found, self.pad.replicate(config.cols))),
        ]
        return m

    def _build_place(self, m, bits):
        """The place of the present tap in the two lines, and whether it is inside the input
        window. The lane is a register: a pop, which comes late, only loads it."""
        layout = stage_layouts.lane_layout(self._config)
        m.submodules.place = places = Memory(shape=layout, depth=timing.TAP_GROUP_RING, init=[])
        write, read = places.write_port(), places.read_port(domain="comb")
        lane, place = Signal(layout, reset_less=True), Signal(bits + 1)
        m.d.comb += [
            write.en.eq(self.push),
            write.addr.eq(self.push_entry),
            write.data.eq(self.lane),
            # Of the tap group after the oldest, or of the oldest until it is there.
            read.addr.eq(self.head_entry + self.visible),
            place.eq(lane.offset + self.offset),
        ]
        with m.If(self.pop | ~self.visible):
            m.d.sync += lane.eq(read.data)
        return place, lane.inside & (self.offset >= lane.first) & (self.offset <= lane.last)
