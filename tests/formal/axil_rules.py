"""The rules of AXI4-Lite for a subordinate that has one answer of each kind to give at most."""

from __future__ import annotations

from amaranth.hdl import Assert, Cat, Module, ResetSignal, Signal
from amaranth.lib.wiring import FlippedInterface

EXOKAY = 1


def assert_axil(m: Module, axil: FlippedInterface) -> None:
    """Assert the rules of AXI4-Lite on a port; the manager may do what it likes."""
    _assert_channel(m, "b", axil.bvalid, axil.bready, axil.bresp)
    _assert_channel(m, "r", axil.rvalid, axil.rready, Cat(axil.rdata, axil.rresp))
    aw = _owed(m, "aw", axil.awvalid & axil.awready, axil.bvalid & axil.bready)
    w = _owed(m, "w", axil.wvalid & axil.wready, axil.bvalid & axil.bready)
    ar = _owed(m, "ar", axil.arvalid & axil.arready, axil.rvalid & axil.rready)
    m.d.comb += [
        Assert(axil.bvalid == (aw == 1), "a B answers an AW, in the cycle after it"),
        Assert(axil.bvalid == (w == 1), "a B answers a W, in the cycle after it"),
        Assert(axil.rvalid == (ar == 1), "an R answers an AR, in the cycle after it"),
        Assert((aw <= 1) & (w <= 1) & (ar <= 1), "one request of a kind waits at most"),
        Assert(axil.bresp != EXOKAY, "AXI4-Lite has no EXOKAY"),
        Assert(axil.rresp != EXOKAY, "AXI4-Lite has no EXOKAY"),
        Assert(
            axil.bvalid | ~axil.awvalid | ~axil.wvalid | (axil.awready & axil.wready),
            "a write that can be taken is",
        ),
        Assert(axil.rvalid | ~axil.arvalid | axil.arready, "a read that can be taken is"),
    ]


def _assert_channel(m: Module, name: str, valid, ready, payload) -> None:
    """Valid and payload stay until the handshake; valid is low after a cycle of reset."""
    in_reset = Signal(name=f"{name}_in_reset", reset_less=True)
    stalled = Signal(name=f"{name}_stalled")
    held = Signal(payload.shape(), name=f"{name}_held")
    m.d.sync += [in_reset.eq(ResetSignal()), stalled.eq(valid & ~ready), held.eq(payload)]
    m.d.comb += [
        Assert(~in_reset | ~valid, f"{name}valid is low in reset"),
        Assert(~stalled | valid, f"{name}valid stays until the handshake"),
        Assert(~stalled | (payload == held), f"the payload of {name} stays until the handshake"),
    ]


def _owed(m: Module, name: str, taken, answered) -> Signal:
    """Requests that lack their answer."""
    owed = Signal(2, name=f"{name}_owed")
    m.d.sync += owed.eq(owed + taken - answered)
    return owed
