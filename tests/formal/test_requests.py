"""Bursts of LOAD and STORE: none crosses 4 KiB or leaves a window, and each stays until taken."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Signal

from hw.lib import bus
from hw.mem import (
    load_request,
    read_channel,
    store_unit,
)
from hw.spec.config import preset
from hw.spec.timing import BURST_BOUNDARY, MAX_BURST
from tests.formal.prove import Refuted, inside, mutant, opened, prove, reach, try_out

pytestmark = pytest.mark.full
DEPTH = 2
TRIED = 10
"""Cycles in which each mutant shows its fault, and each covered state is reached."""
CONFIG = preset("tiny")
SIZE = CONFIG.bus_bytes


class LoadBursts(Elaboratable):
    """LOAD's requests to the reader."""

    def __init__(self, module: ModuleType = load_request) -> None:
        self.dut = module.LoadRequest(CONFIG)

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        address_ranges = _windows(m, dut)
        _assert_burst(m, dut.request, (address_ranges.read_base, address_ranges.read_limit),
                      (address_ranges.write_base, address_ranges.write_limit))  # fmt: skip
        _assert_stays(m, dut.request, ~dut.stop)
        m.d.comb += [
            Assert(~(dut.outside & dut.request.valid), "a burst outside is not requested"),
            Cover(dut.outside, "a burst lies outside"),
        ]
        return m


class ReaderBursts(Elaboratable):
    """The AR channel: LOAD's and FETCH's requests as they were made."""

    def __init__(self, module: ModuleType = read_channel) -> None:
        self.dut = module.ReadChannel(CONFIG)

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        _assert_stays(m, dut.ar)
        taken, payload = Signal(), Signal.like(dut.ar.payload)
        m.d.sync += taken.eq(0)
        load, fetch = dut.load.request, dut.fetch.request
        for request in (load, fetch):
            with m.If(request.valid & request.ready):
                m.d.sync += taken.eq(1), payload.eq(request.payload)
        m.d.comb += Assert(
            ~taken | (dut.ar.valid & (dut.ar.payload.as_value() == payload.as_value())),
            "what was taken is presented in the next cycle",
        )
        m.d.comb += [
            Assert(~(fetch.ready & fetch.valid & load.ready), "one at a time"),
            Cover(taken & fetch.valid & load.valid & fetch.ready, "both ask, and one is taken"),
        ]
        return m


class StoreBursts(Elaboratable):
    """STORE's AW channel."""

    def __init__(self, module: ModuleType = store_unit) -> None:
        self.dut = module.StoreUnit(CONFIG)

    def elaborate(self, platform):
        m = Module()
        dut = self.dut
        m.submodules.dut = inner = opened(dut)
        address_ranges = _windows(m, dut)
        _assert_stays(m, dut.aw)
        _assert_burst(m, dut.aw, (address_ranges.write_base, address_ranges.write_limit))
        rows_left, presented = inner._generated["fsm"].ongoing("RUN"), inside(inner, "presented")
        m.d.comb += [
            Assert(rows_left | ~inside(inner, "bursts_left"), "a command ends with its bursts"),
            Assert(~presented | inside(inner, "bursts_left"), "a burst presented is one of them"),
        ]
        return m


def _windows(m, dut):
    """The address_ranges, which do not change while a program rows_left."""
    before, known = Signal.like(dut.address_ranges), Signal()
    m.d.sync += before.eq(dut.address_ranges), known.eq(1)
    m.d.comb += Assume(~known | (before.as_value() == dut.address_ranges.as_value()))
    return dut.address_ranges


def _assert_burst(m, request, *address_ranges):
    """A request is a burst that AXI allows, inside one of the address_ranges."""
    addr, beats = request.payload.addr, request.payload.beats
    end = addr + beats * SIZE
    inside = Cat((addr >= base) & (end <= limit) for base, limit in address_ranges).any()
    m.d.comb += [
        Assert(~request.valid | inside, "a burst lies in one window"),
        Assert(~request.valid | (addr % BURST_BOUNDARY + beats * SIZE <= BURST_BOUNDARY),
               "a burst crosses no boundary"),
        Assert(~request.valid | (beats <= MAX_BURST), "a burst is not too long"),
        Assert(~request.valid | (addr % SIZE == 0), "a burst begins with a beat"),
        Cover(request.valid & request.ready & (beats == MAX_BURST), "the longest burst"),
        Cover(request.valid & (beats < MAX_BURST) & (addr % BURST_BOUNDARY + beats * SIZE
              == BURST_BOUNDARY), "a burst up to a boundary"),
        Cover(request.valid & (end == address_ranges[-1][1]), "a burst up to the limit"),
    ]  # fmt: skip


def _assert_stays(m, request, bound=1):
    """A request stays as it is until taken, while ``bound`` is high."""
    held, payload = Signal(), Signal.like(request.payload)
    m.d.sync += held.eq(request.valid & ~request.ready), payload.eq(request.payload)
    stays = request.valid & (request.payload.as_value() == payload.as_value())
    m.d.comb += [
        Assert(~(held & bound) | stays, "a request stays until it is taken"),
        Cover(held & bound & request.ready, "a request is taken after it was held"),
    ]


BOUNDS = {
    "to_boundary[: page + 1], left)": "left)",
    "end <= (limit >> self._low)": "end <= (limit >> self._low) + 1",
    "(self._addr << self._low) >= base": "(self._addr << self._low) + 4 >= base",
}
"""Mutants of the arithmetic that LOAD and STORE share."""
STORES = {
    "(wanted & inside) | presented": "wanted & inside",
    "presented.eq(self.aw.valid & ~self.aw.ready)": "presented.eq(0)",
    "with m.Elif(sent):": "with m.Else():",
}
LOADS = {
    "taken = self.request.valid & self.request.ready": "taken = self.request.valid",
    "self.request.valid.eq(inside & ~self.stop)": "self.request.valid.eq(~self.stop)",
}
READERS = {
    "with m.If(self.ar.ready):": "with m.If(1):",
    "load.ready.eq(free & ~fetch.valid)": "load.ready.eq(free)",
    "(~self.ar.valid | self.ar.ready) & owners": "owners",
}


@pytest.mark.parametrize("properties", [LoadBursts, ReaderBursts, StoreBursts])
def test_bursts_keep_to_the_bus_and_the_windows(properties):
    prove(properties(), DEPTH)


@pytest.mark.parametrize("properties", [LoadBursts, ReaderBursts, StoreBursts])
def test_the_states_that_the_rules_are_about_are_reached(properties):
    reach(properties(), TRIED)


@pytest.mark.parametrize("old", BOUNDS)
@pytest.mark.parametrize("properties, module", [
    (LoadBursts, load_request), (StoreBursts, store_unit)], ids=["LOAD", "STORE"])  # fmt: skip
def test_wrong_bounds_are_refuted(monkeypatch, properties, module, old):
    wrong = mutant(bus, old, BOUNDS[old]).Burst
    monkeypatch.setattr(module, "Burst", wrong)
    with pytest.raises(Refuted, match="Assert failed"):
        try_out(properties(module), TRIED)


@pytest.mark.parametrize("properties, module, mutants", [
    (LoadBursts, load_request, LOADS), (ReaderBursts, read_channel, READERS),
    (StoreBursts, store_unit, STORES)], ids=["LOAD", "reader", "STORE"])  # fmt: skip
def test_requests_that_change_or_leave_are_refuted(properties, module, mutants):
    for old, new in mutants.items():
        with pytest.raises(Refuted, match="Assert failed"):
            try_out(properties(mutant(module, old, new)), TRIED)
