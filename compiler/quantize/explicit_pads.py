"""Padding of windows as numbers: onnxruntime refuses SAME with dilations."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import helper

from compiler.ir.window_shapes import window_span
from compiler.quantize.graph import attribute

_WINDOWS = ("AveragePool", "Conv", "MaxPool")
_SAME = (b"SAME_UPPER", b"SAME_LOWER")

Shapes = Mapping[str, tuple[int, ...]]


def with_explicit_pads(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, whose nodes with SAME padding get its pixels where the shapes are known."""
    graph = model.graph
    shapes = {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in (*graph.input, *graph.value_info)
    }
    shapes.update((t.name, tuple(t.dims)) for t in graph.initializer)
    for node in graph.node:
        if node.op_type in _WINDOWS and attribute(node, "auto_pad") in _SAME:
            _replace(node, shapes)
    return model


def _replace(node: onnx.NodeProto, shapes: Shapes) -> None:
    size = shapes.get(node.input[0], ())[2:]
    kernel = attribute(node, "kernel_shape")
    if kernel is None:
        kernel = shapes.get(node.input[1], ())[2:]
    if not size or not all(size) or len(kernel) != len(size):
        return
    rank = len(size)
    strides = attribute(node, "strides", [1] * rank)
    dilations = attribute(node, "dilations", [1] * rank)
    begins, ends = [], []
    for n, k, s, d in zip(size, kernel, strides, dilations, strict=True):
        total = max((-(-n // s) - 1) * s + window_span(k, d) - n, 0)
        small, large = total // 2, total - total // 2
        upper = attribute(node, "auto_pad") == b"SAME_UPPER"
        begins.append(small if upper else large)
        ends.append(large if upper else small)
    kept = [a for a in node.attribute if a.name not in ("auto_pad", "pads")]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("pads", [*begins, *ends])])
