"""The byte buffer that cuts packed pixels out of bus beats."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.mem.load_request import BYTES_BITS
from hw.spec.config import AccelConfig


def _bits(count):
    """The bits of so many bytes."""
    return Cat(Const(0, 3), count)


class ChannelUnpacker(wiring.Component):
    """Turns the beats of a row into chunks of at most ``cols`` bytes, one word each.

    A beat accepted in cycle t can leave as a chunk in t + 1. One chunk, or the bytes before the
    row's first, can leave per cycle.

    Members
    -------
    begin : In(1)
        A row begins in the next cycle; drop what is held.
    offset : In(log2(cols))
        With ``begin``: bytes of the row's first beat that precede the row.
    bytes : In(BYTES_BITS)
        Bytes of the row, from the cycle after ``begin`` on.
    ready : Out(1)
        A beat can be accepted.
    beat : In(1)
        ``beat_data`` is accepted in this cycle.
    beat_data : In(8 * cols)
        A beat, first byte lowest.
    length : In(range(cols + 1))
        Bytes of the next chunk, at least 1.
    next_length : In(range(cols + 1))
        ``length`` of the next cycle, unless ``begin``.
    flip : In(1)
        Invert bit 7 of each byte.
    take : In(1)
        The chunk, if there is one, leaves in this cycle.
    valid : Out(1)
        The next chunk is in the buffer.
    word : Out(8 * cols)
        The next chunk, missing bytes 0.
    """

    def __init__(self, config: AccelConfig):
        self._config = config
        cols = config.cols
        super().__init__(
            {
                "begin": In(1),
                "offset": In(exact_log2(cols)),
                "bytes": In(BYTES_BITS),
                "ready": Out(1),
                "beat": In(1),
                "beat_data": In(8 * cols),
                "length": In(range(cols + 1)),
                "next_length": In(range(cols + 1)),
                "flip": In(1),
                "take": In(1),
                "valid": Out(1),
                "word": Out(8 * cols),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cols = self._config.cols
        held = Signal(16 * cols, reset_less=True)
        count = Signal(range(2 * cols + 1))
        skip = Signal(range(cols))
        # Beats that have not come yet, and whether there are any: a row has at least one. They are
        # counted a cycle after ``begin``, from registers.
        missing, waiting, fresh = Signal(BYTES_BITS), Signal(), Signal()
        still_waiting = Signal()
        left = Signal(BYTES_BITS)
        beats = (self.bytes + skip + (cols - 1)) >> exact_log2(cols)
        m.d.comb += [
            left.eq(Mux(fresh, beats, missing)),
            still_waiting.eq(waiting & ~(self.beat & (left == 1))),
        ]
        m.d.sync += [
            fresh.eq(self.begin),
            missing.eq(left - self.beat),
            waiting.eq(self.begin | still_waiting),
        ]
        self._build_word(m, held)

        # Bytes to skip leave with the first beat, which has more of them. How many leave is known
        # before it is known whether they do.
        skips = skip != 0
        leaving = Signal(range(cols + 1))
        moves = Signal()
        kept = Signal(range(2 * cols + 1))
        m.d.comb += [
            leaving.eq(Mux(skips, skip, self.length)),
            moves.eq(Mux(skips, count != 0, self.valid & self.take)),
            kept.eq(Mux(moves, count - leaving, count)),
        ]
        after = Signal.like(count)
        m.d.comb += after.eq(kept + Mux(self.beat, cols, 0))
        # Known a cycle ahead; a beat has the bytes of any chunk.
        complete = self.beat | (kept >= self.next_length)
        room = Mux(self.beat, kept == 0, kept <= cols)
        m.d.sync += [
            self.valid.eq(~self.begin & (~skips | moves) & complete),
            self.ready.eq(self.begin | (still_waiting & room)),
        ]

        with m.If(self.begin):
            m.d.sync += [
                count.eq(0),
                held.eq(0),
                skip.eq(self.offset),
            ]
        with m.Elif(self.beat | moves):
            # A few levels of choices each; written as those, every level had a line per byte.
            staying = Mux(moves, held >> _bits(leaving), held)
            arriving = Mux(self.beat, self.beat_data, 0) << _bits(kept[: len(leaving)])
            m.d.sync += [
                count.eq(after),
                held.eq(staying | arriving),
            ]
            with m.If(moves):
                m.d.sync += skip.eq(0)
        return m

    def _build_word(self, m, held):
        word = []
        for i in range(self._config.cols):
            byte = held.word_select(i, 8) ^ (self.flip << 7)
            word.append(Mux(self.length > i, byte, 0))
        m.d.comb += self.word.eq(Cat(word))
