"""Parameters: fetches the channel parameters of an output block, and a command's table, before its
beats issue."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw import layouts
from hw.core import command
from hw.core.array import ACC
from hw.core.requant import MULTIPLIER, SHIFT, channel_layout
from hw.mem.pool import BANK_BITS, LINE_ADDR, WORD_ADDR
from hw.spec import timing
from hw.spec.config import LANE_GROUPS, LINE_WORDS, AccelConfig

SETTLE = timing.READ_LATENCY + 1
"""Cycles from the last grant to the first beat."""


class Parameters(wiring.Component):
    """Parameter lines of the planes of one output block, in the order of the pool.

    Members
    -------
    cmd : the command of the held tile
    held : a tile is held
    quiet : no beat is in the post-processor, which still may need the present table
    load, tile : a new tile is held from the next cycle on
    ready : the held tile's parameters are here
    read_en, read_addr, grant : read requests
    line : the pool's line register
    plane, channels : the parameters of one plane
    table_en, table_row, table_data : a word of the table has arrived
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "cmd": In(layouts.EXECUTE),
                "held": In(1),
                "quiet": In(1),
                "load": In(1),
                "tile": In(command.tile_layout()),
                "ready": Out(1),
                "read_en": Out(1),
                "read_addr": Out(WORD_ADDR),
                "grant": In(1),
                "line": In(config.line_bytes * 8),
                "plane": In(2),
                "channels": Out(data.ArrayLayout(channel_layout(), config.cols)),
                "table_en": Out(1),
                "table_row": Out(range(config.table_words)),
                "table_data": Out(config.word_bytes * 8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = self._config.table_words
        lines_left, count, row = Signal(4), Signal(3), Signal(range(rows))
        table_due, fresh, next_line, settle = (
            Signal(),
            Signal(),
            Signal(LINE_ADDR),
            Signal(range(SETTLE)),
        )
        table, line_addr, granted = Signal(), Signal(LINE_ADDR), Signal()
        m.d.comb += [
            table.eq((lines_left == 0) & table_due & self.cmd.table),
            line_addr.eq(Mux(fresh, self.cmd.param_addr, next_line)),
            self.read_en.eq(self.held & ((lines_left != 0) | (table & self.quiet))),
            self.read_addr.eq(Mux(table, self.cmd.table_addr + row, line_addr << BANK_BITS)),
            granted.eq(self.read_en & self.grant),
            self.ready.eq((lines_left == 0) & ~table & (settle == 0)),
        ]
        m.d.sync += settle.eq(Mux(granted, SETTLE - 1, settle - (settle != 0)))
        with m.If(granted & table):
            m.d.sync += [row.eq(row + 1), table_due.eq(row != rows - 1)]
        with m.Elif(granted):
            m.d.sync += [
                lines_left.eq(lines_left - 1),
                count.eq(count + 1),
                next_line.eq(line_addr + 1),
                fresh.eq(0),
            ]
        with m.If(self.load & self.tile.block_start):
            m.d.sync += [lines_left.eq(self.tile.planes << 1), count.eq(0)]
        with m.If(self.load & self.tile.command_start):
            m.d.sync += [fresh.eq(1), table_due.eq(1), row.eq(0)]
        self._build_arrival(m, granted, table, count, row)
        return m

    def _build_arrival(self, m, granted, table, count, row):
        config, word = self._config, self._config.word_bytes * 8
        arrival = data.StructLayout(
            {
                "valid": 1,
                "table": 1,
                "count": 3,
                "row": range(config.table_words),
                "place": BANK_BITS,
            }
        )
        tag = Signal(arrival)
        m.d.comb += [
            tag.valid.eq(granted),
            tag.table.eq(table),
            tag.count.eq(count),
            tag.row.eq(row),
            tag.place.eq(self.read_addr[:BANK_BITS]),
        ]
        for stage in range(timing.READ_LATENCY):
            later = Signal(arrival, name=f"arrival{stage}")
            m.d.sync += later.eq(tag)
            tag = later
        m.submodules.sums = sums = Memory(shape=LINE_WORDS * word, depth=LANE_GROUPS, init=[])
        m.submodules.shifts = shifts = Memory(shape=2 * word, depth=LANE_GROUPS, init=[])
        sums_write, shifts_write = sums.write_port(), shifts.write_port()
        sums_read, shifts_read = sums.read_port(domain="comb"), shifts.read_port(domain="comb")
        m.d.comb += [
            sums_write.en.eq(tag.valid & ~tag.table & ~tag.count[0]),
            sums_write.addr.eq(tag.count >> 1),
            sums_write.data.eq(self.line),
            shifts_write.en.eq(tag.valid & ~tag.table & tag.count[0]),
            shifts_write.addr.eq(tag.count >> 1),
            shifts_write.data.eq(self.line),
            sums_read.addr.eq(self.plane),
            shifts_read.addr.eq(self.plane),
            self.table_en.eq(tag.valid & tag.table),
            self.table_row.eq(tag.row),
            self.table_data.eq(self.line.word_select(tag.place, word)),
        ]
        for c in range(config.cols):
            channel = self.channels[c]
            multiplier = sums_read.data.word_select(config.cols + c, ACC)
            m.d.comb += [
                channel.bias.eq(sums_read.data.word_select(c, ACC)),
                channel.multiplier.eq(multiplier[:MULTIPLIER]),
                channel.left.eq(shifts_read.data.word_select(c, 8)[:SHIFT]),
                channel.right.eq(shifts_read.data.word_select(config.cols + c, 8)[:SHIFT]),
            ]
