"""onnxruntime on one model in memory: folding, and running with inner tensors as outputs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from compiler.errors import InputError
from compiler.frontend.onnx import inferred

_LEVELS = onnxruntime.GraphOptimizationLevel

#: onnxruntime's number for messages of errors only.
_ERRORS_ONLY = 3


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with constants and shapes computed, and batch normalisation in the weights.

    onnxruntime's basic optimisations. Raises InputError for a model that it cannot load.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        options = _options(_LEVELS.ORT_ENABLE_BASIC)
        options.optimized_model_filepath = str(path)
        _session(model, options)
        return inferred(onnx.load_model(path))


class Runner:
    """Runs a model without optimisations; ``outputs`` are names of any of its tensors."""

    def __init__(self, model: onnx.ModelProto, outputs: Iterable[str]) -> None:
        shown = onnx.ModelProto()
        shown.CopyFrom(model)
        self.outputs = tuple(dict.fromkeys(outputs))
        del shown.graph.output[:]
        shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self.outputs)
        self._session = _session(shown, _options(_LEVELS.ORT_DISABLE_ALL))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name. Raises InputError where the model refuses the inputs."""
        try:
            values = self._session.run(list(self.outputs), dict(inputs))
        except Exception as fault:
            raise InputError(f"onnxruntime cannot run the model: {_line(fault)}") from None
        return dict(zip(self.outputs, values, strict=True))


def _options(level: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = _ERRORS_ONLY
    return options


def _session(
    model: onnx.ModelProto, options: onnxruntime.SessionOptions
) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    # Its exceptions have no base class of their own.
    except Exception as fault:
        raise InputError(f"onnxruntime cannot load the model: {_line(fault)}") from None


def _line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300]
