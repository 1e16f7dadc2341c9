"""STORE's data side: lines from the scratchpad, words to the W channel."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw import command_layouts
from hw.lib.bus import BEATS_BITS, write_channel
from hw.lib.queue import Queue
from hw.mem.scratchpad import WORD_ADDR, line_read_port
from hw.spec.config import AccelConfig
from hw.spec.timing import BURST_LIST, DMA_READ_PHASE, LINE_BUFFERS


class StoreData(wiring.Component):
    """Reads the lines of a command and sends their words in the bursts announced to it.

    A line requested in cycle t can be sent from t + READ_LATENCY + 1 on.

    Members
    -------
    phase : In(range(config.line_words))
        The scratchpad's phase.
    waiting : In(1)
        ``command`` has not started.
    start : In(1)
        Begin with it in the next cycle.
    command : In(layouts.STORE)
        The current command.
    burst : In(stream of beats)
        Length of a burst whose address is presented from this cycle on.
    scratchpad : Out(line_read_port)
        The scratchpad.
    w : Out(write_channel)
        The W channel.
    stop : In(1)
        Send the beats still owed without strobe.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "phase": In(range(config.line_words)),
                "waiting": In(1),
                "start": In(1),
                "command": In(command_layouts.STORE),
                "burst": In(stream.Signature(BEATS_BITS)),
                "scratchpad": Out(line_read_port(config)),
                "w": Out(write_channel(config)),
                "stop": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.bursts = bursts = Queue(BEATS_BITS, BURST_LIST)
        released = Signal()
        bank, words = self._build_reads(m, released)
        full, last_word = self._build_buffers(m, bank, words, released)

        dropping = Signal()
        sent = self.w.valid & self.w.ready
        beats = Signal(BEATS_BITS)
        wiring.connect(m, wiring.flipped(self.burst), bursts.push)
        m.d.comb += [
            self.w.valid.eq(bursts.pop.valid & (full | dropping)),
            self.w.last.eq(beats + 1 == bursts.pop.payload),
            self.w.strobe.eq(~dropping),
            bursts.pop.ready.eq(sent & self.w.last),
            released.eq(sent & last_word & ~dropping),
        ]
        with m.If(sent):
            m.d.sync += beats.eq(Mux(self.w.last, 0, beats + 1))
        with m.If(self.stop & ~(self.w.valid & ~self.w.ready)):
            m.d.sync += dropping.eq(1)
        return m

    def _build_reads(self, m, released):
        """The lines of the command, row by row; returns first bank and words of the next line."""
        command = self.command
        address, base = Signal(WORD_ADDR), Signal(WORD_ADDR)
        left, rows_left = Signal(20), Signal(16)
        reserved, more = Signal(range(LINE_BUFFERS + 1)), Signal()
        bank = address[: self._config.line_bits]
        words, room = (
            Signal(range(self._config.line_words + 1), name=n) for n in ("words", "room")
        )
        ends_row = left <= room
        next_base = Mux(self.waiting, command.scratchpad_addr, base)
        m.d.comb += [
            room.eq(self._config.line_words - bank),
            words.eq(Mux(ends_row, left, room)),
            self.scratchpad.line.eq(address >> self._config.line_bits),
        ]
        # Known a cycle ahead: in that cycle nothing is read.
        before = (DMA_READ_PHASE - 1) % self._config.line_words
        free = (reserved != LINE_BUFFERS) | released
        m.d.sync += [
            self.scratchpad.en.eq((self.phase == before) & (more | self.start) & free),
            reserved.eq(reserved + self.scratchpad.en - released),
        ]
        with m.If(self.start):
            m.d.sync += more.eq(1)
        with m.Elif(self.scratchpad.en & ends_row):
            m.d.sync += more.eq(rows_left != 1)
        with m.If(self.waiting | (self.scratchpad.en & ends_row)):
            m.d.sync += [
                address.eq(next_base),
                base.eq(next_base + command.scratchpad_stride),
                left.eq(command.row_length),
                rows_left.eq(Mux(self.waiting, command.row_count, rows_left - 1)),
            ]
        with m.Elif(self.scratchpad.en):
            m.d.sync += address.eq(address + words), left.eq(left - words)
        return bank, words

    def _build_buffers(self, m, bank, words, released):
        """The line buffers; returns whether the head holds a word, and whether it is its last."""
        config = self._config
        buffer = data.StructLayout(
            {
                "bank": config.line_bits,
                "left": range(config.line_words + 1),
                "words": data.ArrayLayout(8 * config.cols, config.line_words),
            }
        )
        buffers = Array(
            Signal(buffer, name=f"buffer_{i}", reset_less=True) for i in range(LINE_BUFFERS)
        )
        full = Signal(LINE_BUFFERS)
        fill, head = Signal(), Signal()
        held = full.bit_select(head, 1)
        for i, line in enumerate(buffers):
            with m.If(self.scratchpad.en & (fill == i)):
                m.d.sync += line.bank.eq(bank), line.left.eq(words)
            with m.If(self.scratchpad.valid & (fill != i)):
                m.d.sync += line.words.eq(self.scratchpad.data), full[i].eq(1)
            with m.If(self.w.valid & self.w.ready & held & (head == i)):
                m.d.sync += line.bank.eq(line.bank + 1), line.left.eq(line.left - 1)
                with m.If(released):
                    m.d.sync += full[i].eq(0)
        with m.If(self.scratchpad.en):
            m.d.sync += fill.eq(~fill)
        with m.If(released):
            m.d.sync += head.eq(~head)
        m.d.comb += self.w.data.eq(
            Mux(head, buffers[1].words[buffers[1].bank], buffers[0].words[buffers[0].bank])
            & self.w.strobe.replicate(8 * self._config.cols)
        )
        return held, Mux(head, buffers[1].left, buffers[0].left) == 1
