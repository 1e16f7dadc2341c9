"""Addresses of one lane of each step of a tap group."""

from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core import stage_layouts
from hw.core.line_coalescer import need_layout
from hw.mem.scratchpad import WORD_ADDR
from hw.spec.config import AccelConfig
from hw.spec.isa import EXECUTE_FIELDS

POSITION = stage_layouts.POSITION
WINDOW = next(f.width for f in EXECUTE_FIELDS if f.name == "in_width")


def origin_layout() -> data.StructLayout:
    """Column and row of tap (0, 0) of a pixel in the input window, and the row's word address."""
    return data.StructLayout({"x": signed(POSITION), "y": signed(POSITION), "row": WORD_ADDR})


class AddressLane(wiring.Component):
    """Two stages: the coordinates of a tap group's taps, and the lines that have them.

    The places of its pixels, one for each step, stand in two rings of registers: where they are
    now, and where they are at the start of an output block. With every step the rings turn. If
    there are several places, whether a pixel wraps is found while its place becomes the first.

    Members
    -------
    init_en : In(1)
        The ring of starts turns and takes ``init``.
    init : In(origin_layout)
        With ``init_en``: the start of the next step's pixel.
    enter : In(1)
        A step enters the first stage.
    active : In(1)
        With ``enter``: there is a pixel.
    fresh : In(1)
        With ``enter``: the tap group is the first of its output block.
    limit : In
        Column from which on the next pixel group wraps to the next output row.
    stays, wraps : In(origin_layout)
        How far a pixel moves with this step if it does not wrap, and if it does.
    x_offset, y_offset, span, row_addr : In
        Of the tap group, as LoopNest has them.
    in_width, in_height : In
        The input window.
    lane : Out(lane_layout)
        The lane of the step in the first stage.
    need : Out(need_layout)
        The lines that it needs.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "init_en": In(1),
                "init": In(origin_layout()),
                "enter": In(1),
                "active": In(1),
                "fresh": In(1),
                "limit": In(signed(POSITION + 2)),
                "stays": In(origin_layout()),
                "wraps": In(origin_layout()),
                "x_offset": In(POSITION),
                "y_offset": In(POSITION),
                "span": In(stage_layouts.REACH),
                "row_addr": In(WORD_ADDR),
                "in_width": In(WINDOW),
                "in_height": In(WINDOW),
                "lane": Out(stage_layouts.lane_layout(config)),
                "need": Out(need_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._build_taps(m, self._build_origin(m))
        self._build_lines(m)
        return m

    def _build_origin(self, m):
        """The place of the pixel of the step that enters."""
        starts, origins = (self._ring(name) for name in ("start", "origin"))
        with m.If(self.init_en | self.enter):
            m.d.sync += starts[-1].eq(Mux(self.init_en, self.init, starts[0]))
            m.d.sync += [place.eq(after) for place, after in pairwise(starts)]
        origin = Signal(origin_layout())
        m.d.comb += origin.eq(Mux(self.fresh, starts[0], origins[0]))
        if len(origins) > 1:
            turns = self.init_en | self.enter
            begun, moved = self._wraps(m, starts, turns), self._wraps(m, origins, self.enter)
            wraps = Mux(self.fresh, begun, moved)
        else:
            wraps = origin.x >= self.limit
        with m.If(self.enter):
            for name in ("x", "y", "row"):
                move = Mux(wraps, self.wraps[name], self.stays[name])
                m.d.sync += origins[-1][name].eq(origin[name] + move)
            m.d.sync += [place.eq(after) for place, after in pairwise(origins)]
        return origin

    def _wraps(self, m, ring, turns):
        """Whether the first place of a ring is one whose pixel wraps."""
        wraps = Signal(reset_less=True)
        with m.If(turns):
            m.d.sync += wraps.eq(ring[1].x >= self.limit)
        return wraps

    def _ring(self, name):
        steps = range(self._config.address_cycles)
        return [Signal(origin_layout(), name=f"{name}{i}", reset_less=True) for i in steps]

    def _build_taps(self, m, origin):
        """First stage: row and columns of the first and the last tap."""
        self._active = Signal()
        self._y, self._first, self._last = (
            Signal(signed(POSITION), name=name, reset_less=True) for name in ("y", "first", "last")
        )
        self._address = Signal(WORD_ADDR, reset_less=True)
        with m.If(self.enter):
            m.d.sync += [
                self._active.eq(self.active),
                self._y.eq(origin.y + self.y_offset),
                self._first.eq(origin.x + self.x_offset),
                self._last.eq(origin.x + (self.x_offset + self.span)),
                self._address.eq(self.row_addr + origin.row),
            ]

    def _build_lines(self, m):
        """Second stage: the columns inside the input window, and the lines with them: one or two,
        since the taps of a group reach over a line at most."""
        y, first, last, address = self._y, self._first, self._last, self._address
        bits, reach = self._config.line_bits, stage_layouts.REACH
        low, word, touches = Signal(POSITION), Signal(WORD_ADDR), Signal()
        m.d.comb += [
            low.eq(Mux(first < 0, 0, first)),
            word.eq(address + low),
            touches.eq(
                self._active
                & (y >= 0)
                & (y < self.in_height)
                & (first < self.in_width)
                & (last >= 0)
            ),
            self.lane.first.eq((low - first)[:reach]),
            self.lane.last.eq(
                Mux(last >= self.in_width, (self.in_width - 1 - first)[:reach], last - first)
            ),
            self.lane.offset.eq((address + first)[: bits + 1]),
            self.lane.inside.eq(touches),
            self.need.low.eq(word >> bits),
            self.need.need_low.eq(touches),
            self.need.need_high.eq(
                touches & (word[:bits] + self.lane.last - self.lane.first >= 1 << bits)
            ),
        ]
