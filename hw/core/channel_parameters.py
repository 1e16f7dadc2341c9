"""Parameters: fetches the channel parameters of an output block, and a command's table, before its
beats issue."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.core import stage_layouts
from hw.core.requant_channel import channel_layout
from hw.lib.delay import delay
from hw.mem.scratchpad import READ_REQUEST, WORD_ADDR, line_addr
from hw.spec import timing
from hw.spec.config import BLOCK_PLANES, AccelConfig
from hw.spec.records import CHANNEL_PARAMETERS, PARAM_WORDS


class ChannelParameters(wiring.Component):
    """Parameter lines of the planes of one output block, in the order of the scratchpad.

    Members
    -------
    next_cmd : In(EXECUTE)
        The command of the pixel group held in the next cycle.
    next_held : In(1)
        A pixel group is held in the next cycle.
    next_quiet : In(1)
        In the next cycle no beat is in the post-processor, which might still need its table.
    load : In(1)
        A new pixel group is held from the next cycle on.
    pixel_group : In(pixel_group_layout)
        With ``load``: the new pixel group.
    ready : Out(1)
        The parameters of the held pixel group are here.
    next_ready : Out(1)
        They are here in the next cycle.
    read : Out(READ_REQUEST)
        Reads of lines of parameters and of words of the table.
    next_read_en : Out(1)
        ``read.en`` of the next cycle.
    line : In(8 * line_bytes)
        The scratchpad's line register.
    plane : In(2)
        A plane of the output block.
    channels : Out(channel_layout), an array of cols
        The parameters of that plane's channels, in the same cycle.
    table_en : Out(1)
        A word of the table has arrived.
    table_row : Out(range(table_words))
        With ``table_en``: its place.
    table_data : Out(8 * word_bytes)
        With ``table_en``: the word.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "next_cmd": In(command_layouts.EXECUTE),
                "next_held": In(1),
                "next_quiet": In(1),
                "load": In(1),
                "pixel_group": In(stage_layouts.pixel_group_layout()),
                "ready": Out(1, init=1),
                "next_ready": Out(1),
                "read": Out(READ_REQUEST),
                "next_read_en": Out(1),
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
        config = self._config
        rows = config.table_words
        lines_left, row = Signal(range(BLOCK_PLANES * config.param_lines + 1)), Signal(range(rows))
        table_due, settle = Signal(), Signal(range(config.table_settle))
        # Cycles until the table takes its next word, now and in the next cycle.
        busy, next_busy = (Signal(range(config.table_interval + 1)) for _ in range(2))
        word, line = Signal(WORD_ADDR), Signal(line_addr(config))
        plane, part = Signal(range(BLOCK_PLANES)), Signal(range(config.param_lines))
        # Whether lines or the table are left, now (of the table, registered) and in the next cycle.
        table, granted = Signal(), Signal()
        next_lines, next_due, next_table = Signal(), Signal(), Signal()
        new_block = self.load & self.pixel_group.block_start
        new_command = self.load & self.pixel_group.command_start
        # What is left if nothing is granted in this cycle: after a grant nothing is ready anyway.
        idle_left = new_block | (lines_left != 0)
        idle_left |= (new_command | table_due) & self.next_cmd.table
        m.d.comb += [
            self.read.addr.eq(Mux(table, word, line << config.line_bits)),
            granted.eq(self.read.en & self.read.grant),
            next_lines.eq(new_block | Mux(granted & ~table, lines_left != 1, lines_left != 0)),
            next_due.eq(new_command | (table_due & ~(granted & table & (row == rows - 1)))),
            next_table.eq(~next_lines & next_due & self.next_cmd.table),
            next_busy.eq(Mux(granted & table, config.table_interval - 1, busy - (busy != 0))),
            self.next_ready.eq(~idle_left & ~granted & (settle <= 1)),
            self.next_read_en.eq(
                self.next_held & (next_lines | (next_table & self.next_quiet & (next_busy == 0)))
            ),
        ]
        m.d.sync += [
            table.eq(next_table),
            table_due.eq(next_due),
            self.ready.eq(self.next_ready),
            busy.eq(next_busy),
            self.read.en.eq(self.next_read_en),
            settle.eq(
                Mux(
                    granted,
                    Mux(table, config.table_settle, timing.SETTLE) - 1,
                    settle - (settle != 0),
                )
            ),
        ]
        with m.If(granted & table):
            m.d.sync += [row.eq(row + 1), word.eq(word + 1)]
        with m.Elif(granted):
            last = part == config.param_lines - 1
            m.d.sync += [
                lines_left.eq(lines_left - 1),
                part.eq(Mux(last, 0, part + 1)),
                plane.eq(plane + last),
                line.eq(line + 1),
            ]
        with m.If(new_block):
            lines = self.pixel_group.planes * config.param_lines
            m.d.sync += [lines_left.eq(lines), part.eq(0), plane.eq(0)]
        with m.If(new_command):
            m.d.sync += [
                row.eq(0),
                line.eq(self.next_cmd.param_addr),
                word.eq(self.next_cmd.table_addr),
            ]
        self._build_arrival(m, granted, table, plane, part, row)
        return m

    def _build_arrival(self, m, granted, table, plane, part, row):
        config, word = self._config, self._config.word_bytes * 8
        arrival = data.StructLayout(
            {
                "valid": 1,
                "table": 1,
                "plane": range(BLOCK_PLANES),
                "part": range(config.param_lines),
                "row": range(config.table_words),
                "place": config.line_bits,
            }
        )
        tag = Signal(arrival)
        m.d.comb += [
            tag.valid.eq(granted),
            tag.table.eq(table),
            tag.plane.eq(plane),
            tag.part.eq(part),
            tag.row.eq(row),
            tag.place.eq(self.read.addr[: config.line_bits]),
        ]
        tag = delay(m, tag, timing.READ_LATENCY, "arrival")
        m.d.comb += [
            self.table_en.eq(tag.valid & tag.table),
            self.table_row.eq(tag.row),
            self.table_data.eq(self.line.word_select(tag.place, word)),
        ]
        words = []
        for i in range(config.param_lines):
            used = min(config.line_words, PARAM_WORDS - i * config.line_words) * word
            m.submodules[f"part{i}"] = memory = Memory(shape=used, depth=BLOCK_PLANES, init=[])
            write, read = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(tag.valid & ~tag.table & (tag.part == i)),
                write.addr.eq(tag.plane),
                write.data.eq(self.line),
                read.addr.eq(self.plane),
            ]
            words.append(read.data)
        self._build_channels(m, Cat(*words))

    def _build_channels(self, m, words):
        """``words`` are the parameters of the plane as they lie in the scratchpad."""
        cols, first = self._config.cols, 0
        for parameter in CHANNEL_PARAMETERS:
            for c in range(cols):
                at = first + c * parameter.slot
                value = words[at : at + parameter.bits]
                m.d.comb += self.channels[c][parameter.name].eq(value)
            first += cols * parameter.slot
