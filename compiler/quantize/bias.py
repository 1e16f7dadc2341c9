"""Biases corrected for the mean error of quantisation (Nagel et al. 2019, arXiv 1906.04721).

Rounding a layer's weights and inputs moves the mean of each of its output channels; the error
goes through all layers after it. The bias takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from compiler.frontend.onnx.references import tensor_of
from compiler.quantize.calibrate import Parameters
from compiler.quantize.graph import FloatGraph, attribute, float_graph
from compiler.quantize.insert import layer_bias, quantize_weights, weight_axis
from compiler.quantize.quantisation_points import on_host, source
from compiler.quantize.runtime import Runner
from compiler.quantize.samples import Sample

#: Samples that the means are taken over, at most.
MAX_SAMPLES = 16

_ROUNDED = "/rounded"


def correct_biases(
    model: onnx.ModelProto, params: Mapping[str, Parameters], samples: Sequence[Sample]
) -> onnx.ModelProto:
    """The float model with the biases that its quantised form needs.

    Each Conv and Gemm with a bias of its own, or none, is compared, on the inputs that the float
    model gives it, with the same layer on rounded inputs and with rounded weights.
    """
    model = _with_biases(model)
    graph = float_graph(model)
    layers = [node for node in graph.nodes if _has_bias(graph, node)]
    if not layers:
        return model
    both = onnx.ModelProto()
    both.CopyFrom(model)
    for node in layers:
        _add_rounded(both, graph, node, params)
    names = [node.output[0] + end for node in layers for end in ("", _ROUNDED)]
    runner = Runner(both, names)
    errors = {node.output[0]: 0.0 for node in layers}
    chosen = samples[:: -(-len(samples) // MAX_SAMPLES)]
    for sample in chosen:
        values = runner.run(sample)
        for name in errors:
            difference = values[name + _ROUNDED].astype(np.float64) - values[name]
            others = tuple(a for a in range(difference.ndim) if a != 1)
            errors[name] = errors[name] + difference.mean(axis=others) / len(chosen)
    changes = {node.input[2]: errors[node.output[0]] for node in layers}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for tensor in result.graph.initializer:
        if tensor.name in changes:
            bias = graph.constants[tensor.name] - changes[tensor.name]
            tensor.CopyFrom(tensor_of(bias.astype(np.float32), tensor.name))
    return result


def _with_biases(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a bias of zeros where a layer with constant weights has none."""
    graph = float_graph(model)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    taken = {*graph.inputs, *graph.makers, *graph.constants}
    for node in result.graph.node:
        if not _is_layer(graph, node) or any(node.input[2:]):
            continue
        axis = 1 if node.op_type == "Gemm" and not attribute(node, "transB", 0) else 0
        name = f"{node.output[0]}/bias"
        while name in taken:
            name += "_"
        zeros = np.zeros(graph.constants[node.input[1]].shape[axis], np.float32)
        result.graph.initializer.append(tensor_of(zeros, name))
        node.input[:] = [*node.input[:2], name]
    return result


def _is_layer(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """Whether the array computes the node, a Conv or a Gemm, with constant weights."""
    return (
        node.op_type in ("Conv", "Gemm")
        and not on_host(graph, node)
        and node.input[1] in graph.constants
    )


def _has_bias(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """Whether the node is a layer with constants, the bias its own and one per channel."""
    if not _is_layer(graph, node):
        return False
    bias = node.input[2]
    return (
        bias in graph.constants
        and graph.constants[bias].ndim == 1
        and len(graph.readers[bias]) == 1
        and attribute(node, "beta", 1.0) == 1.0
    )


def _add_rounded(
    model: onnx.ModelProto,
    graph: FloatGraph,
    node: onnx.NodeProto,
    params: Mapping[str, Parameters],
) -> None:
    """Add the layer once more, on its input rounded and with the steps of its weights."""
    name = node.output[0] + _ROUNDED
    p = params[source(graph, node.input[0])]
    weights = graph.constants[node.input[1]]
    axis = weight_axis(node, weights)
    steps, scale = quantize_weights(weights, axis, layer_bias(graph, node), p.scale)
    shape = [-1 if a == axis else 1 for a in range(weights.ndim)]
    constants = {
        "scale": np.float32(p.scale),
        "zero_point": np.int8(p.zero_point),
        "weights": steps * scale.reshape(shape),
    }
    model.graph.initializer.extend(
        tensor_of(np.asarray(v), f"{name}/{k}") for k, v in constants.items()
    )
    quant = [f"{name}/scale", f"{name}/zero_point"]
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = name
    copy.input[0], copy.input[1], copy.output[0] = f"{name}/x", f"{name}/weights", name
    model.graph.node.extend(
        [
            helper.make_node("QuantizeLinear", [node.input[0], *quant], [f"{name}/stored"]),
            helper.make_node("DequantizeLinear", [f"{name}/stored", *quant], [f"{name}/x"]),
            copy,
        ]
    )
