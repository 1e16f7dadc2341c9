"""The read side of the memory bus: one AR register, shared by FETCH and LOAD."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.lib.bus import REQUEST
from hw.lib.queue import Queue
from hw.spec.timing import MAX_OUTSTANDING


class ReadChannel(wiring.Component):
    """Issues read bursts and says whose data come back.

    A request taken in cycle t is on ``ar`` from t + 1 on. FETCH goes before LOAD.

    Members
    -------
    fetch, load : In(stream of REQUEST)
        The requesters; ``ready`` high takes the request.
    ar : Out(stream of REQUEST)
        The AR channel, registered.
    r_valid, r_last : In(1)
        The R channel's handshake signals.
    r_ready : Out(1)
        Depends on registers only.
    load_ready : In(1)
        LOAD can take a beat. FETCH always can.
    fetch_beat, load_beat : Out(1)
        A beat for that requester is handed over in this cycle.
    stop : In(1)
        Take no more requests; accept every beat.
    empty : Out(1)
        No burst is requested or under way.
    """

    fetch: In(stream.Signature(REQUEST))
    load: In(stream.Signature(REQUEST))
    ar: Out(stream.Signature(REQUEST))
    r_valid: In(1)
    r_last: In(1)
    r_ready: Out(1)
    load_ready: In(1)
    fetch_beat: Out(1)
    load_beat: Out(1)
    stop: In(1)
    empty: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.owners = owners = Queue(1, MAX_OUTSTANDING)
        self._build_requests(m, owners)
        self._build_beats(m, owners)
        m.d.comb += self.empty.eq(~owners.pop.valid)
        return m

    def _build_requests(self, m, owners):
        free = Signal()
        m.d.comb += [
            free.eq((~self.ar.valid | self.ar.ready) & owners.push.ready & ~self.stop),
            self.fetch.ready.eq(free),
            self.load.ready.eq(free & ~self.fetch.valid),
            owners.push.valid.eq(free & (self.fetch.valid | self.load.valid)),
            owners.push.payload.eq(~self.fetch.valid),
        ]
        with m.If(self.ar.ready):
            m.d.sync += self.ar.valid.eq(0)
        with m.If(free & self.fetch.valid):
            m.d.sync += self.ar.valid.eq(1), self.ar.payload.eq(self.fetch.payload)
        with m.Elif(free & self.load.valid):
            m.d.sync += self.ar.valid.eq(1), self.ar.payload.eq(self.load.payload)

    def _build_beats(self, m, owners):
        for_load = owners.pop.payload
        beat = self.r_valid & self.r_ready
        m.d.comb += [
            self.r_ready.eq(owners.pop.valid & (~for_load | self.load_ready | self.stop)),
            self.fetch_beat.eq(beat & ~for_load),
            self.load_beat.eq(beat & for_load),
            owners.pop.ready.eq(beat & self.r_last),
        ]
