"""Layers that run strip by strip: golden, the simulator and the RTL agree."""

import numpy as np
import pytest

from hw.spec.config import preset
from tests.e2e.cases import GAP_RATE, cascade_case, compare, simulated
from tests.support.random_cascades import random_cascade

TINY = pytest.mark.xdist_group("accelerator_tiny")
EDGE256 = pytest.mark.xdist_group("accelerator_edge256")


def check(name, first, count, **options):
    faults = compare(name, [cascade_case(name, first + i) for i in range(count)], **options)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ("tiny", "ecp5"))
def test_values(name, seed):
    for number in range(seed, seed + 25):
        case = cascade_case(name, number)
        for tensor, values in simulated(case)[1].items():
            np.testing.assert_array_equal(values, case.expected[tensor], case.command)


def test_there_are_cascades():
    # Always the same networks: among any 40 there need not be a window.
    plans = [
        segment.plan
        for number in range(80)
        for segment in random_cascade(preset("tiny"), number).compile().segments
    ]
    assert sum(len(plan.cascades) for plan in plans) > 5
    found = [
        (slot, plan.network.maps[name].pixels)
        for plan in plans
        for name, slot in plan.slots.items()
    ]
    assert any(slot.pitch < pixels and not slot.recomputed for slot, pixels in found)
    assert any(slot.recomputed for slot, _ in found)


@TINY
def test_on_tiny(seed):
    check("tiny", seed, 30)
    check("tiny", seed + 30, 10, gap_rate=GAP_RATE)


@EDGE256
def test_on_edge256(seed):
    check("edge256", seed, 4)


def test_a_stride_that_passes_over_rows():
    case = cascade_case("tiny", 80)
    for tensor, values in simulated(case)[1].items():
        np.testing.assert_array_equal(values, case.expected[tensor])


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 13))
def test_many_on_tiny(batch, seed):
    check("tiny", seed + 1000 * batch, 50)


@EDGE256
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 4))
def test_many_on_edge256(batch, seed):
    check("edge256", seed + 1000 * batch, 10)
