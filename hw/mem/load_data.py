"""LOAD's data stage: gives each word that arrives its place in the scratchpad."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.command_layouts import INDEX_BITS
from hw.lib.bus import smallest
from hw.lib.queue import Queue
from hw.mem.channel_unpacker import ChannelUnpacker
from hw.mem.line_assembler import LineAssembler
from hw.mem.load_request import descriptor_layout
from hw.mem.scratchpad import WORD_ADDR, line_write_port
from hw.spec.config import AccelConfig
from hw.spec.timing import LOAD_DESCRIPTORS


class LoadData(wiring.Component):
    """Works on the descriptors in order and writes their words into the scratchpad.

    The list is the current descriptor and a queue of the next ones, through which all pass. One
    word per cycle, plain from a beat in the same cycle, unpacking from the byte buffer.

    Members
    -------
    phase : In(range(config.line_words))
        The scratchpad's phase.
    descriptor : In(stream of descriptor_layout)
        From the request stage; ``ready`` while the list has room.
    stop : In(1)
        Take no more words.
    ready : Out(1)
        A beat can be accepted.
    beat : In(1)
        ``beat_data`` is accepted in this cycle.
    beat_data : In(8 * cols)
        A beat of memory.
    index : Out(INDEX_BITS)
        Index of the command that the next beat belongs to.
    scratchpad : Out(line_write_port)
        The scratchpad.
    written : Out(1)
        A command's last line is written in this cycle.
    written_index : Out(INDEX_BITS)
        Index of the command of the line being written.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        super().__init__(
            {
                "phase": In(range(config.line_words)),
                "descriptor": In(stream.Signature(descriptor_layout(config))),
                "stop": In(1),
                "ready": Out(1),
                "beat": In(1),
                "beat_data": In(8 * config.cols),
                "index": Out(INDEX_BITS),
                "scratchpad": Out(line_write_port(config)),
                "written": Out(1),
                "written_index": Out(INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.unpacker = unpacker = ChannelUnpacker(self._config)
        m.submodules.assembler = assembler = LineAssembler(self._config)
        valid = Signal()
        finished = Signal()
        accept = Signal()
        descriptor, begin, queued = self._build_list(m, valid, finished)
        ends = self._build_addresses(
            m, descriptor, begin, valid, queued, accept, unpacker, assembler
        )
        m.d.comb += finished.eq(accept & ends)

        connect(m, assembler.scratchpad, flipped(self.scratchpad))
        word_ready = assembler.free & ~self.stop
        m.d.comb += [
            unpacker.beat.eq(self.beat & descriptor.unpack),
            unpacker.beat_data.eq(self.beat_data),
            unpacker.flip.eq(descriptor.flip),
            unpacker.take.eq(valid & descriptor.unpack & word_ready),
            self.ready.eq(valid & Mux(descriptor.unpack, unpacker.ready, assembler.free)),
            self.index.eq(descriptor.index),
            accept.eq(Mux(descriptor.unpack, unpacker.take & unpacker.valid, self.beat)),
        ]
        m.d.comb += [
            assembler.phase.eq(self.phase),
            assembler.accept.eq(accept),
            assembler.data.eq(Mux(descriptor.unpack, unpacker.word, self.beat_data)),
            assembler.index.eq(descriptor.index),
            self.written.eq(assembler.written),
            self.written_index.eq(assembler.written_index),
        ]
        return m

    def _build_list(self, m, valid, finished):
        """The current descriptor; returns it, the one that becomes current in the next cycle, and
        whether one waits."""
        layout = descriptor_layout(self._config)
        m.submodules.queued = queued = Queue(layout, LOAD_DESCRIPTORS - 1)
        current = Signal(layout)
        begin = stream.Signature(layout).create(path=("begin",))
        connect(m, flipped(self.descriptor), queued.push)
        m.d.comb += [
            begin.ready.eq(~valid | finished),
            begin.valid.eq(begin.ready & queued.pop.valid),
            begin.payload.eq(queued.pop.payload),
            queued.pop.ready.eq(begin.ready),
        ]
        with m.If(begin.ready):
            m.d.sync += valid.eq(begin.valid)
        with m.If(begin.valid):
            m.d.sync += current.eq(begin.payload)
        return current, begin, queued.pop.valid

    def _build_addresses(self, m, current, begin, valid, queued, accept, unpacker, assembler):
        """Scratchpad addresses of the words, row by row, pixel by pixel, chunk by chunk; returns
        whether the next word is the descriptor's last."""
        cols = self._config.cols
        address, pixel, base = Signal(WORD_ADDR), Signal(WORD_ADDR), Signal(WORD_ADDR)
        left, rows_left, rest = Signal(20), Signal(16), Signal(16)
        offset = Signal.like(current.offset)
        # Of registers: the word is the last of its pixel, the pixel of its row, the row of all.
        ends_pixel, last_pixel, last_row = (
            Signal(name=name) for name in ("ends_pixel", "last_pixel", "last_row")
        )
        ends_row = ends_pixel & last_pixel
        ends = ends_row & last_row
        restart = Signal()
        source = Signal.like(current)
        # ``base`` and ``offset`` are those of the current row. What a row begins with is made of
        # registers, before it is known whether the word that ends a row or a descriptor comes.
        begins, following = Signal(), Signal()
        next_base = Mux(begins, source.scratchpad_addr, base + current.scratchpad_stride)
        next_offset = Mux(begins, source.offset, offset + current.step)
        m.d.comb += [
            begins.eq(~valid | ends),
            following.eq(ends_row & (~ends | queued)),
            restart.eq((accept & following) | (~valid & queued)),
            source.eq(Mux(begins, begin.payload, current)),
            unpacker.begin.eq(restart),
            unpacker.offset.eq(next_offset),
            unpacker.bytes.eq(current.bytes),
            assembler.address.eq(address),
            assembler.closes.eq(ends_row | (current.unpack & (current.channels > cols))),
            assembler.last.eq(ends),
        ]
        with m.If(restart):
            m.d.sync += [
                address.eq(next_base),
                pixel.eq(next_base),
                base.eq(next_base),
                offset.eq(next_offset),
                left.eq(source.row_length),
                last_pixel.eq(source.row_length == 1),
                rows_left.eq(Mux(begins, source.row_count, rows_left - 1)),
                last_row.eq(Mux(begins, begin.payload.row_count == 1, rows_left == 2)),
            ]
        with m.Elif(accept & ends_pixel):
            m.d.sync += [
                address.eq(pixel + 1),
                pixel.eq(pixel + 1),
                left.eq(left - 1),
                last_pixel.eq(left == 2),
            ]
        with m.Elif(accept):
            m.d.sync += address.eq(address + current.plane)
        # Only a chunk that leaves makes another one the next: a beat says nothing of them.
        rest_after = Mux(ends_pixel, current.channels, rest - cols)
        leaves = unpacker.take & unpacker.valid
        m.d.comb += unpacker.next_length.eq(
            Mux(leaves, smallest(rest_after, cols), unpacker.length)
        )
        with m.If(begin.valid):
            first = begin.payload.channels
            m.d.sync += [
                rest.eq(first),
                unpacker.length.eq(smallest(first, cols)),
                ends_pixel.eq(~begin.payload.unpack | (first <= cols)),
            ]
        with m.Elif(leaves):
            m.d.sync += [
                rest.eq(rest_after),
                unpacker.length.eq(unpacker.next_length),
                ends_pixel.eq(Mux(ends_pixel, current.channels <= cols, rest <= 2 * cols)),
            ]
        return ends
