"""Models in other float types, and Casts at their ends."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx
from compiler.load import load_model
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.support.onnx_builder import TYPES, OnnxBuilder, run_onnx, step_differences

KINDS = {
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
}


def _in_type(kind):
    """A convolution and a power of it, all in one float type; the exponent is cast to it."""
    generator, dtype = np.random.default_rng(1), KINDS[kind]
    constants = {
        "w": generator.normal(size=(4, 3, 3, 3)).astype(dtype) / 4,
        "b": generator.normal(size=4).astype(dtype),
        "two": np.array(2, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
        helper.make_node("CastLike", ["two", "c"], ["e"], name="like"),
        helper.make_node("Mul", ["c", "e"], ["y"], name="mul"),
    ]
    x = helper.make_tensor_value_info("x", kind, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", kind, None)
    tensors = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.parametrize("kind", KINDS)
def test_models_in_other_float_types(tmp_path, kind):
    model = _in_type(kind)
    generator = np.random.default_rng(2)
    x = generator.normal(size=(8, 3, 8, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    graph = load_model(model, tmp_path / "x.npy").to_dict()
    given = x[:1].astype(KINDS[kind])
    (expected,) = ReferenceEvaluator(model).run(None, {"x": given})
    ends = [graph["tensors"][graph[end][0]] for end in ("inputs", "outputs")]
    values = run(graph, {"x": from_declared(given, ends[0])})
    found = to_declared(values[graph["outputs"][0]], ends[1])
    assert found.dtype == np.float32
    error = np.square(found - expected.astype(np.float64)).sum()
    assert error < 10**-3 * np.square(expected.astype(np.float64)).sum()


def test_a_number_beyond_float32():
    model = _in_type(TensorProto.DOUBLE)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full(4, 1e300), "b"))
    with pytest.raises(InputError, match=r"constant 'b' holds 1e\+300; numbers of float32"):
        parse_onnx(model.SerializeToString(), Path())


def test_scales_in_float16(generator):
    net = OnnxBuilder(19)
    x = net.stored(net.input(1, 4, 6, 6), 0.02)
    steps = net.constant(generator.integers(-127, 128, (5, 4, 3, 3)).astype(np.int8))
    weights = net.node("DequantizeLinear", steps, net.constant(np.float16(0.004)))
    weights = net.node("Cast", weights, to=TensorProto.FLOAT)
    net.output(net.stored(net.node("Conv", x, weights), 0.03))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_an_image_of_integers(generator, dtype):
    """A Cast to float and a division before the first QuantizeLinear."""
    net = OnnxBuilder()
    x = net.node("Cast", net.input(1, 3, 6, 6, dtype=dtype), to=TensorProto.FLOAT)
    x = net.stored(net.node("Div", x, net.constant(np.float32(255))), 1 / 255, -128)
    steps = generator.integers(-127, 128, (5, 3, 3, 3)).astype(np.int8)
    net.output(net.stored(net.node("Conv", x, net.weights(steps, 0.004)), 0.02))
    graph, differences = step_differences(net, generator)
    assert graph.tensors["input"].declared.dtype == dtype
    assert np.abs(differences).max() <= 1


def test_an_image_of_integers_before_a_float_model(tmp_path, generator):
    net = OnnxBuilder(17)
    x = net.node("Cast", net.input("N", 3, 8, 8, dtype="uint8"), to=TensorProto.FLOAT)
    x = net.node("Mul", x, net.constant(np.float32(1 / 128)))
    x = net.node("Sub", x, net.constant(np.float32(1)))
    weights = net.constant(generator.normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32))
    y = net.node("Conv", x, weights)
    normal = (np.array(v, np.float32) for v in ([1, 2, 0.5, 1], [0, 1, 0, -1], [0] * 4, [1] * 4))
    y = net.node("BatchNormalization", y, *map(net.constant, normal))
    net.output(net.node("Relu", y))
    images = generator.integers(0, 256, (8, 3, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", images)
    graph = load_model(net.model(), tmp_path / "x.npy").to_dict()
    kinds = [node["op"] for node in graph["nodes"]]
    assert kinds.count("conv2d") == 1 and "depthwise_conv2d" not in kinds
    assert graph["tensors"]["input"]["declared"]["dtype"] == "uint8"
    (expected,) = run_onnx(net.bytes(), {"input": images[:1]})
    ends = [graph["tensors"][graph[end][0]] for end in ("inputs", "outputs")]
    values = run(graph, {"input": from_declared(images[:1], ends[0])})
    found = to_declared(values[graph["outputs"][0]], ends[1])
    assert np.square(found - expected).sum() < 10**-3 * np.square(expected).sum()


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_a_cast_to_integers_at_the_end(generator, dtype):
    """Fractions are left out, as C's conversion does."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 6, 6), 0.7, -128 if dtype == "uint8" else 5)
    net.output(net.node("Cast", x, to=TYPES[dtype]), dtype)
    _, differences = step_differences(net, generator)
    assert not differences.any()
