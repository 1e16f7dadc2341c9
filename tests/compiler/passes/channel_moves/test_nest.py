"""Concatenations read those that join some of their inputs already."""

from __future__ import annotations

import dataclasses
import random

import pytest

from compiler.driver import compile
from compiler.ir.graph import Graph, Quant
from compiler.passes.channel_moves.nest import nest
from hw.spec.config import PRESETS, with_values
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY = PRESETS["tiny"]
SMALL = with_values(TINY, {"scratchpad_bytes": 128 * TINY.line_bytes})


def dense(layers: int, growth: int, newest_first: bool = False) -> Graph:
    """A dense block whose layers make ``growth`` channels."""
    net = Net((6, 5, 4))
    maps = [net.conv("input", growth, kernel=(1, 1))]
    for _ in range(layers):
        x = net.op("concatenation", tuple(maps)) if maps[1:] else maps[0]
        y = net.conv(x, growth, kernel=(1, 1), activation="relu")
        maps = [y, *maps] if newest_first else [*maps, y]
    return net.finish(net.conv(net.op("concatenation", tuple(maps)), 6))


def copies(graph: Graph) -> int:
    """Layers of the mapped network that copy an input of a concatenation."""
    return sum(op.kind == "concatenation" for op in compile(graph, TINY).network.ops)


@pytest.mark.parametrize("newest_first", (False, True))
def test_a_dense_block_takes_no_copies(newest_first):
    assert copies(dense(12, 8, newest_first)) == 0


def test_a_dense_block_is_mapped_in_layers_that_grow_with_its_own():
    layers = [len(compile(dense(n, 4), TINY).network.ops) for n in (5, 10, 20)]
    assert layers == [7, 12, 22]


@pytest.mark.parametrize("materialize", (False, True))
@pytest.mark.parametrize("config", (TINY, SMALL), ids=("tiny", "small"))
@pytest.mark.parametrize("growth", (4, 6))
def test_values_of_a_dense_block_are_goldens(config, growth, materialize, seed):
    newest_first = random.Random(seed).random() < 0.5
    assert check(dense(4, growth, newest_first), config, materialize, seed)


def test_a_concatenation_with_another_scale_is_not_read_instead():
    graph = dense(3, 4)
    name = next(n.outputs[0] for n in graph.nodes if n.op == "concatenation")
    tensor = graph.tensors[name]
    assert tensor.quant is not None
    quant = Quant((tensor.quant.scale[0] * 2,), tensor.quant.zero_point)
    graph.tensors[name] = dataclasses.replace(tensor, quant=quant)
    found = nest(graph, TINY.cols)
    assert not any(name in n.inputs for n in found.nodes if n.op == "concatenation")
    assert check(graph, TINY, False, 1)


def test_a_graph_without_such_concatenations_stays():
    net = Net((6, 5, 4))
    a, b, c = (net.conv("input", 4, kernel=(1, 1)) for _ in range(3))
    x, y = (net.op("concatenation", names) for names in ((a, b), (b, c)))
    graph = net.finish(net.conv(x, 4), net.conv(y, 4))
    assert nest(graph, TINY.cols) is graph


def test_the_longest_earlier_concatenations_are_read():
    net = Net((6, 5, 4))
    a, b, c, d, e = (net.conv("input", 4, kernel=(1, 1)) for _ in range(5))
    joined = [net.op("concatenation", names) for names in ((a, b), (a, b, c), (d, e))]
    whole = net.op("concatenation", (e, a, b, c, d, e))
    found = nest(net.finish(*(net.conv(x, 4) for x in joined), net.conv(whole, 4)), TINY.cols)
    inputs = {n.outputs[0]: n.inputs for n in found.nodes}
    assert inputs[whole] == (e, joined[1], joined[2])
    assert inputs[joined[1]] == (joined[0], c)
