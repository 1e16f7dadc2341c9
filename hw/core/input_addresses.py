"""Input addresses: which tap group comes next, where its lanes are and which words they need."""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.loop_nest import LoopNest
from hw.core.stage_layouts import by_shape, lane_pixel
from hw.mem.scratchpad import WORD_ADDR
from hw.spec import timing
from hw.spec.config import AccelConfig

POSITION_BITS = stage_layouts.POSITION


def reach_layout(rows: int) -> data.ArrayLayout:
    """Words that each lane needs for a tap group: those from column ``low`` to column ``high`` of
    the row at ``address``, if it ``touches`` the input window; its first tap is in column ``x``."""
    return data.ArrayLayout(
        data.StructLayout(
            {
                "address": WORD_ADDR,
                "x": signed(POSITION_BITS),
                "low": POSITION_BITS,
                "high": POSITION_BITS,
                "touches": 1,
            }
        ),
        rows,
    )


class InputAddresses(wiring.Component):
    """The loop nest over the tap groups of a command, and the coordinates of the lanes, in a
    pipeline of ADDRESS_STAGES stages that move together.

    Members
    -------
    cmd : In(EXECUTE)
        The command.
    init_en : In(1)
        Set up the coordinates of one lane.
    init_lane : In(range(rows))
        With ``init_en``: which; lanes come in order.
    begin : In(1)
        Go to the first tap group.
    next : In(1)
        Every stage takes the tap group of the one before.
    valid : Out(1)
        The last stage holds a tap group.
    tap_group : Out(tap_group_layout)
        The tap group in the last stage.
    lanes : Out(reach_layout)
        What its lanes need.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "init_en": In(1),
                "init_lane": In(range(config.rows)),
                "begin": In(1),
                "next": In(1),
                "valid": Out(1),
                "tap_group": Out(stage_layouts.tap_group_layout()),
                "lanes": Out(reach_layout(config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        assert timing.ADDRESS_STAGES == 2
        m.submodules.loops = self._loops = loops = LoopNest(self._config)
        m.d.comb += [
            loops.cmd.eq(self.cmd),
            loops.begin.eq(self.begin),
            loops.next.eq(self.next & loops.valid),
        ]
        valid, tap_group, columns = (
            Signal(),
            Signal.like(loops.tap_group),
            Signal.like(loops.columns),
        )
        with m.If(self.next):
            m.d.sync += [
                valid.eq(loops.valid),
                tap_group.eq(loops.tap_group),
                columns.eq(loops.columns),
            ]
            m.d.sync += [self.valid.eq(valid), self.tap_group.eq(tap_group)]
            m.d.sync += self.tap_group.occupied.eq(tap_group.pixels * columns)
        self._build_lanes(m)
        return m

    def _build_lanes(self, m):
        cmd = self.cmd
        lanes = Signal.like(self.lanes, reset_less=True)
        m.d.comb += self.lanes.eq(lanes)
        self._build_init(m)
        # Where a lane's pixel of the next pixel group wraps to the next output row, and how far it
        # moves.
        limit = Signal(signed(POSITION_BITS + 2))
        moves = [
            Signal(data.StructLayout({"x": 16, "y": 16, "row": WORD_ADDR}), name=name)
            for name in ("stays", "wraps")
        ]
        m.d.sync += limit.eq(cmd.end_x - cmd.pixel_group_x)
        for move, wraps in zip(moves, (0, 1), strict=True):
            m.d.sync += [
                move.x.eq(cmd.pixel_group_x - wraps * cmd.wrap_x),
                move.y.eq(cmd.pixel_group_y + wraps * cmd.wrap_y),
                move.row.eq(cmd.pixel_group_row + wraps * cmd.wrap_row),
            ]
        for p in range(self._config.rows):
            self._build_lane(m, p, self._build_origin(m, p, limit, moves), lanes[p])

    def _build_init(self, m):
        """The start of each lane, found pixel by pixel."""
        cmd, rows = self.cmd, self._config.rows
        upcoming = Signal(_origin_layout(), reset_less=True)
        first = Signal()
        m.d.comb += first.eq(
            by_shape(
                cmd.array_shape,
                [
                    Array(lane_pixel(self._config, p, s) == 0 for p in range(rows))[self.init_lane]
                    for s in range(3)
                ],
            )
        )
        self._start = start = Signal.like(upcoming)
        m.d.comb += [
            start.x.eq(Mux(first, cmd.start_x, upcoming.x)),
            start.y.eq(Mux(first, cmd.start_y, upcoming.y)),
            start.row.eq(Mux(first, cmd.start_row, upcoming.row)),
        ]
        wraps = start.x >= cmd.end_x - cmd.col_stride
        with m.If(self.init_en):
            m.d.sync += [
                upcoming.x.eq(start.x + cmd.col_stride - Mux(wraps, cmd.wrap_x, 0)),
                upcoming.y.eq(start.y + Mux(wraps, cmd.wrap_y, 0)),
                upcoming.row.eq(start.row + Mux(wraps, cmd.wrap_row, 0)),
            ]

    def _build_origin(self, m, p, limit, moves):
        """Place of tap (0, 0) of the pixel of lane ``p``, in the loops' pixel group."""
        start = Signal(_origin_layout(), name=f"start{p}", reset_less=True)
        origin = Signal(_origin_layout(), name=f"origin{p}", reset_less=True)
        wraps = Signal(name=f"wraps{p}")
        m.d.comb += wraps.eq(origin.x >= limit)
        with m.If(self.init_en & (self.init_lane == p)):
            m.d.sync += start.eq(self._start)
        # What the origin becomes is no matter of ``next``, which comes late in the cycle.
        with m.If(self.begin | (self.next & self._loops.pixel_group_end)):
            with m.If(self.begin | self._loops.block_end):
                m.d.sync += origin.eq(start)
            with m.Else():
                for name in ("x", "y", "row"):
                    move = Mux(wraps, moves[1][name], moves[0][name])
                    m.d.sync += origin[name].eq(origin[name] + move)
        return origin

    def _build_lane(self, m, p, origin, lane):
        """First stage: the coordinates of the tap group's taps. Second: clipped to the input
        window."""
        cmd, loops = self.cmd, self._loops
        pixel = by_shape(cmd.array_shape, [lane_pixel(self._config, p, s) for s in range(3)])
        active = Signal(name=f"active{p}")
        y, first, last = (
            Signal(signed(POSITION_BITS), name=f"{name}{p}", reset_less=True)
            for name in ("y", "first", "last")
        )
        address = Signal(WORD_ADDR, name=f"address{p}", reset_less=True)
        inside = Signal(name=f"inside{p}")
        m.d.comb += inside.eq(active & (y >= 0) & (y < cmd.in_height))
        with m.If(self.next):
            m.d.sync += [
                active.eq(pixel < loops.left),
                y.eq(origin.y + loops.y_offset),
                first.eq(origin.x + loops.x_offset),
                last.eq(origin.x + (loops.x_offset + loops.span)),
                address.eq(loops.row_addr + origin.row),
                lane.address.eq(address),
                lane.x.eq(first),
                lane.low.eq(Mux(first < 0, 0, first)),
                lane.high.eq(Mux(last >= cmd.in_width, cmd.in_width - 1, last)),
                lane.touches.eq(inside & (first < cmd.in_width) & (last >= 0)),
            ]


def _origin_layout() -> data.StructLayout:
    """Column and row of tap (0, 0) of a pixel in the input window, and the row's word address."""
    return data.StructLayout(
        {"x": signed(POSITION_BITS), "y": signed(POSITION_BITS), "row": WORD_ADDR}
    )
