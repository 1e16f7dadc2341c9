"""Names, inputs and outputs of a float model stay its own."""

import numpy as np
import onnx
import pytest

from compiler.errors import CompilerError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.load import load_model
from compiler.quantize import quantize
from golden.network import run
from tests.support.float_onnx import mobile_net
from tests.support.onnx_builder import OnnxBuilder


def test_names_stay_the_models(generator):
    net = mobile_net(generator)
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    names = {n.output[0] for n in net.model().graph.node}
    assert {node.outputs[0] for node in graph.nodes} <= names
    assert graph.inputs == ("image",)
    assert graph.outputs == (net.model().graph.output[0].name,)


def convolution(generator, name, weights, extra_inputs=()):
    """A Conv whose output is ``name``, then a Relu, with weights of the name ``weights``."""
    nodes = [
        onnx.helper.make_node("Conv", ["x", weights], [name], name="c"),
        onnx.helper.make_node("Relu", [name], [f"{name}/real"], name="r"),
        onnx.helper.make_node("Conv", [f"{name}/real", "x/stored"], ["x/scale"], name="d"),
    ]
    values = {weights: (4, 3, 3, 3), "x/stored": (2, 4, 1, 1)}
    constants = [
        onnx.numpy_helper.from_array(generator.normal(size=shape).astype(np.float32), key)
        for key, shape in values.items()
    ]
    shapes = {"x": (1, 3, 6, 6)} | {key: values[key] for key in extra_inputs}
    inputs = [
        onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, shape)
        for key, shape in shapes.items()
    ]
    output = onnx.helper.make_tensor_value_info("x/scale", onnx.TensorProto.FLOAT, (1, 2, 4, 4))
    graph = onnx.helper.make_graph(nodes, "g", inputs, [output], constants)
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model.SerializeToString()


def test_names_that_the_model_has_stay_its_own(tmp_path, generator):
    """The quantiser's names are others."""
    path = tmp_path / "net.onnx"
    path.write_bytes(convolution(generator, "conv1", "conv1/weights"))
    graph = load_model(path)
    assert (*graph.inputs, *graph.outputs) == ("x", "x/scale")
    assert [node.op for node in graph.nodes] == ["conv2d", "conv2d"]


def test_constants_may_be_listed_as_inputs(tmp_path, generator):
    """As PyTorch exports them with ``keep_initializers_as_inputs``."""
    path = tmp_path / "net.onnx"
    path.write_bytes(convolution(generator, "y", "w", extra_inputs=("w", "x/stored")))
    assert tuple(load_model(path).inputs) == ("x",)


def _ends(inputs, outputs):
    """A Relu of "x" with these inputs and outputs."""
    net = OnnxBuilder(17)
    for name in inputs:
        net.input(1, 3, 4, 4, name=name)
    y = net.node("Relu", "x")
    net.output(y)
    model = net.model()
    ends = {"y": model.graph.output.pop(), "x": model.graph.input[0]}
    model.graph.output.extend(ends[name] for name in outputs)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("inputs", "outputs", "text"),
    [
        (("x",), (), "no outputs; at least one is accepted"),
        (("x", "z"), ("y",), "input 'z': nothing reads it"),
    ],
)
def test_inputs_are_read_and_outputs_made(tmp_path, inputs, outputs, text):
    path = tmp_path / "net.onnx"
    path.write_bytes(_ends(inputs, outputs))
    with pytest.raises(CompilerError, match=text):
        load_model(path)


def test_an_output_may_be_the_input(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(_ends(("x",), ("y", "x")))
    graph = load_model(path)
    x = np.arange(-24, 24, dtype=np.int8).reshape(1, 4, 4, 3)
    values = run(graph.to_dict(), {"x": x})
    np.testing.assert_array_equal(values[graph.outputs[1]], x)
