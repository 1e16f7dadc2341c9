"""The verifier of the second graph: right networks pass, and each fault is found and named."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from compiler.hwir.feature_map import View, Words
from compiler.hwir.network import ArrayOp, HostNode, Network
from compiler.hwir.verify import verify_network
from compiler.options import CompilerOptions
from compiler.passes.fuse import fuse_adds
from compiler.passes.legalise import legalise
from compiler.passes.needed import needs
from tests.compiler.graphs import Net, random_graph

COLS = 4


def lowered(graph) -> Network:
    return legalise(graph, needs(graph), CompilerOptions(), Words(COLS, 8))


def network() -> Network:
    """Two convolutions, an addition in the second, and a concatenation made in place."""
    net = Net((6, 5, 3))
    x = net.conv("input", 8, padding=(1, 1, 1, 1))
    y = net.add(net.conv(x, 8, (1, 1)), x)
    joined = net.op("concatenation", (x, y))
    return fuse_adds(lowered(net.finish(net.conv(joined, 4, (1, 1)), y)))


def changed_op(found: Network, index: int, **values: Any) -> Network:
    ops = list(found.ops)
    ops[index] = dataclasses.replace(ops[index], **values)
    return dataclasses.replace(found, ops=ops)


def changed_map(found: Network, key: str, **values: Any) -> Network:
    maps = {**found.maps, key: dataclasses.replace(found.maps[key], **values)}
    return dataclasses.replace(found, maps=maps)


def changed_region(found: Network, **values: Any) -> Network:
    (region,) = found.ops[0].regions
    return changed_op(found, 0, regions=(dataclasses.replace(region, **values),))


def changed_requant(found: Network, **values: Any) -> Network:
    return changed_region(
        found, requant=dataclasses.replace(found.ops[0].regions[0].requant, **values)
    )


def part(found: Network) -> str:
    """A map that is part of another."""
    return next(name for name, m in found.maps.items() if m.parent)


def weights(op: ArrayOp) -> np.ndarray:
    assert op.weights is not None
    return op.weights


FAULTS = {
    "another name": (
        lambda n: changed_map(n, "input", name="x"),
        "map input: its name is x",
    ),
    "an empty map": (
        lambda n: changed_map(n, "input", height=0),
        r"map input: extent \(0, 5, 3\)",
    ),
    "a view of nothing": (
        lambda n: changed_map(n, "input", view=True),
        "map input: a part without a parent",
    ),
    "a lost parent": (
        lambda n: changed_map(n, part(n), parent="gone"),
        "map .*: no parent gone",
    ),
    "a part of other pixels": (
        lambda n: changed_map(n, part(n), width=4),
        "map .*: 24 of 30 pixels",
    ),
    "a part beyond its parent": (
        lambda n: changed_map(n, part(n), plane=3),
        "map .*: planes 3 to 5 of concatenation3",
    ),
    "a lost source": (
        lambda n: changed_op(n, 0, source="gone"),
        "operation conv2d0: no map gone",
    ),
    "an operation in place": (
        lambda n: changed_op(n, 0, output="input"),
        "operation conv2d0: it reads its output",
    ),
    "a residual of another extent": (
        lambda n: changed_op(n, 1, residual=dataclasses.replace(n.ops[1].residual, other="input")),
        r"operation conv2d1: input is \(6, 5, 3\), not \(6, 5, 8\)",
    ),
    "no kernel": (
        lambda n: changed_op(n, 0, kernel=(0, 3)),
        r"operation conv2d0: kernel \(0, 3\)",
    ),
    "a negative stride": (
        lambda n: changed_op(n, 0, stride=(1, -1)),
        "operation conv2d0: a step or padding below 0",
    ),
    "weights of another shape": (
        lambda n: changed_op(n, 0, weights=weights(n.ops[0])[:, :2]),
        r"operation conv2d0: weights \(8, 2, 3, 3\), not \(8, 3, 3, 3\)",
    ),
    "wide weights": (
        lambda n: changed_op(n, 0, weights=weights(n.ops[0]).astype(np.int16)),
        "operation conv2d0: weights are int16",
    ),
    "a factor next to weights": (
        lambda n: changed_op(n, 1, factor="input"),
        "operation conv2d1: a factor next to weights",
    ),
    "no region": (
        lambda n: changed_op(n, 0, regions=()),
        "operation conv2d0: no region",
    ),
    "a region beyond the map": (
        lambda n: changed_region(n, bottom=7),
        r"operation conv2d0: region 0:7, 0:5 of \(6, 5, 8\)",
    ),
    "clamps in the wrong order": (
        lambda n: changed_op(n, 0, out_min=5, out_max=4),
        "operation conv2d0: clamps 5, 4",
    ),
    "a wide zero point": (
        lambda n: changed_op(n, 0, out_zero=128),
        "operation conv2d0: zero point 128",
    ),
    "more needed than done": (
        lambda n: changed_op(n, 0, macs=n.ops[0].done + 1),
        "operation conv2d0: .* multiply-accumulates",
    ),
    "a long table": (
        lambda n: changed_op(n, 0, table=np.zeros(257, np.int8)),
        r"operation conv2d0: its table is no int8 \[256\]",
    ),
    "too few biases": (
        lambda n: changed_requant(n, bias=np.zeros(7, np.int64)),
        r"operation conv2d0: bias \(7,\) for 8",
    ),
    "a shift of six bits": (
        lambda n: changed_requant(n, left=np.full(8, 32, np.int64)),
        "operation conv2d0: left beyond what the bits hold",
    ),
    "a negative multiplier": (
        lambda n: changed_requant(n, multiplier=np.full(8, -1, np.int64)),
        "operation conv2d0: multiplier beyond what the bits hold",
    ),
    "another order": (
        lambda n: dataclasses.replace(n, ops=n.ops[::-1]),
        "operation conv2d4: .* is read before it is made",
    ),
    "one half of a concatenation": (
        lambda n: dataclasses.replace(n, ops=[n.ops[0], n.ops[2]]),
        "operation conv2d4: concatenation3 is read before it is made",
    ),
    "a segment that is over": (
        lambda n: changed_op(n, 0, segment=1),
        "operation conv2d1: its segment is over",
    ),
    "a tensor nowhere": (
        lambda n: dataclasses.replace(n, views={**n.views, "x": View("gone")}),
        "tensor x: no map gone",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault):
    broken, message = FAULTS[fault]
    found = broken(network())
    with pytest.raises(AssertionError, match=f"^after test: {message}$"):
        verify_network(found, COLS, "test")


def test_a_right_network_passes():
    found = network()
    assert [op.name for op in found.ops] == ["conv2d0", "conv2d1", "conv2d4"]
    verify_network(found, COLS, "test")


def test_random_networks_pass(seed):
    for number in range(seed, seed + 5):
        verify_network(lowered(random_graph(number)), COLS, "lowering")


def test_a_map_of_the_host_is_there_in_the_segments_after_it():
    net = Net((4, 4, 4))
    x = net.op("softmax", (net.conv("input", 4, (1, 1)),))
    found = lowered(net.finish(net.conv(x, 4, (1, 1))))
    verify_network(found, COLS, "test")
    late = [HostNode(h.node, h.segment + 1, h.reason) for h in found.host]
    with pytest.raises(AssertionError, match="operation conv2d2: softmax1 is read before"):
        verify_network(dataclasses.replace(found, host=late), COLS, "test")
