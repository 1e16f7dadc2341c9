"""The read side of a memory bus whose beats are not words: requests and data in words, bursts in
beats."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.lib.bus import BEATS_BITS, REQUEST
from hw.lib.queue import Queue
from hw.spec.config import AccelConfig
from hw.spec.timing import MAX_OUTSTANDING


class ReadWidth(wiring.Component):
    """Turns bursts of words into bursts of beats, and the beats into words.

    A word of several beats is handed over with its last one. Of a beat of several words, one is
    handed over per cycle, from the cycle after the beat on; the next beat is accepted with the last
    of them at the earliest.

    Members
    -------
    request : In(stream of REQUEST)
        Bursts of words, registered.
    takes_fetch, takes_load : In(1)
        The request of the next cycle is FETCH's, or LOAD's.
    ar : Out(stream of REQUEST)
        Bursts of beats.
    r_valid, r_last, r_error : In(1)
        The R channel: a beat, the last of its burst, an error.
    r_data : In(8 * bus_bytes)
        Its data.
    r_ready : Out(1)
        Depends on registers only, as ``word_ready`` does.
    word_valid, word_last, word_error : Out(1)
        A word, the last of its burst; a beat of it has an error.
    word_data : Out(8 * cols)
        The word.
    word_ready : In(1)
        The word is taken.
    fetched : Out(1)
        A beat of FETCH is accepted in this cycle.
    """

    def __init__(self, config: AccelConfig):
        assert config.bus_bytes != config.cols
        self._config = config
        super().__init__(
            {
                "request": In(stream.Signature(REQUEST)),
                "takes_fetch": In(1),
                "takes_load": In(1),
                "ar": Out(stream.Signature(REQUEST)),
                "r_valid": In(1),
                "r_last": In(1),
                "r_error": In(1),
                "r_data": In(8 * config.bus_bytes),
                "r_ready": Out(1),
                "word_valid": Out(1),
                "word_last": Out(1),
                "word_error": Out(1),
                "word_data": Out(8 * config.cols),
                "word_ready": In(1),
                "fetched": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place_bits = exact_log2(max(self._config.bus_bytes // self._config.cols, 1))
        place = {"place": place_bits} if place_bits else {}
        burst = data.StructLayout({"fetch": 1, **place, "words": BEATS_BITS})
        m.submodules.bursts = bursts = Queue(burst, MAX_OUTSTANDING)
        fetch = Signal()
        with m.If(self.takes_fetch | self.takes_load):
            m.d.sync += fetch.eq(self.takes_fetch)
        word = exact_log2(self._config.cols)
        m.d.comb += [
            self.ar.valid.eq(self.request.valid),
            self.request.ready.eq(self.ar.ready),
            self.ar.payload.eq(in_beats(self._config, self.request.payload)),
            bursts.push.valid.eq(self.ar.valid & self.ar.ready),
            bursts.push.payload.fetch.eq(fetch),
            bursts.push.payload.words.eq(self.request.payload.beats),
            bursts.pop.ready.eq(self.r_valid & self.r_ready & self.r_last),
            self.fetched.eq(self.r_valid & self.r_ready & bursts.pop.payload.fetch),
        ]
        if place_bits:
            m.d.comb += bursts.push.payload.place.eq(self.request.payload.addr >> word)
            self._build_wide(m, bursts.pop.payload)
        else:
            self._build_narrow(m)
        return m

    def _build_narrow(self, m):
        """Words of several beats."""
        bus, cols = self._config.bus_bytes, self._config.cols
        part = Signal(range(cols // bus))
        held = Signal(8 * (cols - bus), reset_less=True)
        failed = Signal()
        final = part == cols // bus - 1
        whole = Cat(held, self.r_data)
        m.d.comb += [
            self.r_ready.eq(~final | self.word_ready),
            self.word_valid.eq(self.r_valid & final),
            self.word_last.eq(self.r_last),
            self.word_error.eq(self.r_error | failed),
            self.word_data.eq(whole),
        ]
        with m.If(self.r_valid & self.r_ready):
            m.d.sync += [
                part.eq(part + 1),
                held.eq(whole[8 * bus :]),
                failed.eq(~final & self.word_error),
            ]

    def _build_wide(self, m, burst):
        """Beats of several words; ``burst`` is that of the next beat."""
        bus, cols = self._config.bus_bytes, self._config.cols
        held = Signal(8 * bus, reset_less=True)
        failed = Signal(reset_less=True)
        full, starts = Signal(), Signal(init=1)
        place = Signal(range(bus // cols))
        left = Signal(BEATS_BITS)
        taken = full & self.word_ready
        done = taken & (self.word_last | (place == bus // cols - 1))
        beat = self.r_valid & self.r_ready
        m.d.comb += [
            self.word_valid.eq(full),
            self.word_last.eq(left == 1),
            self.word_error.eq(failed),
            self.word_data.eq(held.word_select(place, 8 * cols)),
            self.r_ready.eq(~full | done),
        ]
        with m.If(taken):
            m.d.sync += place.eq(place + 1), left.eq(left - 1)
        with m.If(done):
            m.d.sync += full.eq(0)
        with m.If(beat):
            m.d.sync += [
                held.eq(self.r_data),
                failed.eq(self.r_error),
                full.eq(1),
                place.eq(Mux(starts, burst.place, 0)),
                starts.eq(self.r_last),
            ]
            with m.If(starts):
                m.d.sync += left.eq(burst.words)


def in_beats(config: AccelConfig, request):
    """A burst of words, REQUEST, as the bits of one of beats: those that its words touch."""
    bus, cols = config.bus_bytes, config.cols
    if bus < cols:
        return Cat(request.addr, (request.beats << exact_log2(cols // bus))[:BEATS_BITS])
    low, high = exact_log2(cols), exact_log2(bus)
    beats = (request.addr[low:high] + request.beats + (bus // cols - 1)) >> (high - low)
    return Cat(Const(0, high), request.addr[high:], beats[:BEATS_BITS])
