"""Small graphs that the front end's tests read and write."""

from __future__ import annotations

import dataclasses

import numpy as np

from compiler.ir.graph import Graph
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder


def residual_graph() -> Graph:
    """A residual block, a dilated and a strided layer, both pools and a classifier, quantised."""
    net = GraphBuilder("residual", (9, 7, 3))
    x = net.conv("stem", "input", 8, (3, 5), stride=(2, 1), activation="relu6")
    y = net.depthwise("dilated", x, 3, dilation=2, multiplier=1, activation="relu")
    y = net.conv("grouped", y, 8, 1, groups=2)
    x = net.add("add", x, y, activation="relu")
    x = net.depthwise("multiplied", x, (1, 3), stride=2, multiplier=2)
    x = net.global_avg_pool("pool", x)
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


def concatenated_graph() -> Graph:
    """Branches of several widths, a pool among them, that share their parameters."""
    net = GraphBuilder("concatenated", (6, 5, 3))
    x = net.conv("stem", "input", 6, 3, activation="relu6")
    y = net.conv("linear", x, 4, 1)
    z = net.max_pool("pool", net.conv("branch", x, 5, 3, activation="relu"), 3)
    x = net.concatenate("joined", x, y, z)
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


def assert_same(found: Graph, expected: Graph) -> None:
    """Equal in every field, values included."""
    assert found == expected
    for name, tensor in expected.tensors.items():
        data = found.tensors[name].data
        assert (data is None) == (tensor.data is None)
        if data is not None:
            assert data.dtype == tensor.data.dtype
            np.testing.assert_array_equal(data, tensor.data)


def weightless(graph: Graph) -> Graph:
    """The graph without values and parameters."""
    tensors = {
        name: dataclasses.replace(t, data=None, quant=None) for name, t in graph.tensors.items()
    }
    return dataclasses.replace(graph, tensors=tensors, random_weights=False)
