"""ONNX's own tests of its operators, behind quantisers: golden, against onnxruntime."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.frontend.onnx.reader import KNOWN
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.benchmarks.onnx_nodes import PAGE, all_verdicts, faulty, page
from tests.support.onnx_builder import run_onnx

#: Constants alone: no network.
_CONSTANT = ("Constant", "Shape", "Size")


def embedded(case):
    """The case's node on a stored row of its first input, its result stored as a row if it is real.

    Returns the model, the row and the output's scale; None where the case has another form.
    """
    if case.model is None or len(case.model.graph.node) != 1:
        return None
    node, version = case.model.graph.node[0], case.model.opset_import[0].version
    inputs, outputs = case.data_sets[0]
    known = not node.domain and node.op_type in KNOWN and node.op_type not in _CONSTANT
    x, y = (next(iter(v), None) for v in (inputs, outputs))
    arrays = all(isinstance(a, np.ndarray) for a in (*inputs, *outputs))
    if not (known and arrays and 13 <= version <= 26 and len(node.output) == 1):
        return None
    real = x is not None and x.dtype == np.float32 and x.size and x.ndim
    if not real or y.dtype not in (np.float32, np.int64, np.bool_) or not y.size:
        return None
    names = [value.name for value in case.model.graph.input]
    constants = {n: a for n, a in zip(names, inputs, strict=True) if n != node.input[0]}
    scale, y_scale = (_scale(a) for a in (x, y))
    constants |= {"x/scale": scale, "zero": np.int8(0), "x/shape": np.array(x.shape)}
    stored = ["row/stored", "x/scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["row", "x/scale", "zero"], ["row/stored"]),
        helper.make_node("DequantizeLinear", stored, ["row/real"]),
        helper.make_node("Reshape", ["row/real", "x/shape"], [node.input[0]]),
        node,
    ]
    if y.dtype == np.float32:
        constants |= {"y/scale": y_scale, "y/shape": np.array([1, -1])}
        quant = ["y/scale", "zero"]
        nodes += [
            helper.make_node("QuantizeLinear", [node.output[0], *quant], ["y/stored"]),
            helper.make_node("DequantizeLinear", ["y/stored", *quant], ["y/real"]),
            helper.make_node("Reshape", ["y/real", "y/shape"], ["out"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", [node.output[0]], ["out"]))
    kind = helper.np_dtype_to_tensor_dtype(y.dtype)
    graph = helper.make_graph(
        nodes,
        case.name,
        [helper.make_tensor_value_info("row", onnx.TensorProto.FLOAT, [1, x.size])],
        [helper.make_tensor_value_info("out", kind, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    opsets = [helper.make_opsetid("", version)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return model.SerializeToString(), x.reshape(1, -1), float(y_scale)


def _scale(array):
    finite = np.where(np.isfinite(array), np.abs(array), 0)
    return np.float32(max(finite.max(), 1e-3) / 127)


def difference(data, row, scale):
    """The largest difference from onnxruntime in steps; None if onnxruntime has no such kernel."""
    try:
        (wanted,) = run_onnx(data, {"row": row})
    # Its exceptions have no base class of their own.
    except Exception:
        return None
    graph = read_onnx(parse_onnx(data, None), "net")
    form, (name,), (output,) = graph.to_dict(), graph.inputs, graph.outputs
    stored = from_declared(row, form["tensors"][name])
    found = to_declared(run(form, {name: stored})[output], form["tensors"][output])
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    away = np.abs(found.astype(np.float64) - wanted.astype(np.float64))
    return away.max() / (scale if wanted.dtype == np.float32 else 1.0)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_between_convolutions_every_node_test_is_right_or_refused_clearly():
    verdicts = list(all_verdicts())
    assert not faulty(verdicts)
    assert PAGE.read_text() == page(verdicts)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_every_node_test_is_right():
    right = 0
    for case in collect_testcases(None):
        made = embedded(case)
        if made is None:
            continue
        steps = difference(*made)
        assert steps is None or steps < 1.01, (case.name, steps)
        right += steps is not None
    assert right > 450
