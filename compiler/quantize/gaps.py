"""Quantised models with gaps: results that no QuantizeLinear rounds, weights in float.

Training in PyTorch leaves pools without an observer, and onnxruntime's quantiser whole operators at
the ends. What the file stores stays as it is; calibration fills the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from compiler.frontend.onnx import inferred
from compiler.quantize.calibrate import Parameters, collect
from compiler.quantize.graph import float_constants, graph_of, whole_numbers
from compiler.quantize.host_nodes import mark_host_nodes
from compiler.quantize.insert import WEIGHTED, insert
from compiler.quantize.quantisation_points import (
    VIEWS,
    bounds,
    on_host,
    source,
    stored_points,
)
from compiler.quantize.quantize import choose_parameters, leader, ranges_of
from compiler.quantize.runtime import folded
from compiler.quantize.samples import read_samples

_FLOAT = onnx.TensorProto.FLOAT


def with_host_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The quantised model, the nodes next to gaps that the host computes marked with the reason.

    Between them nothing is rounded.
    """
    model = _normalisations_folded(model)
    parts = _Parts(model)
    gaps = parts.gaps()
    if not gaps and not parts.has_float_weights:
        return model
    return mark_host_nodes(model, lambda m: _Parts(m).graph, gaps, parts.known)


def _normalisations_folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float model with quantisers at its ends alone, folded as one without.

    onnxruntime would make weights of whole numbers real too.
    """
    constants = {t.name for t in model.graph.initializer}
    kinds = {node.op_type for node in model.graph.node}
    weights = (n for n in model.graph.node if n.op_type == "DequantizeLinear")
    if "BatchNormalization" not in kinds or any(n.input[0] in constants for n in weights):
        return model
    return folded(model)


def has_gaps(model: onnx.ModelProto) -> bool:
    """Whether the quantised model leaves real what is stored here."""
    parts = _Parts(model)
    return bool(parts.gaps()) or parts.has_float_weights


def fill_gaps(
    model: onnx.ModelProto, calibration: Path | None, method: str = "mse"
) -> onnx.ModelProto:
    """The quantised model with what it leaves real rounded as in ``quantize``.

    Weights in float get a scale per output channel. Raises InputError and UnsupportedError.
    """
    parts = _Parts(model)
    gaps, graph, known = parts.gaps(), parts.graph, parts.known
    seen = collect(model, gaps, read_samples(model, calibration)) if gaps else {}
    ranges = {name: _range(p) for name, p in known.items()}
    ranges.update(ranges_of(graph, seen, method))
    chosen = choose_parameters(graph, list(ranges), ranges)
    params = {name: known.get(leader(graph, name), chosen[name]) for name in gaps}
    return inferred(insert(model, params, graph, known))


def _range(p: Parameters) -> tuple[float, float]:
    return (-128 - p.zero_point) * p.scale, (127 - p.zero_point) * p.scale


class _Parts:
    """A quantised model taken apart.

    ``graph`` is its real part, whose inputs are the outputs of DequantizeLinear and whose outputs
    are what QuantizeLinear reads; ``known`` are the parameters of these inputs.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._floats = float_constants(model)
        values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
        self._values = {v.name: v.type.tensor_type for v in values}
        self._ends = {v.name for v in model.graph.output}
        self._rounded: set[str] = set()
        self.known: dict[str, Parameters] = {}
        constants, real = dict(self._floats), []
        for node in model.graph.node:
            if all(name in constants for name in node.input if name):
                known = ((name, constants.get(name)) for name in node.output)
                constants.update((n, self._shaped(n) if a is None else a) for n, a in known)
            elif node.op_type == "DequantizeLinear":
                self.known[node.output[0]] = _parameters(node, constants)
            elif node.op_type == "QuantizeLinear":
                self._rounded.add(node.input[0])
            else:
                real.append(node)
        inputs = [v.name for v in model.graph.input if v.type.tensor_type.elem_type == _FLOAT]
        outputs = [v.name for v in model.graph.output if v.name not in self.known]
        self.graph = graph_of(
            tuple(real),
            constants,
            (*inputs, *self.known),
            (*dict.fromkeys((*outputs, *sorted(self._rounded))),),
            whole_numbers(model),
        )

    @property
    def has_float_weights(self) -> bool:
        """Whether a layer reads a constant that is not quantised."""
        layers = (node for node in self.graph.nodes if node.op_type in WEIGHTED)
        return any(
            node.input[1] in self._floats and not on_host(self.graph, node) for node in layers
        )

    def gaps(self) -> list[str]:
        """The tensors that are stored here and that no QuantizeLinear rounds."""
        return [name for name in stored_points(self.graph) if self._is_gap(name)]

    def _is_gap(self, name: str) -> bool:
        value = self._values.get(name)
        if name in self.known or (value is not None and value.elem_type != _FLOAT):
            return False
        maker = self.graph.makers.get(name)
        if maker is not None and maker.op_type in VIEWS:
            return name in self._ends and self._is_gap(source(self.graph, name))
        return not self._is_rounded_later(name)

    def _is_rounded_later(self, name: str) -> bool:
        """Whether all that reads the tensor is QuantizeLinear, through views too, and through what
        bounds a layer's result."""
        maker = self.graph.makers.get(name)
        return name not in self._ends and all(
            (node.op_type in VIEWS or (maker is not None and bounds(self.graph, maker, node)))
            and all(map(self._is_rounded_later, node.output))
            for node in self.graph.readers[name]
        )

    def _shaped(self, name: str) -> np.ndarray:
        """A constant that is computed: rules about weights look at their shape alone."""
        shape = [d.dim_value for d in self._values[name].shape.dim] if name in self._values else []
        return np.broadcast_to(np.float32(0), shape)


def _parameters(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> Parameters:
    """The scale and zero point of a DequantizeLinear, as int8."""
    scale = constants.get(node.input[1], np.ones(1))
    zero_point = constants.get(node.input[2] if len(node.input) > 2 else "", np.zeros(1, np.int8))
    shift = 128 if zero_point.dtype == np.uint8 else 0
    return Parameters(float(scale.reshape(-1)[0]), int(zero_point.reshape(-1)[0]) - shift)
