"""The write side of a memory bus whose beats are not words: bursts and data in words, and in beats
on the bus."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.lib.bus import REQUEST, write_channel
from hw.lib.queue import Queue
from hw.mem.read_width import in_beats
from hw.spec.config import AccelConfig
from hw.spec.timing import BURST_LIST


class WriteWidth(wiring.Component):
    """Turns bursts of words into bursts of beats.

    A word of several beats is sent from its low end on and taken with its last beat. Words of one
    beat are collected, one per cycle; the beat is sent from the cycle after its last word on.

    Members
    -------
    request : In(stream of REQUEST)
        Bursts of words; it depends on registers only.
    words : In(write_channel)
        Their words, no earlier than in the cycle after the burst is presented.
    aw : Out(stream of REQUEST)
        Bursts of beats.
    w_valid, w_last : Out(1)
        A beat, the last of its burst. Both depend on registers only.
    w_ready : In(1)
        The beat is taken.
    w_data : Out(8 * bus_bytes)
        The beat.
    w_strobe : Out(bus_bytes)
        The bytes of it that are written.
    """

    def __init__(self, config: AccelConfig):
        assert config.bus_bytes != config.cols
        self._config = config
        super().__init__(
            {
                "request": In(stream.Signature(REQUEST)),
                "words": In(write_channel(config)),
                "aw": Out(stream.Signature(REQUEST)),
                "w_valid": Out(1),
                "w_last": Out(1),
                "w_ready": In(1),
                "w_data": Out(8 * config.bus_bytes),
                "w_strobe": Out(config.bus_bytes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.aw.valid.eq(self.request.valid),
            self.request.ready.eq(self.aw.ready),
            self.aw.payload.eq(in_beats(self._config, self.request.payload)),
        ]
        if self._config.bus_bytes < self._config.cols:
            self._build_narrow(m)
        else:
            self._build_wide(m)
        return m

    def _build_narrow(self, m):
        """Words of several beats."""
        bus, words = self._config.bus_bytes, self.words
        part = Signal(range(self._config.cols // bus))
        final = part == self._config.cols // bus - 1
        m.d.comb += [
            self.w_valid.eq(words.valid),
            self.w_last.eq(words.last & final),
            self.w_data.eq(words.data.word_select(part, 8 * bus)),
            self.w_strobe.eq(words.strobe.replicate(bus)),
            words.ready.eq(self.w_ready & final),
        ]
        with m.If(self.w_valid & self.w_ready):
            m.d.sync += part.eq(part + 1)

    def _build_wide(self, m):
        """Beats of several words; the address says in which place a burst's first word lies."""
        cols, words = self._config.cols, self.words
        count = self._config.bus_bytes // cols
        m.submodules.firsts = firsts = Queue(exact_log2(count), BURST_LIST)
        beat = Signal(8 * self._config.bus_bytes, reset_less=True)
        written = Signal(count)
        full, last, presented, begins = Signal(), Signal(), Signal(), Signal(init=1)
        place = Signal(range(count))
        here = Mux(begins, firsts.pop.payload, place)
        sent = full & self.w_ready
        accepted = words.valid & words.ready
        m.d.comb += [
            firsts.push.valid.eq(self.request.valid & ~presented),
            firsts.push.payload.eq(self.request.payload.addr >> exact_log2(cols)),
            firsts.pop.ready.eq(accepted & words.last),
            words.ready.eq(~full | self.w_ready),
            self.w_valid.eq(full),
            self.w_last.eq(last),
            self.w_data.eq(beat),
            self.w_strobe.eq(Cat(bit.replicate(cols) for bit in written)),
        ]
        m.d.sync += presented.eq(self.request.valid & ~self.request.ready)
        with m.If(sent):
            m.d.sync += full.eq(0), written.eq(0)
        with m.If(accepted):
            m.d.sync += [
                beat.word_select(here, 8 * cols).eq(words.data),
                written.eq(Mux(sent, 0, written) | (words.strobe << here)),
                full.eq(words.last | (here == count - 1)),
                last.eq(words.last),
                place.eq(here + 1),
                begins.eq(words.last),
            ]
