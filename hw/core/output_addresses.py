"""Output addresses: the planes and pixels of the pixel group that the drain holds."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.mem.scratchpad import WORD_ADDR
from hw.spec.config import AccelConfig
from hw.spec.timing import MAC_LATENCY


class OutputAddresses(wiring.Component):
    """One beat is ``requant_words`` pixels of a plane when the output is dense, else one pixel.

    Members
    -------
    cmd : In(EXECUTE)
        The command of the held pixel group.
    current : In(pixel_group_layout)
        The held pixel group.
    load : In(1)
        A new pixel group is held from the next cycle on.
    pixel_group : In(pixel_group_layout)
        With ``load``: the new pixel group.
    next : In(1)
        The beat shown issues.
    plane : Out(2)
        Plane of the beat.
    lane : Out(7)
        Lane of its first pixel.
    mask : Out(requant_words)
        Words of the beat.
    swap : Out(1)
        The first pixel is in the second lane of its group.
    addr : Out(WORD_ADDR)
        Word address of its output.
    other_addr : Out(WORD_ADDR)
        Word address of its second operand.
    command_first : Out(1)
        No beat of the command has issued yet.
    next_dense : In(1)
        ``cmd.dense`` of the next cycle.
    next_surely : In(range(MAC_LATENCY + 1))
        Beats that surely issue in time from the next cycle on (``config.near_end``).
    next_near_end : Out(1)
        At most ``next_surely`` beats of the pixel group are left in the next cycle.
    last : Out(1)
        The beat is the last of its pixel group.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(command_layouts.EXECUTE),
                "current": In(stage_layouts.pixel_group_layout()),
                "load": In(1),
                "pixel_group": In(stage_layouts.pixel_group_layout()),
                "next": In(1),
                "plane": Out(2),
                "lane": Out(7),
                "mask": Out(config.requant_words),
                "swap": Out(1),
                "addr": Out(WORD_ADDR),
                "other_addr": Out(WORD_ADDR),
                "command_first": Out(1),
                "next_dense": In(1),
                "next_surely": In(range(MAC_LATENCY + 1)),
                "next_near_end": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cmd, words = self.cmd, self._config.requant_words
        # Columns count from 1, so that the last one is the width.
        x, offset = Signal(14, init=1), Signal(WORD_ADDR)
        pixel_group_x, pixel_group_offset = Signal(14, init=1), Signal(WORD_ADDR)
        next_x, next_offset = Signal(14), Signal(WORD_ADDR)
        plane_end, row_end = Signal(), Signal()
        step, skip = Mux(cmd.dense, words, 1), cmd.out_skip + Const(1)
        left, last_plane = self._build_left(m, plane_end)
        m.d.comb += [
            plane_end.eq(left <= step),
            self.last.eq(plane_end & last_plane),
            row_end.eq(x == cmd.out_width),
            next_x.eq(Mux(cmd.dense | row_end, 1, x + 1)),
            next_offset.eq(Mux(row_end & ~cmd.dense, offset + skip, offset + step)),
        ]
        # Each plane has the pixels of the group once more: x and offset go back to what they were
        # at the group's start (pixel_group_x, pixel_group_offset), and where the last plane ends,
        # the next group starts. Offsets are the same in each plane; the plane's base is apart.
        # next_plane: the first lane of the next plane.
        next_plane = Signal(7)
        plane_lane = Signal(7)
        m.d.comb += next_plane.eq(plane_lane + (Const(self._config.rows) >> cmd.array_shape))
        self._build_words(m, left)
        with m.If(self.next):
            m.d.sync += [
                self.lane.eq(self.lane + Mux(cmd.dense, words, 1)),
                x.eq(next_x),
                offset.eq(next_offset),
                self.command_first.eq(0),
            ]
            with m.If(plane_end):
                m.d.sync += [
                    self.lane.eq(next_plane),
                    plane_lane.eq(next_plane),
                    self.plane.eq(self.plane + 1),
                    x.eq(pixel_group_x),
                    offset.eq(pixel_group_offset),
                ]
            with m.If(self.last):
                m.d.sync += [
                    self.lane.eq(0),
                    plane_lane.eq(0),
                    self.plane.eq(0),
                    x.eq(next_x),
                    offset.eq(next_offset),
                    pixel_group_x.eq(next_x),
                    pixel_group_offset.eq(next_offset),
                ]
        with m.If(self.load & self.pixel_group.block_start):
            m.d.sync += [x.eq(1), offset.eq(0), pixel_group_x.eq(1), pixel_group_offset.eq(0)]
        with m.If(self.load & self.pixel_group.command_start):
            m.d.sync += self.command_first.eq(1)
        self._build_addresses(m, plane_end, offset)
        return m

    def _build_left(self, m, plane_end):
        """Pixels of the plane from the beat's on, and whether the plane is the last; with both, a
        cycle ahead, whether few beats are left."""
        words = self._config.requant_words
        left, last_plane = Signal(7), Signal()
        next_left, next_last_plane = Signal.like(left), Signal()
        near = Signal(range(MAC_LATENCY * words + 1))
        rest = Mux(plane_end, self.current.pixels, left - Mux(self.cmd.dense, words, 1))
        second_last = self.plane + 2 == self.current.planes
        m.d.comb += [
            next_left.eq(Mux(self.load, self.pixel_group.pixels, Mux(self.next, rest, left))),
            next_last_plane.eq(
                Mux(
                    self.load,
                    self.pixel_group.planes == 1,
                    Mux(self.next & plane_end, second_last, last_plane),
                )
            ),
            near.eq(Mux(self.next_dense, self.next_surely * words, self.next_surely)),
            self.next_near_end.eq(next_last_plane & (next_left <= near)),
        ]
        m.d.sync += left.eq(next_left), last_plane.eq(next_last_plane)
        return left, last_plane

    def _build_words(self, m, left):
        """The words of the beat: neighbours in memory if ``dense``, else the first one left."""
        dense, words = self.cmd.dense, self._config.requant_words
        if words > 1:
            m.d.comb += self.swap.eq(~dense & self.lane[0])
        for i in range(words):
            m.d.comb += self.mask[i].eq((left > i) & (dense | (i == 0)))

    def _build_addresses(self, m, plane_end, offset):
        """Base addresses of the block and of the plane; a block's first pixel group waits for
        parameters long enough to set them."""
        cmd = self.cmd
        # A cycle after the pixel group is held, so that ``current`` and ``cmd`` are registers.
        fresh = Signal()
        m.d.sync += fresh.eq(self.load & self.pixel_group.block_start)
        for name, start, pitch, result in (
            ("out", cmd.out_addr, cmd.out_plane, self.addr),
            ("res", cmd.res_addr, cmd.res_plane, self.other_addr),
        ):
            block, plane = (
                Signal(WORD_ADDR, name=f"{name}_block"),
                Signal(WORD_ADDR, name=f"{name}_plane"),
            )
            first = Signal(WORD_ADDR, name=f"{name}_first")
            m.d.comb += [
                first.eq(
                    Mux(self.current.command_start, start, block + (pitch << cmd.array_shape))
                ),
                result.eq(plane + offset),
            ]
            with m.If(fresh):
                m.d.sync += [block.eq(first), plane.eq(first)]
            with m.Elif(self.next & self.last):
                m.d.sync += plane.eq(block)
            with m.Elif(self.next & plane_end):
                m.d.sync += plane.eq(plane + pitch)
