"""Small graphs that the front end's tests read and write."""

from __future__ import annotations

import dataclasses

import numpy as np

from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.randomize import randomize
from compiler.ir.shapes import infer_shape
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


def excited_graph() -> Graph:
    """Squeeze and excitation by a mean, and the product of two maps."""
    net = GraphBuilder("excited", (6, 5, 7))
    s = net.conv("squeeze", net.mean("mean", "input"), 7, 1, activation="relu")
    x = net.mul("excite", "input", s, activation="relu6")
    return randomize(net.finish(net.mul("product", x, "input")))


def spatial_graph() -> Graph:
    """Transposed convolutions as TFLite says them, with and without bias, and both resizes."""
    tensors = {"input": Tensor("input", (1, 5, 6, 3), "int8")}
    nodes: list[Node] = []

    def append(op: str, inputs: tuple[str, ...], attrs: dict) -> str:
        name = f"{op}{len(nodes)}"
        nodes.append(Node(name, op, inputs, (name,), attrs))
        tensors[name] = Tensor(name, infer_shape(nodes[-1], tensors), "int8")
        return name

    def transposed(x: str, kernel: int, bias: bool, **attrs: object) -> str:
        shape = (4, kernel, kernel, tensors[x].shape[3])
        tensors[x + "/weights"] = Tensor(x + "/weights", shape, "int8")
        tensors[x + "/bias"] = Tensor(x + "/bias", (4,), "int32")
        names = x, x + "/weights", x + "/bias" if bias else ""
        if not bias:
            del tensors[x + "/bias"]
        return append("transpose_conv2d", names, {"stride": (2, 2), "groups": 1, **attrs})

    def resized(x: str, mode: str, *size: int, **attrs: bool) -> str:
        options = {"align_corners": False, "half_pixel_centers": False, **attrs}
        return append("resize", (x,), {"mode": mode, "size": size, **options})

    x = transposed("input", 4, True, padding=(1, 1, 1, 1), output_padding=(0, 0), activation="none")
    x = resized(x, "nearest", 11, 7, half_pixel_centers=True)
    x = transposed(x, 1, False, padding=(0,) * 4, output_padding=(1, 0), activation="relu6")
    x = resized(x, "bilinear", 20, 3, align_corners=True)
    return randomize(Graph("spatial", tensors, nodes, ("input",), (x,)))


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
