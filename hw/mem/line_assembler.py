"""LOAD's assembler: collects words into lines and writes the lines into the scratchpad."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.command_layouts import INDEX_BITS
from hw.mem.scratchpad import WORD_ADDR, line_addr, line_write_port
from hw.spec.config import AccelConfig
from hw.spec.timing import DMA_WRITE_PHASE


class LineAssembler(wiring.Component):
    """Collects the words of one line and writes it in the scratchpad's LOAD phase.

    A line closed by a word of cycle t is written in t + 2 at the earliest.

    Members
    -------
    phase : In(range(config.line_words))
        The scratchpad's phase.
    free : Out(1)
        A word can be accepted.
    accept : In(1)
        The word below is accepted in this cycle.
    address : In(WORD_ADDR)
        Word address in the scratchpad.
    data : In(8 * cols)
        The word.
    closes : In(1)
        No further word of this line follows at once.
    last : In(1)
        It is the last word of its command.
    index : In(INDEX_BITS)
        Index of its command.
    scratchpad : Out(line_write_port)
        The scratchpad.
    written : Out(1)
        The line being written is the last of its command.
    written_index : Out(INDEX_BITS)
        Index of the command of the line being written.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "phase": In(range(config.line_words)),
                "free": Out(1),
                "accept": In(1),
                "address": In(WORD_ADDR),
                "data": In(8 * config.cols),
                "closes": In(1),
                "last": In(1),
                "index": In(INDEX_BITS),
                "scratchpad": Out(line_write_port(config)),
                "written": Out(1),
                "written_index": Out(INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m, config = Module(), self._config
        line = data.StructLayout(
            {
                "line": line_addr(config),
                "mask": config.line_words,
                "last": 1,
                "index": INDEX_BITS,
                "words": data.ArrayLayout(8 * config.cols, config.line_words),
            }
        )
        opened = Signal(line)
        closed = Signal()
        pending = Signal(line, reset_less=True)
        pending_valid = Signal()
        # ``room``: no line is pending after this cycle. Words that arrive wait for this alone.
        moves, room = Signal(), Signal(init=1)
        after = (DMA_WRITE_PHASE - 1) % config.line_words
        m.d.sync += room.eq(
            (~moves & (~pending_valid | self.scratchpad.en)) | (self.phase == after)
        )
        m.d.comb += [
            self.scratchpad.en.eq(
                pending_valid & (self.phase == DMA_WRITE_PHASE % config.line_words)
            ),
            self.scratchpad.line.eq(pending.line),
            self.scratchpad.mask.eq(pending.mask),
            self.scratchpad.data.eq(pending.words.as_value()),
            self.written.eq(self.scratchpad.en & pending.last),
            self.written_index.eq(pending.index),
            moves.eq(closed & room),
            self.free.eq(~closed | moves),
        ]
        with m.If(moves):
            m.d.sync += pending.eq(opened), pending_valid.eq(1), closed.eq(0), opened.mask.eq(0)
        with m.Elif(self.scratchpad.en):
            m.d.sync += pending_valid.eq(0)
        with m.If(self.accept):
            bank = self.address[: config.line_bits]
            m.d.sync += [
                opened.line.eq(self.address >> config.line_bits),
                opened.last.eq(self.last),
                opened.index.eq(self.index),
                opened.words[bank].eq(self.data),
                opened.mask.bit_select(bank, 1).eq(1),
                closed.eq(self.closes | (bank == config.line_words - 1)),
            ]
        return m
