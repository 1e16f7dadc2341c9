"""The Verilog of the read side of a bus of another width."""

import pytest

from hw.generate import modules
from hw.mem.read_width import ReadWidth
from hw.spec.config import preset, with_values


@pytest.mark.parametrize("bus_bytes", (4, 16))
def test_no_wire_is_without_bits(bus_bytes):
    """Verilator refuses the range that Yosys writes for one."""
    config = with_values(preset("ecp5"), {"bus_bytes": bus_bytes})
    assert "[-1:0]" not in modules(ReadWidth(config), "read_width")
