"""The loop nest of operand fetch: output blocks, pixel groups, input blocks, kernel rows and tap
groups."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.mem.scratchpad import WORD_ADDR
from hw.spec.config import AccelConfig


class LoopNest(wiring.Component):
    """The counters of the loops, and the tap group that they are at.

    Members
    -------
    cmd : In(EXECUTE)
        The command.
    begin : In(1)
        Go to its first tap group; ``cmd`` has stood for two cycles.
    next : In(1)
        Go to the next tap group.
    valid : Out(1)
        The loops are not at their end.
    tap_group : Out(tap_group_layout)
        The tap group, except ``occupied``.
    columns : Out(9)
        Array columns that it uses.
    x_offset, y_offset : Out(POSITION)
        Column and row of its first tap, from tap (0, 0).
    row_addr : Out(WORD_ADDR)
        Word address of its kernel row, without the coordinates of the lanes.
    span : Out(REACH)
        Columns from its first tap to its last one.
    left : Out(20)
        Pixels of the output block from its pixel group on.
    block_start : Out(1)
        It is the first of its output block.
    pixel_group_end : Out(1)
        It is the last of its pixel group.
    block_end : Out(1)
        It is the last of its output block.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "begin": In(1),
                "next": In(1),
                "valid": Out(1),
                "tap_group": Out(stage_layouts.tap_group_layout()),
                "columns": Out(9),
                "x_offset": Out(stage_layouts.POSITION),
                "y_offset": Out(stage_layouts.POSITION),
                "row_addr": Out(WORD_ADDR),
                "span": Out(stage_layouts.REACH),
                "left": Out(20),
                "block_start": Out(1),
                "pixel_group_end": Out(1),
                "block_end": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cmd = self.cmd
        self._pixel_group = Signal(7)
        pixels = [pixels for pixels, _ in self._config.shapes]
        m.d.sync += self._pixel_group.eq(stage_layouts.by_shape(cmd.array_shape, pixels))
        self._tap_groups, self._rows, self._blocks, self._out_blocks = (
            _Countdown(m, cmd, name)
            for name in ("tap_groups", "kernel_rows", "in_blocks", "out_blocks")
        )
        # _first: the tap group is the first of its pixel group. _started, _last_pixel_group: that
        # is not the first, is the last of its output block. _first_out: that block is the command's
        # first.
        self._first, self._started, self._last_pixel_group, self._first_out = (
            Signal(name=name) for name in ("first", "started", "last_pixel_group", "first_out")
        )
        row_end = self._tap_groups.last & self._rows.last
        m.d.comb += [
            self.pixel_group_end.eq(row_end & self._blocks.last),
            self.block_end.eq(self.pixel_group_end & self._last_pixel_group),
        ]
        with m.If(self.begin):
            self._begin(m)
        with m.Elif(self.next):
            self._go_on(m, row_end)
        self._build_addresses(m, row_end)
        self._build_pixel_groups(m)
        self._build_tap_group(m)
        return m

    def _begin(self, m):
        for loop in (self._tap_groups, self._rows, self._blocks, self._out_blocks):
            m.d.sync += loop.restart
        m.d.sync += [self._first.eq(1), self._first_out.eq(1), self.valid.eq(1)]

    def _go_on(self, m, row_end):
        """To the next tap group."""
        m.d.sync += self._first.eq(self.pixel_group_end)
        inner_ends = (Const(1, 1), self._tap_groups.last, row_end)
        for loop, steps in zip(
            (self._tap_groups, self._rows, self._blocks), inner_ends, strict=True
        ):
            with m.If(steps):
                with m.If(loop.last):
                    m.d.sync += loop.restart
                with m.Else():
                    m.d.sync += loop.step
        with m.If(self.block_end):
            m.d.sync += [
                *self._out_blocks.step,
                self._first_out.eq(0),
                self.valid.eq(~self._out_blocks.last),
            ]

    def _build_pixel_groups(self, m):
        """The pixels left, and whether they are a single pixel group's."""
        pixels, few = self.cmd.pixels, Signal()
        m.d.sync += few.eq(pixels <= self._pixel_group)
        restarts = self.begin | (self.next & self.block_end)
        with m.If(restarts):
            m.d.sync += [
                self.left.eq(pixels),
                self._started.eq(0),
                self._last_pixel_group.eq(few),
            ]
        with m.Elif(self.next & self.pixel_group_end):
            m.d.sync += [
                self.left.eq(self.left - self._pixel_group),
                self._started.eq(1),
                self._last_pixel_group.eq(self.left <= self._pixel_group << 1),
            ]

    def _build_addresses(self, m, row_end):
        """Offsets of the first tap, and word addresses: of its kernel row, of that row's input
        block, and of the output block's first."""
        cmd = self.cmd
        block_addr, out_addr = Signal(WORD_ADDR), Signal(WORD_ADDR)
        with m.If(self.begin):
            m.d.sync += [
                self.x_offset.eq(0),
                self.y_offset.eq(0),
                self.row_addr.eq(cmd.in_addr),
                block_addr.eq(cmd.in_addr),
                out_addr.eq(cmd.in_addr),
            ]
        with m.Elif(self.next):
            m.d.sync += self.x_offset.eq(self.x_offset + cmd.group_step)
            with m.If(self._tap_groups.last):
                m.d.sync += [
                    self.x_offset.eq(0),
                    self.y_offset.eq(self.y_offset + cmd.row_dilation),
                    self.row_addr.eq(self.row_addr + cmd.row_step),
                ]
            with m.If(row_end):
                m.d.sync += [
                    self.y_offset.eq(0),
                    block_addr.eq(block_addr + cmd.in_plane),
                    self.row_addr.eq(block_addr + cmd.in_plane),
                ]
            with m.If(self.pixel_group_end):
                m.d.sync += block_addr.eq(out_addr), self.row_addr.eq(out_addr)
            with m.If(self.block_end):
                m.d.sync += [
                    out_addr.eq(out_addr + cmd.in_block_step),
                    block_addr.eq(out_addr + cmd.in_block_step),
                    self.row_addr.eq(out_addr + cmd.in_block_step),
                ]

    def _build_tap_group(self, m):
        cmd, tap_group, cols = self.cmd, self.tap_group, self._config.cols
        last_out, last_tap_group = self._out_blocks.last, self._tap_groups.last
        group_taps, last_taps, last_channels = (
            _less_one(m, cmd, name) for name in ("group_taps", "last_taps", "last_channels")
        )
        m.d.comb += [
            self.span.eq(Mux(last_tap_group, cmd.last_span, cmd.group_span)),
            self.columns.eq(
                Mux(
                    last_out,
                    (cmd.last_planes - 1) * cols + cmd.last_cols,
                    cols << cmd.array_shape,
                )
            ),
            tap_group.last_tap.eq(Mux(last_tap_group, last_taps, group_taps)),
            tap_group.last_channel.eq(
                Mux(self._blocks.last, last_channels, Const(cols - 1) >> cmd.split)
            ),
            tap_group.first.eq(self._first),
            self.block_start.eq(self._first & ~self._started),
            tap_group.last.eq(self.pixel_group_end),
            tap_group.block_start.eq(~self._started),
            tap_group.block_end.eq(self._last_pixel_group),
            tap_group.command_start.eq(~self._started & self._first_out),
            tap_group.command_end.eq(self._last_pixel_group & last_out),
            tap_group.pixels.eq(Mux(self._last_pixel_group, self.left, self._pixel_group)),
            tap_group.planes.eq(Mux(last_out, cmd.last_planes, 1 << cmd.array_shape)),
        ]


class _Countdown:
    """A loop that counts down. Many read whether it is at its last turn, so that this is a
    register.

    ``restart`` and ``step`` are assignments: to the first turn, and to the next one.
    """

    def __init__(self, m, cmd, name):
        turns = cmd[name]
        first, single = _less_one(m, cmd, name), Signal(name=f"{name}_single")
        m.d.sync += single.eq(turns == 1)
        left, self.last = Signal.like(turns, name=f"{name}_left"), Signal(name=f"{name}_last")
        self.restart = [left.eq(first), self.last.eq(single)]
        self.step = [left.eq(left - 1), self.last.eq(left == 1)]


def _less_one(m, cmd, name):
    """A field of the command less one, in a register."""
    field = cmd[name]
    less = Signal.like(field, name=f"{name}_less_one")
    m.d.sync += less.eq(field - 1)
    return less
