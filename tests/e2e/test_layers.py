"""Random layers: golden, the simulator and the RTL agree in bits, cycles and counters."""

import pytest

from tests.e2e.cases import GAP_RATE, compare, layer_case, spread_case

TINY = pytest.mark.xdist_group("accelerator_tiny")
ECP5 = pytest.mark.xdist_group("accelerator_ecp5")
EDGE256 = pytest.mark.xdist_group("accelerator_edge256")
COCOTBEXT = pytest.mark.xdist_group("accelerator_tiny_cocotbext")


def check(name, seed, batch, count, **memory):
    """Run the ``count`` layers of a batch in one simulation."""
    first = seed + batch * count
    faults = compare(name, [layer_case(name, first + i) for i in range(count)], **memory)
    assert not faults, "\n".join(faults)


@TINY
@pytest.mark.parametrize("batch", range(4))
def test_on_tiny(batch, seed):
    check("tiny", seed, batch, 30)


@TINY
def test_groups_of_transposed_convolutions_and_dilated_maxima(seed):
    faults = compare("tiny", [spread_case("tiny", seed + i) for i in range(5)])
    assert not faults, "\n".join(faults)


@TINY
def test_gaps_and_back_pressure_change_no_bit(seed):
    check("tiny", seed, 0, 25, gap_rate=GAP_RATE)


@COCOTBEXT
def test_another_memory_model(seed):
    check("tiny", seed, 0, 6, memory="cocotbext")
    check("tiny", seed, 1, 3, memory="cocotbext", gap_rate=GAP_RATE)


@ECP5
def test_on_ecp5(seed):
    check("ecp5", seed, 0, 10)
    check("ecp5", seed, 1, 5, gap_rate=GAP_RATE)


@EDGE256
def test_on_edge256(seed):
    check("edge256", seed, 0, 10)
    check("edge256", seed, 1, 5, gap_rate=GAP_RATE)


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(3, 88))
def test_many_on_tiny(batch, seed):
    check("tiny", seed, batch, 50)


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 28))
def test_many_with_gaps(batch, seed):
    check("tiny", seed, batch, 50, gap_rate=GAP_RATE)


@ECP5
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 21))
def test_many_on_ecp5(batch, seed):
    check("ecp5", seed, batch, 25)


@EDGE256
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 21))
def test_many_on_edge256(batch, seed):
    check("edge256", seed, batch, 25)
    check("edge256", seed, batch + 100, 5, gap_rate=GAP_RATE)
