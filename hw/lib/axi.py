"""Port lists of the two AXI interfaces, and their signatures."""

from amaranth.lib.wiring import In, Out, Signature

BURST_INCR = 1
RESP_OKAY = 0


def lite_ports(addr_bits: int) -> dict:
    """Ports of an AXI4-Lite subordinate with 32 bits of data, by name."""
    return {
        "awaddr": In(addr_bits),
        "awvalid": In(1),
        "awready": Out(1),
        "wdata": In(32),
        "wstrb": In(4),
        "wvalid": In(1),
        "wready": Out(1),
        "bresp": Out(2),
        "bvalid": Out(1),
        "bready": In(1),
        "araddr": In(addr_bits),
        "arvalid": In(1),
        "arready": Out(1),
        "rdata": Out(32),
        "rresp": Out(2),
        "rvalid": Out(1),
        "rready": In(1),
    }


def full_ports(data_bytes: int) -> dict:
    """Ports of an AXI4 manager with 32 bits of address, one transaction identifier, by name."""
    return {
        "araddr": Out(32),
        "arlen": Out(8),
        "arsize": Out(3),
        "arburst": Out(2),
        "arvalid": Out(1),
        "arready": In(1),
        "rdata": In(8 * data_bytes),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
        "awaddr": Out(32),
        "awlen": Out(8),
        "awsize": Out(3),
        "awburst": Out(2),
        "awvalid": Out(1),
        "awready": In(1),
        "wdata": Out(8 * data_bytes),
        "wstrb": Out(data_bytes),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }


def lite_signature(addr_bits: int) -> Signature:
    """An AXI4-Lite interface, seen from the subordinate."""
    return Signature(lite_ports(addr_bits))
