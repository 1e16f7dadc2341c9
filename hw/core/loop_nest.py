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
    """The counters of the loops, the innermost last, and the tap group that they are at.

    Members
    -------
    cmd : In(EXECUTE)
        The command.
    begin : In(1)
        Go to its first tap group.
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
        self._tap_group, self._krow = Signal(8), Signal(8)
        self._block, self._out_block = Signal(12), Signal(12)
        self._started, self._pixel_group = Signal(), Signal(7)
        self._last_tap_group, last_row, self._last_block, self._last_pixel_group, self._last_out = (
            Signal() for _ in range(5)
        )
        pixels = [pixels for pixels, _ in self._config.shapes]
        m.d.sync += self._pixel_group.eq(stage_layouts.by_shape(cmd.array_shape, pixels))
        m.d.comb += [
            self._last_tap_group.eq(self._tap_group == cmd.tap_groups - 1),
            last_row.eq(self._krow == cmd.kernel_rows - 1),
            self._last_block.eq(self._block == cmd.in_blocks - 1),
            self._last_pixel_group.eq(self.left <= self._pixel_group),
            self._last_out.eq(self._out_block == cmd.out_blocks - 1),
            self.pixel_group_end.eq(self._last_tap_group & last_row & self._last_block),
            self.block_end.eq(self.pixel_group_end & self._last_pixel_group),
        ]
        self._build_counters(m, last_row)
        self._build_tap_group(m)
        return m

    def _build_counters(self, m, last_row):
        cmd = self.cmd
        block_addr, out_addr = Signal(WORD_ADDR), Signal(WORD_ADDR)
        with m.If(self.begin):
            m.d.sync += [
                self._tap_group.eq(0),
                self._krow.eq(0),
                self._block.eq(0),
                self._out_block.eq(0),
                self.left.eq(cmd.pixels),
                self._started.eq(0),
                self.x_offset.eq(0),
                self.y_offset.eq(0),
                self.valid.eq(1),
                self.row_addr.eq(cmd.in_addr),
                block_addr.eq(cmd.in_addr),
                out_addr.eq(cmd.in_addr),
            ]
        with m.Elif(self.next):
            m.d.sync += [
                self._tap_group.eq(self._tap_group + 1),
                self.x_offset.eq(self.x_offset + cmd.group_step),
            ]
            with m.If(self._last_tap_group):
                m.d.sync += [
                    self._tap_group.eq(0),
                    self.x_offset.eq(0),
                    self._krow.eq(self._krow + 1),
                    self.y_offset.eq(self.y_offset + cmd.row_dilation),
                    self.row_addr.eq(self.row_addr + cmd.row_step),
                ]
            with m.If(self._last_tap_group & last_row):
                m.d.sync += [
                    self._krow.eq(0),
                    self.y_offset.eq(0),
                    self._block.eq(self._block + 1),
                    block_addr.eq(block_addr + cmd.in_plane),
                    self.row_addr.eq(block_addr + cmd.in_plane),
                ]
            with m.If(self.pixel_group_end):
                m.d.sync += [
                    self._block.eq(0),
                    block_addr.eq(out_addr),
                    self.row_addr.eq(out_addr),
                    self.left.eq(self.left - self._pixel_group),
                    self._started.eq(1),
                ]
            with m.If(self.block_end):
                m.d.sync += [
                    self.left.eq(cmd.pixels),
                    self._started.eq(0),
                    self._out_block.eq(self._out_block + 1),
                    out_addr.eq(out_addr + cmd.in_block_step),
                    block_addr.eq(out_addr + cmd.in_block_step),
                    self.row_addr.eq(out_addr + cmd.in_block_step),
                    self.valid.eq(~self._last_out),
                ]

    def _build_tap_group(self, m):
        cmd, tap_group, cols = self.cmd, self.tap_group, self._config.cols
        m.d.comb += [
            self.span.eq(Mux(self._last_tap_group, cmd.last_span, cmd.group_span)),
            self.columns.eq(
                Mux(
                    self._last_out,
                    (cmd.last_planes - 1) * cols + cmd.last_cols,
                    cols << cmd.array_shape,
                )
            ),
            tap_group.taps.eq(Mux(self._last_tap_group, cmd.last_taps, cmd.group_taps)),
            tap_group.channels.eq(
                Mux(self._last_block, cmd.last_channels, Const(cols) >> cmd.split)
            ),
            tap_group.first.eq((self._tap_group == 0) & (self._krow == 0) & (self._block == 0)),
            self.block_start.eq(tap_group.first & ~self._started),
            tap_group.last.eq(self.pixel_group_end),
            tap_group.block_start.eq(~self._started),
            tap_group.block_end.eq(self._last_pixel_group),
            tap_group.command_start.eq(~self._started & (self._out_block == 0)),
            tap_group.command_end.eq(self._last_pixel_group & self._last_out),
            tap_group.pixels.eq(Mux(self._last_pixel_group, self.left, self._pixel_group)),
            tap_group.planes.eq(Mux(self._last_out, cmd.last_planes, 1 << cmd.array_shape)),
        ]
