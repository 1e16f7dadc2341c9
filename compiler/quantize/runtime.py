"""onnxruntime on one model in memory: folding, and running with inner tensors as outputs."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from compiler.errors import InputError
from compiler.frontend.onnx import inferred
from compiler.frontend.onnx.labels import rename_tensors, without_numbers
from compiler.frontend.onnx.references import array_of, is_reference, refer, written

_LEVELS = onnxruntime.GraphOptimizationLevel

#: onnxruntime's number for messages of errors only.
_ERRORS_ONLY = 3

#: What onnxruntime writes behind the name of a MatMul that takes an Add for its bias.
_FUSED = "/MatMulAddFusion"


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with constants and shapes computed, and batch normalisation in the weights.

    onnxruntime's basic optimisations; weights that they leave as they are stay outside. Raises
    InputError for a model that it cannot load.
    """
    light, left = _without(model, _left_alone(model))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        options = _options(_LEVELS.ORT_ENABLE_BASIC)
        options.optimized_model_filepath = str(path)
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        _session(str(written(light, Path(folder))), options)
        result = onnx.load_model(path)
    inputs = [value for value in result.graph.input if value.name not in left]
    del result.graph.input[:]
    result.graph.input.extend(inputs)
    refer(result)
    result.graph.initializer.extend(left.values())
    for node in result.graph.node:
        node.name = node.name.removesuffix(_FUSED)
    rename_tensors(result)
    return inferred(result)


def _left_alone(model: onnx.ModelProto) -> set[str]:
    """The weights that only layers without batch normalisation behind them read."""
    normalised = {n.input[0] for n in model.graph.node if n.op_type == "BatchNormalization"}
    others: set[str] = set()
    weights: set[str] = set()
    for node in model.graph.node:
        plain = node.op_type in ("Gemm", "MatMul") and node.output[0] not in normalised
        weights.update(node.input[1:2] if plain else ())
        others.update(node.input[:1] if plain else node.input)
        others.update(node.input[2:])
    return weights - others


def _without(
    model: onnx.ModelProto, names: Container[str]
) -> tuple[onnx.ModelProto, dict[str, onnx.TensorProto]]:
    """A copy whose constants of these names that are references are inputs; and those."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    left = {t.name: t for t in model.graph.initializer if is_reference(t) and t.name in names}
    kept = [t for t in graph.initializer if t.name not in left]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.input.extend(
        onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in left.values()
    )
    return copy, left


class Runner:
    """Runs a model without optimisations; ``outputs`` are names of any of its tensors."""

    def __init__(self, model: onnx.ModelProto, outputs: Iterable[str]) -> None:
        shown, left = _without(model, {t.name for t in model.graph.initializer})
        self.outputs = tuple(dict.fromkeys(outputs))
        del shown.graph.output[:]
        shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self.outputs)
        self._weights = {n: np.ascontiguousarray(array_of(t)) for n, t in left.items()}
        self._session = _session(shown.SerializeToString(), _options(_LEVELS.ORT_DISABLE_ALL))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name. Raises InputError where the model refuses the inputs."""
        try:
            values = self._session.run(list(self.outputs), {**self._weights, **inputs})
        except Exception as fault:
            raise InputError(f"onnxruntime cannot run the model: {_line(fault)}") from None
        return dict(zip(self.outputs, values, strict=True))


def _options(level: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = _ERRORS_ONLY
    return options


def _session(
    model: bytes | str, options: onnxruntime.SessionOptions
) -> onnxruntime.InferenceSession:
    """A session of a serialised model or of the file that has it."""
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # Its exceptions have no base class of their own.
    except Exception as fault:
        raise InputError(f"onnxruntime cannot load the model: {_line(fault)}") from None


def _line(fault: Exception) -> str:
    return " ".join(without_numbers(str(fault)).split())[:300]
