"""Inputs and outputs of ONNX files as exporters of all ages write them, and their operator sets."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiler.command_line import main
from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx import parse_onnx
from compiler.frontend.onnx.normalise.opsets import LAST
from compiler.load import load_model
from golden.declared import to_declared
from golden.network import run
from sim.command_line import main as simulate
from tests.support.onnx_builder import OnnxBuilder, run_onnx, step_differences

FLOAT = TensorProto.FLOAT


def _convolution(opset, ir_version, nodes, outputs, shape=(1, 3, 8, 8)):
    """A float model: ``nodes`` behind a convolution that makes ``c``."""
    generator = np.random.default_rng(1)
    weights = numpy_helper.from_array(generator.normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], name="conv"), *nodes],
        "net",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [weights],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def _runs_like(model, changed):
    x = np.random.default_rng(2).normal(size=(1, 3, 8, 8)).astype(np.float32)
    was, now = (run_onnx(m.SerializeToString(), {"x": x}) for m in (model, changed))
    for a, b in zip(was, now, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


OLD = {
    "clip": [helper.make_node("Clip", ["c"], ["y"], min=0.0, max=6.0)],
    "pad": [helper.make_node("Pad", ["c"], ["y"], pads=[0, 0, 1, 1, 0, 0, 1, 1])],
    "slice": [helper.make_node("Slice", ["c"], ["y"], axes=[1], starts=[1], ends=[4])],
    "squeeze": [
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Squeeze", ["p"], ["y"], axes=[2, 3]),
    ],
    "upsample": [helper.make_node("Upsample", ["c"], ["y"], mode="nearest", scales=[1.0, 1, 2, 2])],
    "dropout": [helper.make_node("Dropout", ["c"], ["y"], ratio=0.5)],
}


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("opset", [7, 8])
def test_old_operator_sets(name, opset):
    model = _convolution(opset, 3, OLD[name], ["y"])
    model.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [4, 3, 3, 3]))
    changed = parse_onnx(model.SerializeToString(), Path())
    _runs_like(model, changed)
    assert [v.name for v in changed.graph.input] == ["x"]
    assert len(load_model(model).outputs) == 1


RESIZES = {
    "doubled": ("linear", [1, 1, 2, 2]),
    "halved": ("linear", [1, 1, 0.5, 0.5]),
    "by 3 and 1.5": ("nearest", [1, 1, 3, 1.5]),
    "by 0.75": ("nearest", [1, 1, 0.75, 0.75]),
}


@pytest.mark.parametrize("name", RESIZES)
@pytest.mark.parametrize("opset", [9, 10])
def test_old_resizes_read_the_old_places(name, opset):
    """ONNX's converter leaves out where operator sets 9 and 10 read."""
    mode, scales = RESIZES[name]
    op = "Upsample" if opset == 9 else "Resize"
    if opset == 9 and min(scales) < 1:
        op, scales = "Upsample", [1, 1, 2, 3]
    model = _convolution(opset, 4, [helper.make_node(op, ["c", "s"], ["y"], mode=mode)], ["y"])
    model.graph.initializer.append(numpy_helper.from_array(np.array(scales, np.float32), "s"))
    _runs_like(model, parse_onnx(model.SerializeToString(), Path()))


@pytest.mark.parametrize("axis", [1, 3])
def test_old_softmax_takes_the_axes_behind(axis):
    model = _convolution(9, 4, [helper.make_node("Softmax", ["c"], ["y"], axis=axis)], ["y"])
    _runs_like(model, parse_onnx(model.SerializeToString(), Path()))


@pytest.mark.parametrize("kind", [np.float32, np.int64])
@pytest.mark.parametrize("is_node", [False, True])
def test_constants_as_outputs(kind, is_node):
    array = np.arange(-3, 3).astype(kind).reshape(2, 3)
    tensor = numpy_helper.from_array(array, "k")
    nodes = [helper.make_node("Constant", [], ["k"], value=tensor)] if is_node else []
    model = _convolution(17, 8, nodes, ["c"])
    model.graph.output.append(helper.make_tensor_value_info("k", tensor.data_type, (2, 3)))
    if not is_node:
        model.graph.initializer.append(tensor)
    graph = load_model(model).to_dict()
    values = run(graph, {"x": np.zeros((1, 8, 8, 3), np.int8)})
    name = graph["outputs"][1]
    found = to_declared(values[name], graph["tensors"][name])
    assert found.dtype == kind
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("opset", [LAST, LAST + 1, onnx.defs.onnx_opset_version()])
def test_new_operator_sets_end_where_onnxruntime_ends(opset):
    """The newest one that is not converted is the newest that onnxruntime takes."""
    model = _convolution(opset, 10, [helper.make_node("Relu", ["c"], ["y"])], ["y"])
    if opset > LAST:
        with pytest.raises(Exception, match="opset"):
            onnxruntime.InferenceSession(model.SerializeToString())
    run_onnx(parse_onnx(model.SerializeToString(), Path()).SerializeToString(), _zeros())
    assert len(load_model(model).nodes) == 1


def _zeros():
    return {"x": np.zeros((1, 3, 8, 8), np.float32)}


def test_outputs_listed_twice_and_without_shape():
    model = _convolution(17, 8, [helper.make_node("Relu", ["c"], ["y"])], ["y", "y", "c"])
    graph = load_model(model)
    assert len(set(graph.outputs)) == 3
    names = [v.name for v in parse_onnx(model.SerializeToString(), Path()).graph.output]
    assert names == ["y", "y_1", "c"]


def test_quantised_output_listed_twice(generator):
    net = OnnxBuilder()
    y = net.stored(net.node("Relu", net.stored(net.input(1, 4, 5, 5), 0.1)), 0.05)
    net.output(y)
    net.output(y)
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_open_sizes_come_with_the_call():
    model = _convolution(17, 8, [], ["c"], ("n", 3, "h", "w"))
    graph = load_model(model, shapes={"x": (1, 3, 8, 8)})
    assert graph.tensors["x"].declared.shape == (1, 3, 8, 8)
    with pytest.raises(UnsupportedError, match=r"input 'x': axis 2 is 'h'; a fixed.*--shape"):
        load_model(model)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1,)}, "a shape for 'z'; the inputs are x"),
        ({"x": (1, 3)}, r"shape \[1, 3\] for input 'x'; 4 sizes are accepted"),
        ({"x": (1, 5, 8, 8)}, "size 5 of axis 1 for input 'x'; 3, which the file fixes"),
    ],
)
def test_wrong_sizes(shapes, message):
    with pytest.raises(InputError, match=message):
        load_model(_convolution(17, 8, [], ["c"], ("n", 3, "h", "w")), shapes=shapes)


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_fixed_batch_is_named(tmp_path, calibrated):
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 8, 8), np.float32))
    with pytest.raises(UnsupportedError, match="input 'x': a batch of 4; 1, or an open one, is"):
        load_model(
            _convolution(17, 8, [], ["c"], (4, 3, 8, 8)),
            tmp_path / "x.npy" if calibrated else None,
        )


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_a_number_is_an_output_without_axes(tmp_path, kind):
    path, out = tmp_path / "m.onnx", tmp_path / "out"
    number = numpy_helper.from_array(np.array(7, kind), "n")
    model = _convolution(17, 8, [], ["c"])
    model.graph.initializer.append(number)
    model.graph.output.append(
        helper.make_tensor_value_info("n", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), ())
    )
    path.write_bytes(model.SerializeToString())
    assert main(["map", str(path), "-o", str(out), "--preset", "tiny", "--no-cache", "--json"]) == 0
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 8, 8), np.float32))
    files = ["--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npy")]
    assert simulate(["run", str(out), *files, "--json"]) == 0
    found = np.load(tmp_path / "y.1.npy")
    assert found.shape == () and found.dtype == kind and found == 7
