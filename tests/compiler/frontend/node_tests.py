"""ONNX's own tests of its operators between two convolutions: mapped and right, or refused.

A convolution of one tap and weight 1 makes the node's first real input, another one reads its
first real result; its other inputs are constants. The model is float, and calibrated with the
test's own values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from compiler.commands.quantize import write_quantised
from compiler.errors import CompilerError
from compiler.frontend.onnx.normalise import REWRITTEN
from compiler.frontend.onnx.reader import KNOWN
from compiler.load import load_model
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.support.onnx_builder import run_onnx

OPERATORS = KNOWN | REWRITTEN
_REAL = (np.float32, np.float16, np.float64)

#: Least ratio of signal to noise of a right result, in dB; least share of equal whole numbers.
NEAR, EQUAL = 20.0, 0.9

#: What a message says that blames the file, or onnxruntime, for what this project made.
_UNCLEAR = ("not a valid ONNX", "onnxruntime cannot")


class Verdict(NamedTuple):
    """``kind`` is right, refused, unclear or wrong."""

    name: str
    operator: str
    kind: str
    text: str = ""


class Embedded(NamedTuple):
    """A model, its only input and what the case's node is called."""

    model: onnx.ModelProto
    x: np.ndarray
    operator: str
    wanted: list[np.ndarray]


def embedded_cases(operator: str | None = None) -> Iterator[tuple[str, Embedded]]:
    """Every test of supported operators, or of one, with a real input, by name."""
    for case in collect_testcases(operator):
        if case.model is not None and (made := _embedded(case)) is not None:
            yield case.name, made


def judged(name: str, case: Embedded, folder: Path) -> Verdict:
    """Whether the model maps, and how near golden's results are to those of the test.

    Where rounding the inputs to int8 changes the results much, as a step function does, they are
    compared with onnxruntime's of the same quantised model.
    """
    path = folder / "model.onnx"
    path.write_bytes(case.model.SerializeToString())
    np.save(folder / "x.npy", case.x)
    try:
        graph = load_model(path, folder / "x.npy")
    except CompilerError as fault:
        text = str(fault).removeprefix(f"{path}: ")
        kind = "unclear" if any(word in text for word in _UNCLEAR) else "refused"
        return Verdict(name, case.operator, kind, text)
    form, (x,) = graph.to_dict(), graph.inputs
    tensors = form["tensors"]
    values = run(form, {x: from_declared(case.x, tensors[x])})
    found = [to_declared(values[y], tensors[y]) for y in graph.outputs]
    faults = list(filter(None, map(_difference, found, case.wanted)))
    scales = [tensors[y]["scale"] for y in graph.outputs]
    if faults and not _as_quantised(path, case.x, found, scales):
        return Verdict(name, case.operator, "wrong", "; ".join(faults))
    return Verdict(name, case.operator, "right")


def _as_quantised(
    path: Path, x: np.ndarray, found: list[np.ndarray], scales: list[list[float] | None]
) -> bool:
    """Whether the results are onnxruntime's of the quantised model, within two steps: the node's
    own and that of the convolution behind it."""
    quantised = path.with_name("quantised.onnx")
    write_quantised(path, path.with_name("x.npy"), {}, quantised)
    wanted = run_onnx(quantised.read_bytes(), {"row": x})
    for ours, real, scale in zip(found, wanted, scales, strict=True):
        steps = np.abs(ours.astype(float) - real) / (scale[0] if scale else 1.0)
        if ours.shape != real.shape or np.nanmax(steps) > (2.01 if scale else 0.0):
            return False
    return True


def _difference(found: np.ndarray, wanted: np.ndarray) -> str:
    """What is wrong with a result, if anything. Results of float16 are made in float32."""
    same = found.dtype == wanted.dtype or (wanted.dtype.kind == found.dtype.kind == "f")
    if found.shape != wanted.shape or not same:
        return f"{found.dtype} {found.shape}, not {wanted.dtype} {wanted.shape}"
    if wanted.dtype.kind != "f":
        share = float(np.mean(found == wanted))
        return "" if share >= EQUAL else f"{share:.0%} equal"
    finite = np.isfinite(wanted)
    real, ours = (array[finite].astype(float) for array in (wanted, found))
    noise, signal = np.square(ours - real).sum(), np.square(real).sum()
    decibels = 10 * np.log10(signal / noise) if noise and signal else np.inf * (not noise)
    return "" if decibels >= NEAR else f"{decibels:.1f} dB"


def _embedded(case: object) -> Embedded | None:
    """The case between convolutions; None for other operators, and without a real input."""
    model = case.model
    inputs, outputs = ([_array(a) for a in arrays] for arrays in case.data_sets[0])
    nodes = model.graph.node
    known = all(not n.domain and n.op_type in OPERATORS for n in nodes) and not model.functions
    if not known or not all(isinstance(a, np.ndarray) for a in (*inputs, *outputs)):
        return None
    names = [value.name for value in model.graph.input]
    real = [i for i, a in enumerate(inputs) if a.dtype in _REAL and a.size and a.ndim]
    if not real or not outputs[0].size:
        return None
    first = real[0]
    constants = {n: a for i, (n, a) in enumerate(zip(names, inputs, strict=True)) if i != first}
    made = _Builder(constants)
    x = inputs[first].astype(np.float32)
    row = x.reshape(made.map_shape(x.size))
    made.convolution("row", "before", names[first], x.shape, inputs[first].dtype)
    made.nodes += nodes
    results = []
    for place, (value, array) in enumerate(zip(model.graph.output, outputs, strict=False)):
        name, kind = f"result{place}", helper.np_dtype_to_tensor_dtype(array.dtype)
        if place == 0 and array.dtype in _REAL:
            made.result(value.name, name, array)
            kind = TensorProto.FLOAT
        else:
            made.nodes.append(helper.make_node("Identity", [value.name], [name]))
        results.append(helper.make_tensor_value_info(name, kind, None))
    graph = helper.make_graph(
        made.nodes,
        case.name,
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, row.shape)],
        results,
        [numpy_helper.from_array(np.asarray(a), n) for n, a in made.constants.items()],
    )
    graph.initializer.extend(model.graph.initializer)
    whole = helper.make_model(graph, opset_imports=model.opset_import, ir_version=10)
    operator = nodes[0].op_type if len(nodes) == 1 else "written out"
    return Embedded(whole, row, operator, list(outputs))


def _array(value: object) -> object:
    """A number as an array; a sequence of arrays stays one."""
    return np.asarray(value) if isinstance(value, np.generic | int | float) else value


class _Builder:
    """Nodes and constants around a case's own."""

    def __init__(self, constants: dict[str, np.ndarray]) -> None:
        self.constants = constants
        self.nodes: list[onnx.NodeProto] = []

    def map_shape(self, size: int) -> list[int]:
        """A map of one channel of so many values."""
        height = max(side for side in range(1, 65) if size % side == 0)
        return [1, 1, height, size // height]

    def convolution(
        self, x: str, label: str, y: str, shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        """A map ``x`` as ``y`` of any shape and real type, by a convolution of weight 1."""
        self.constants[f"{label}/shape"] = np.array(shape, np.int64)
        self.constants[f"{label}/weight"] = np.ones((1, 1, 1, 1), np.float32)
        inputs = [x, f"{label}/weight"]
        self.nodes.append(helper.make_node("Conv", inputs, [f"{label}/map"], name=label))
        reshaped = y if dtype == np.float32 else f"{label}/real"
        inputs = [f"{label}/map", f"{label}/shape"]
        self.nodes.append(helper.make_node("Reshape", inputs, [reshaped]))
        if dtype != np.float32:
            kind = helper.np_dtype_to_tensor_dtype(dtype)
            self.nodes.append(helper.make_node("Cast", [reshaped], [y], to=kind))

    def result(self, x: str, y: str, array: np.ndarray) -> None:
        """The case's first result through the second convolution."""
        if array.dtype != np.float32:
            self.nodes.append(helper.make_node("Cast", [x], ["cast"], to=TensorProto.FLOAT))
            x = "cast"
        self.constants["after/flat"] = np.array(self.map_shape(array.size))
        self.nodes.append(helper.make_node("Reshape", [x, "after/flat"], ["after/x"]))
        self.convolution("after/x", "after", y, array.shape, np.dtype(np.float32))
