"""Parallel branches in any order: golden, the simulator and the RTL agree."""

import numpy as np
import pytest

from compiler.driver import compile
from compiler.ir.randomize import randomize
from compiler.schedule.branch_order import branch_regions
from compiler.zoo import build
from hw.spec.config import preset
from tests.e2e.cases import branches_case, compare, layer_case, simulated
from tests.support.random_branches import random_branches

TINY = pytest.mark.xdist_group("accelerator_tiny")


def check(name, first, count):
    faults = compare(name, [branches_case(name, first + i) for i in range(count)])
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ("tiny", "ecp5"))
def test_values(name, seed):
    for number in range(seed, seed + 25):
        case = branches_case(name, number)
        for tensor, values in simulated(case)[1].items():
            np.testing.assert_array_equal(values, case.expected[tensor], case.command)


def test_there_are_branches(seed):
    networks = [random_branches(preset("tiny"), seed + i).compile().network for i in range(40)]
    assert sum(len(branch_regions(n.part(0), 4)) for n in networks) > 1


def test_branches_of_an_inception_module():
    """Four branches of its definition, whose layers stay in order."""
    network = compile(randomize(build("inception_v1", (96, 96))), preset("edge256")).network
    names = [
        [network.ops[i].name.split("/")[1] for i in branch]
        for branch in branch_regions(network, 16)[0].branches
    ]
    assert sorted(names) == [
        ["1x1"],
        ["3x3_reduce", "3x3"],
        ["5x5_reduce", "5x5"],
        ["pool", "pool_project"],
    ]


@pytest.mark.parametrize("number", (189759072, 189759192))
def test_a_move_that_divides_its_block(number):
    case = layer_case("tiny", number)
    for tensor, values in simulated(case)[1].items():
        np.testing.assert_array_equal(values, case.expected[tensor], case.command)


@TINY
def test_on_tiny(seed):
    check("tiny", seed, 20)


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 9))
def test_many_on_tiny(seed, batch):
    check("tiny", seed + 1000 * batch, 50)
