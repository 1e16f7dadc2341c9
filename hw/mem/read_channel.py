"""The read side of the memory bus: one AR register, shared by FETCH and LOAD."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.lib.bus import REQUEST, read_port
from hw.lib.queue import Queue
from hw.spec.config import AccelConfig
from hw.spec.timing import MAX_OUTSTANDING


class ReadChannel(wiring.Component):
    """Issues read bursts and says whose data come back.

    A request taken in cycle t is on ``ar`` from t + 1 on. FETCH goes before LOAD.

    Members
    -------
    fetch, load : In(read_port)
        The requesters.
    ar : Out(stream of REQUEST)
        The AR channel, registered.
    r_valid, r_last : In(1)
        The R channel: a beat, the last of its burst.
    r_data : In(8 * cols)
        Its data.
    r_error : In(1)
        Its response is an error.
    r_ready : Out(1)
        Depends on registers only.
    load_ready : In(1)
        LOAD can take a beat. FETCH always can.
    stop : In(1)
        Take no more requests; accept every beat.
    empty : Out(1)
        No burst is requested or under way.
    """

    def __init__(self, config: AccelConfig):
        super().__init__(
            {
                "fetch": In(read_port(config)),
                "load": In(read_port(config)),
                "ar": Out(stream.Signature(REQUEST)),
                "r_valid": In(1),
                "r_last": In(1),
                "r_data": In(8 * config.cols),
                "r_error": In(1),
                "r_ready": Out(1),
                "load_ready": In(1),
                "stop": In(1),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.owners = owners = Queue(1, MAX_OUTSTANDING)
        self._build_requests(m, owners)
        self._build_beats(m, owners)
        m.d.comb += self.empty.eq(~owners.pop.valid)
        return m

    def _build_requests(self, m, owners):
        fetch, load = self.fetch.request, self.load.request
        free = Signal()
        m.d.comb += [
            free.eq((~self.ar.valid | self.ar.ready) & owners.push.ready & ~self.stop),
            fetch.ready.eq(free),
            load.ready.eq(free & ~fetch.valid),
            owners.push.valid.eq(free & (fetch.valid | load.valid)),
            owners.push.payload.eq(~fetch.valid),
        ]
        with m.If(self.ar.ready):
            m.d.sync += self.ar.valid.eq(0)
        with m.If(free & fetch.valid):
            m.d.sync += self.ar.valid.eq(1), self.ar.payload.eq(fetch.payload)
        with m.Elif(free & load.valid):
            m.d.sync += self.ar.valid.eq(1), self.ar.payload.eq(load.payload)

    def _build_beats(self, m, owners):
        for_load = owners.pop.payload
        beat = self.r_valid & self.r_ready
        m.d.comb += [
            self.r_ready.eq(owners.pop.valid & (~for_load | self.load_ready | self.stop)),
            self.fetch.beat.eq(beat & ~for_load),
            self.load.beat.eq(beat & for_load),
            owners.pop.ready.eq(beat & self.r_last),
        ]
        for requester in (self.fetch, self.load):
            m.d.comb += requester.data.eq(self.r_data), requester.error.eq(self.r_error)
