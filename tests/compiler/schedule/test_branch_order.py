"""Branch regions and live ranges of a network of known form, and what moves in it."""

from __future__ import annotations

import pytest

from compiler.hwir.feature_map import Words
from compiler.hwir.network import Network
from compiler.hwir.verify import verify_network
from compiler.options import CompilerOptions
from compiler.passes.legalise import legalise
from compiler.passes.needed import needs
from compiler.schedule.branch_order import (
    BranchRegion,
    branch_regions,
    moved,
    reordered,
    reorderings,
)
from compiler.schedule.cascade import Cascade
from compiler.schedule.live_ranges import LiveRange, live_ranges
from tests.compiler.graphs import Net

COLS = 4
REGION = BranchRegion(1, 5, ((1, 2), (3,), (4, 5)))


@pytest.fixture(scope="module")
def network() -> Network:
    """A stem (0), three branches of two, one and two layers (1 to 5), and a layer of all (6)."""
    net = Net((5, 5, 4))
    stem = net.conv("input", 4, (1, 1))
    ends = []
    for layers in (2, 1, 2):
        x = stem
        for _ in range(layers):
            x = net.conv(x, 4, (1, 1))
        ends.append(x)
    graph = net.finish(net.conv(net.op("concatenation", tuple(ends)), 4, (1, 1)))
    found = legalise(graph, needs(graph), CompilerOptions(), Words(COLS, 8))
    assert len(found.ops) == 7
    return found


def test_maps_live_from_their_producer_to_their_last_consumer(network):
    stem, inner = network.ops[0].output, network.ops[1].output
    joined = network.root(network.ops[6].source)
    lives = live_ranges(network)
    assert lives[stem] == LiveRange(0, 4)
    assert lives[inner] == LiveRange(1, 2)
    assert lives[joined] == LiveRange(2, 6)
    assert "input" not in lives and network.ops[3].output not in lives


def test_the_branches_are_found(network):
    assert branch_regions(network, COLS) == [REGION]


def test_one_branch_moves_to_the_end_or_the_beginning(network):
    found = set(reorderings(network, REGION))
    assert found == {
        (0, 3, 4, 5, 1, 2, 6),
        (0, 1, 2, 4, 5, 3, 6),
        (0, 3, 1, 2, 4, 5, 6),
        (0, 4, 5, 1, 2, 3, 6),
    }
    for order in found:
        verify_network(reordered(network, order), COLS, "reordering")


def test_cascades_move_along_and_are_not_taken_apart():
    order = (0, 3, 4, 5, 1, 2, 6)
    assert moved([Cascade(1, 2), Cascade(4, 5)], order) == (Cascade(4, 5), Cascade(2, 3))
    assert moved([Cascade(0, 1)], order) is None
    assert moved([Cascade(2, 3)], order) is None
