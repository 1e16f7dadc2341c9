"""The walk of fill: which step comes next, where its lanes are and which lines they need."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw import layouts
from hw.core import command
from hw.core.lines import needs_layout
from hw.mem.pool import BANK_BITS, WORD_ADDR
from hw.spec.config import AccelConfig

POSITION_BITS = command.POSITION


class StepWalk(wiring.Component):
    """The loop nest over output blocks, tiles, input blocks, kernel rows and tap groups, and the
    lanes' coordinates.

    Members
    -------
    cmd, bank : the command
    init_en, init_lane : set up the coordinates of one lane
    begin : reset the loops
    next : the step shown is used; go to the next one
    step, lanes, needs : the step shown
    exhausted : there is no further step
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(layouts.EXECUTE),
                "bank": In(1),
                "init_en": In(1),
                "init_lane": In(range(config.rows)),
                "begin": In(1),
                "next": In(1),
                "step": Out(command.step_layout()),
                "lanes": Out(data.ArrayLayout(command.lane_layout(), config.rows)),
                "needs": Out(needs_layout(config.rows)),
                "exhausted": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._build_loops(m)
        self._build_lanes(m)
        return m

    def _build_loops(self, m):
        cmd, step = self.cmd, self.step
        group, krow, block, out_block = Signal(8), Signal(8), Signal(12), Signal(12)
        self._x_offset, self._y_offset = Signal(POSITION_BITS), Signal(POSITION_BITS)
        row_addr, block_addr, out_addr = (Signal(WORD_ADDR) for _ in range(3))
        left, started = Signal(20), Signal()
        self._row_addr, self._left = row_addr, left
        tile = Signal(7)
        m.d.comb += tile.eq(
            Array(self._config.shape_pixels(s) for s in (0, 1, 2, 2))[cmd.array_shape]
        )
        last_group, last_row, last_block, last_tile, last_out = (Signal() for _ in range(5))
        m.d.comb += [
            last_group.eq(group == cmd.groups - 1),
            last_row.eq(krow == cmd.kernel_rows - 1),
            last_block.eq(block == cmd.in_blocks - 1),
            last_tile.eq(left <= tile),
            last_out.eq(out_block == cmd.blocks - 1),
        ]
        self._tile_end, self._block_end = Signal(), Signal()
        m.d.comb += [
            self._tile_end.eq(last_group & last_row & last_block),
            self._block_end.eq(self._tile_end & last_tile),
        ]
        with m.If(self.begin):
            m.d.sync += [
                group.eq(0),
                krow.eq(0),
                block.eq(0),
                out_block.eq(0),
                left.eq(cmd.pixels),
                started.eq(0),
                self._x_offset.eq(0),
                self._y_offset.eq(0),
                self.exhausted.eq(0),
                row_addr.eq(cmd.in_addr),
                block_addr.eq(cmd.in_addr),
                out_addr.eq(cmd.in_addr),
            ]
        with m.Elif(self.next):
            m.d.sync += [group.eq(group + 1), self._x_offset.eq(self._x_offset + cmd.group_step)]
            with m.If(last_group):
                m.d.sync += [
                    group.eq(0),
                    self._x_offset.eq(0),
                    krow.eq(krow + 1),
                    self._y_offset.eq(self._y_offset + cmd.row_dilation),
                    row_addr.eq(row_addr + cmd.row_step),
                ]
            with m.If(last_group & last_row):
                m.d.sync += [
                    krow.eq(0),
                    self._y_offset.eq(0),
                    block.eq(block + 1),
                    block_addr.eq(block_addr + cmd.in_plane),
                    row_addr.eq(block_addr + cmd.in_plane),
                ]
            with m.If(self._tile_end):
                m.d.sync += [
                    block.eq(0),
                    block_addr.eq(out_addr),
                    row_addr.eq(out_addr),
                    left.eq(left - tile),
                    started.eq(1),
                ]
            with m.If(self._block_end):
                m.d.sync += [
                    left.eq(cmd.pixels),
                    started.eq(0),
                    out_block.eq(out_block + 1),
                    out_addr.eq(out_addr + cmd.in_block_step),
                    block_addr.eq(out_addr + cmd.in_block_step),
                    row_addr.eq(out_addr + cmd.in_block_step),
                    self.exhausted.eq(last_out),
                ]
        self._span = Mux(last_group, cmd.last_span, cmd.group_span)
        channels = Mux(last_block, cmd.last_channels, Const(self._config.cols) >> cmd.split)
        columns = Mux(
            last_out,
            ((cmd.last_planes - 1) * self._config.cols + cmd.last_cols)[:9],
            (self._config.cols << cmd.array_shape)[:9],
        )
        m.d.comb += [
            step.taps.eq(Mux(last_group, cmd.last_taps, cmd.group_taps)),
            step.channels.eq(channels),
            step.first.eq((group == 0) & (krow == 0) & (block == 0)),
            step.last.eq(self._tile_end),
            step.block_start.eq(~started),
            step.block_end.eq(last_tile),
            step.command_start.eq(~started & (out_block == 0)),
            step.command_end.eq(last_tile & last_out),
            step.bank.eq(self.bank),
            step.pixels.eq(Mux(last_tile, left, tile)),
            step.planes.eq(Mux(last_out, cmd.last_planes, 1 << cmd.array_shape)),
            step.occupied.eq(step.pixels * columns),
        ]

    def _build_lanes(self, m):
        cmd, rows = self.cmd, self._config.rows
        walk_x, walk_y, walk_row = (
            Signal(signed(POSITION_BITS)),
            Signal(signed(POSITION_BITS)),
            Signal(WORD_ADDR),
        )
        first = Signal()
        m.d.comb += first.eq(
            Array(
                Array(command.lane_pixel(self._config, p, s) == 0 for p in range(rows))[
                    self.init_lane
                ]
                for s in (0, 1, 2, 2)
            )[cmd.array_shape]
        )
        init_x, init_y, init_row = Signal.like(walk_x), Signal.like(walk_y), Signal.like(walk_row)
        m.d.comb += [
            init_x.eq(Mux(first, cmd.start_x, walk_x)),
            init_y.eq(Mux(first, cmd.start_y, walk_y)),
            init_row.eq(Mux(first, cmd.start_row, walk_row)),
        ]
        with m.If(self.init_en):
            m.d.sync += _advance(
                cmd, (init_x, init_y, init_row), (walk_x, walk_y, walk_row), cmd.col_stride, 0, 0
            )
        for p in range(rows):
            x, y, row = (
                Signal.like(walk_x, name=f"x{p}"),
                Signal.like(walk_y, name=f"y{p}"),
                Signal.like(walk_row, name=f"row{p}"),
            )
            x0, y0, row0 = (
                Signal.like(x, name=f"x0_{p}"),
                Signal.like(y, name=f"y0_{p}"),
                Signal.like(row, name=f"row0_{p}"),
            )
            with m.If(self.init_en & (self.init_lane == p)):
                m.d.sync += [
                    x0.eq(init_x),
                    y0.eq(init_y),
                    row0.eq(init_row),
                    x.eq(init_x),
                    y.eq(init_y),
                    row.eq(init_row),
                ]
            with m.If(self.next & self._tile_end):
                m.d.sync += _advance(
                    cmd, (x, y, row), (x, y, row), cmd.tile_x, cmd.tile_y, cmd.tile_row
                )
            with m.If(self.next & self._block_end):
                m.d.sync += [x.eq(x0), y.eq(y0), row.eq(row0)]
            self._build_lane(m, p, x, y, row)

    def _build_lane(self, m, p, x, y, row):
        """Which lines lane ``p`` needs for the step: the columns of its taps, clipped to the input
        row."""
        cmd, lane, need = self.cmd, self.lanes[p], self.needs[p]
        active = Signal(name=f"active{p}")
        pixel = Array(command.lane_pixel(self._config, p, s) for s in (0, 1, 2, 2))[cmd.array_shape]
        in_y, first_x, last_x = (
            Signal(signed(POSITION_BITS), name=f"{n}{p}") for n in ("in_y", "first_x", "last_x")
        )
        address = Signal(WORD_ADDR, name=f"address{p}")
        low_x, high_x = (
            Signal(POSITION_BITS, name=f"low_x{p}"),
            Signal(POSITION_BITS, name=f"high_x{p}"),
        )
        low, high = Signal(WORD_ADDR, name=f"low{p}"), Signal(WORD_ADDR, name=f"high{p}")
        touches = Signal(name=f"touches{p}")
        m.d.comb += [
            active.eq(pixel < self._left),
            in_y.eq(y + self._y_offset),
            first_x.eq(x + self._x_offset),
            last_x.eq(first_x + self._span),
            address.eq(self._row_addr + row),
            low_x.eq(Mux(first_x < 0, 0, first_x)),
            high_x.eq(Mux(last_x >= cmd.in_width, cmd.in_width - 1, last_x)),
            lane.inside.eq(active & (in_y >= 0) & (in_y < cmd.in_height)),
            touches.eq(lane.inside & (first_x < cmd.in_width) & (last_x >= 0)),
            lane.x.eq(first_x),
            lane.offset.eq((address + first_x)[: BANK_BITS + 1]),
            low.eq(address + low_x),
            high.eq(address + high_x),
            need.low.eq(low >> BANK_BITS),
            need.high.eq(high >> BANK_BITS),
            need.need_low.eq(touches),
            need.need_high.eq(touches & (need.low != need.high)),
        ]


def _advance(cmd, old, new, dx, dy, drow):
    """``new`` = ``old`` moved by (dx, dy), with one wrap to the next output row."""
    x, y, row = old
    moved = x + dx
    wraps = moved >= cmd.end_x
    return [
        new[0].eq(Mux(wraps, moved - cmd.wrap_x, moved)),
        new[1].eq(y + dy + Mux(wraps, cmd.wrap_y, 0)),
        new[2].eq(row + drow + Mux(wraps, cmd.wrap_row, 0)),
    ]
