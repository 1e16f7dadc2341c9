"""How near the machine's results are to those of the model's own format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from compiler.ir.graph import Graph
from golden.declared import declared_shape, from_declared, tensor_qparams, to_declared
from sim.host_golden import host_compute
from sim.program_reader import read_program
from sim.simulation import simulate

#: Not the seed of the inputs that calibrate.
_SEED = 1

Arrays = dict[str, np.ndarray]


def likeness(model: Path, graph: Graph, folder: Path) -> str:
    """The outputs for random inputs beside the original's: ``equal`` or the share of bits that
    differ for integers, the ratio of signal to noise in dB for real values.

    The original is LiteRT's reference kernels for ``.tflite``, else onnxruntime.
    """
    tensors = graph.to_dict()["tensors"]
    generator = np.random.default_rng(_SEED)
    inputs = {name: _random(tensors[name], generator) for name in graph.inputs}
    if model.suffix == ".tflite":
        interpreter = _reference(model)
        for name in graph.inputs[len(interpreter.get_input_details()) :]:
            inputs[name] = _first_state(tensors[name])
        expected = _litert(interpreter, inputs)
    else:
        expected = _onnxruntime(model, inputs)
    found = _machine(graph, tensors, inputs, folder)
    return _compared([found[name] for name in graph.outputs], expected)


def _random(tensor: Mapping[str, Any], generator: np.random.Generator) -> np.ndarray:
    """An input as the model declares it: reals of mean 0 and variance 1, or any integers."""
    declared = tensor.get("declared")
    dtype = np.dtype(tensor["dtype"] if declared is None else declared["dtype"])
    shape = declared_shape(tensor)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(np.float32)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def _machine(graph: Graph, tensors: Mapping[str, Any], inputs: Arrays, folder: Path) -> Arrays:
    program = read_program(folder)
    stored = {name: from_declared(array, tensors[name]) for name, array in inputs.items()}
    after = simulate(program, stored, compute=host_compute(program)).tensors
    return {name: to_declared(after[name], tensors[name]) for name in graph.outputs}


def _onnxruntime(model: Path, inputs: Arrays) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = dict(zip((x.name for x in session.get_inputs()), inputs.values(), strict=True))
    return list(session.run(None, feed))


def _reference(model: Path) -> Interpreter:
    """The reference kernels, or for a float model those that know MediaPipe's own operators."""
    interpreter = Interpreter(model_path=str(model))
    if any(detail["dtype"] != np.float32 for detail in interpreter.get_input_details()):
        kernels = OpResolverType.BUILTIN_REF
        interpreter = Interpreter(model_path=str(model), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    return interpreter


def _first_state(tensor: Mapping[str, Any]) -> np.ndarray:
    """What a variable of the model, an input of the graph, holds at first: real 0."""
    zero = tensor_qparams(tensor).zero_point
    return np.full(declared_shape(tensor), zero, tensor["dtype"])


def _litert(interpreter: Interpreter, inputs: Arrays) -> list[np.ndarray]:
    for detail, array in zip(interpreter.get_input_details(), inputs.values(), strict=False):
        interpreter.set_tensor(detail["index"], array.reshape(detail["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def _compared(found: list[np.ndarray], expected: list[np.ndarray]) -> str:
    """The outputs as one vector beside those expected."""
    pairs = list(zip(found, expected, strict=False))
    ours, theirs = (np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1))
    if theirs.dtype.kind in "iu":
        wrong = int((ours != theirs).sum())
        return "equal" if not wrong else f"{wrong} of {theirs.size} differ"
    noise = np.square(ours.astype(float) - theirs).sum()
    signal = np.square(theirs.astype(float)).sum()
    if not noise:
        return "equal"
    return f"{10 * np.log10(signal / noise):.1f} dB" if signal else "the original is all 0"
