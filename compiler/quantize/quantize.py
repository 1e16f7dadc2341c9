"""From a float model to a quantised one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx import inferred, opset
from compiler.frontend.onnx.labels import label
from compiler.frontend.onnx.normalise.opsets import converted
from compiler.frontend.onnx.references import keep_only, refer, references, whole
from compiler.quantize.bias import correct_biases
from compiler.quantize.calibrate import METHODS, Parameters, Statistics, collect, parameters
from compiler.quantize.equalise import equalise
from compiler.quantize.explicit_pads import with_explicit_pads
from compiler.quantize.graph import FloatGraph, float_graph
from compiler.quantize.host_nodes import mark_host_nodes
from compiler.quantize.insert import WEIGHTED, insert
from compiler.quantize.obstacles import check_operators
from compiler.quantize.parallel import with_one_kernel
from compiler.quantize.quantisation_points import (
    SAME,
    on_host,
    source,
    stored_points,
)
from compiler.quantize.runtime import folded
from compiler.quantize.samples import read_samples

#: Most elements of one activation of a model to be quantised.
MAX_ELEMENTS = 1 << 26

#: The graph's softmax gives these parameters (TFLite int8 specification).
_SOFTMAX = Parameters(1 / 256, -128)

#: Room that outputs of layers get beyond what was seen. A classifier that is surer of an input than
#: of all that calibrate it would give several classes the largest step. A sample that is beyond all
#: others has this room in it. The range of a map is known better, if as many values of a channel as
#: ``_MANY`` were seen.
_ROOM, _MANY = 1.5, 1000

#: Inputs of a concatenation share its parameters if that costs them at most one bit.
_MOST_COARSER = 2.0

#: Oldest operator set with scales per channel, and with LayerNormalization, which onnxruntime
#: makes of its parts.
_PER_CHANNEL, _NORMALISED = 13, 17


Ranges = Mapping[str, tuple[float, float]]
"""Least and largest real value of tensors."""


def quantize(
    model: onnx.ModelProto, calibration: Path | None, method: str = "mse"
) -> onnx.ModelProto:
    """The float ``model``, as ``parse_onnx`` gives it, with int8 weights and activations.

    Weights have one scale per output channel; activations one, chosen by ``method`` (a key of
    ``METHODS``) over the inputs in ``calibration``, or over random ones. Batch normalisation is
    folded into the weights, channels are equalised and biases corrected. Raises InputError and
    UnsupportedError.
    """
    return quantize_beside(model, calibration, method)[1]


def quantize_beside(
    model: onnx.ModelProto, calibration: Path | None, method: str = "mse"
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The model before and after ``quantize`` rounds it: tensors of a name have the same meaning.

    The first is float: batch normalisation is folded and channels are equalised, so that it
    computes what ``model`` does. In a block of ``references()`` the model is used up.
    """
    _check_inputs(model)
    check_operators(model)
    with references() as outermost:
        if outermost:
            own = onnx.ModelProto()
            own.CopyFrom(model)
            model = own
        refer(model)
        model = with_explicit_pads(model)
        before, after = _quantized(with_one_kernel(folded(_with_opset(model))), calibration, method)
        return (whole(before), whole(after)) if outermost else (before, after)


def _quantized(
    model: onnx.ModelProto, calibration: Path | None, method: str
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    keep_only(model)
    _check_sizes(model)
    graph = float_graph(model)
    _check_finite(graph)
    model = mark_host_nodes(model, float_graph, stored_points(graph))
    points = stored_points(float_graph(model))
    samples = read_samples(model, calibration)
    model = equalise(model, collect(model, points, samples))
    keep_only(model)
    graph = float_graph(model)
    seen = collect(model, points, samples)
    params = choose_parameters(graph, points, ranges_of(graph, seen, method))
    corrected = correct_biases(model, params, samples)
    keep_only(model, corrected)
    return model, inferred(insert(corrected, params))


def _check_sizes(model: onnx.ModelProto) -> None:
    """Raise UnsupportedError for an activation that calibration cannot hold."""
    graph = model.graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shape = [d.dim_value for d in dims]
        if any(d.HasField("dim_value") and not d.dim_value for d in dims):
            raise UnsupportedError(
                f"tensor {show(value.name)}: shape {shape} has no elements; at least one is "
                "accepted for a model to be quantised"
            )
        if math.prod(shape) > MAX_ELEMENTS:
            raise UnsupportedError(
                f"tensor {show(value.name)}: shape {shape} has {math.prod(shape)} elements; "
                f"at most {MAX_ELEMENTS} are accepted for a model to be quantised"
            )


def _check_finite(graph: FloatGraph) -> None:
    """Raise InputError for a weight or a bias that is no finite number."""
    for node in graph.nodes:
        for name in node.input[1:] if node.op_type in WEIGHTED else ():
            values = graph.constants.get(name, np.zeros(1))
            if not np.isfinite(values).all():
                found = values[~np.isfinite(values)][0]
                raise InputError(
                    f"node {show(label(node, 0))} ({node.op_type}): constant {show(name)} holds "
                    f"{found}; finite numbers are accepted"
                )


def _check_inputs(model: onnx.ModelProto) -> None:
    """Raise UnsupportedError for an input that no node reads, or that is not real."""
    read = {name for node in model.graph.node for name in node.input}
    for value in model.graph.input:
        if value.name not in read:
            raise UnsupportedError(
                f"input {show(value.name)}: nothing reads it; inputs that layers read are accepted"
            )
        kind = value.type.tensor_type.elem_type
        if kind != onnx.TensorProto.FLOAT:
            raise UnsupportedError(
                f"input {show(value.name)}: type {onnx.TensorProto.DataType.Name(kind)}; FLOAT is "
                "accepted for a model to be quantised, or INT8 or UINT8 that a Cast makes real"
            )


def _with_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in an operator set that has all that is wanted, if ONNX can convert it."""
    version = opset(model)
    if version >= _NORMALISED:
        return model
    try:
        return converted(model, _NORMALISED)
    except UnsupportedError:
        if version >= _PER_CHANNEL:
            return model
        raise


def ranges_of(graph: FloatGraph, seen: Mapping[str, Statistics], method: str) -> Ranges:
    """The real range that each tensor seen is stored with.

    Outputs of the network keep their whole range, and get room if a layer makes them.
    """
    outputs = {leader(graph, name) for name in graph.outputs}
    return {
        name: _output_range(graph, name, stats) if name in outputs else METHODS[method](stats)
        for name, stats in seen.items()
    }


def choose_parameters(
    graph: FloatGraph, points: Sequence[str], ranges: Ranges
) -> dict[str, Parameters]:
    """The parameters of every stored tensor, in the order of ``points``.

    Operators that move values keep their input's parameters, and a concatenation gives its own to
    inputs of a similar range.
    """
    leaders = {name: leader(graph, name) for name in points}
    shared = _shared_with_concatenations(graph, points, leaders, ranges)
    groups: dict[str, list[str]] = {}
    for name in points:
        if name == leaders[name]:
            groups.setdefault(shared.get(name, name), []).append(name)
    chosen = {}
    for members in groups.values():
        low, high = min(ranges[m][0] for m in members), max(ranges[m][1] for m in members)
        chosen.update(dict.fromkeys(members, parameters(low, high)))
    for name in chosen:
        if name in graph.makers and graph.makers[name].op_type == "Softmax":
            chosen[name] = _SOFTMAX
    return {name: chosen[leaders[name]] for name in points}


def _output_range(graph: FloatGraph, name: str, seen: Statistics) -> tuple[float, float]:
    maker = graph.makers.get(name)
    known = math.prod(seen.shape[2:]) > 1 and seen.count >= _MANY
    if known or maker is None or not _is_layer(graph, maker):
        return seen.low, seen.high
    others = min(1, len(seen.lows) - 1)
    low, high = seen.lows[others], seen.highs[-1 - others]
    return min(seen.low, _ROOM * low), max(seen.high, _ROOM * high)


def _is_layer(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """Whether the node is a layer with weights, or adds the bias to one."""
    inputs = graph.activations(node)
    if node.op_type == "Add" and len(inputs) == 1 and inputs[0] in graph.makers:
        node = graph.makers[inputs[0]]
    return node.op_type in WEIGHTED


def leader(graph: FloatGraph, name: str) -> str:
    """The tensor whose parameters ``name`` takes over through operators that move values."""
    while True:
        name = source(graph, name)
        node = graph.makers.get(name)
        if node is None or node.op_type not in SAME or on_host(graph, node):
            return name
        name = node.input[0]


def _shared_with_concatenations(
    graph: FloatGraph,
    points: Sequence[str],
    leaders: Mapping[str, str],
    ranges: Ranges,
) -> dict[str, str]:
    """First of its group, for each input of a concatenation that takes the group's parameters."""
    shared: dict[str, str] = {}

    def first(name: str) -> str:
        while name in shared:
            name = shared[name]
        return name

    for node in graph.nodes:
        if node.op_type != "Concat" or node.output[0] not in ranges:
            continue
        output = node.output[0]
        for name in graph.activations(node):
            lead = leaders.get(source(graph, name), leader(graph, name))
            if lead not in ranges:
                continue
            width, whole = (ranges[n][1] - ranges[n][0] for n in (lead, output))
            alike = whole <= _MOST_COARSER * width
            softmax = graph.makers.get(lead) is not None and graph.makers[lead].op_type == "Softmax"
            if alike and not softmax and first(lead) != first(output):
                shared[first(lead)] = first(output)
    return {name: first(name) for name in shared}
