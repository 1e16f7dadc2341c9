"""Float models through quantisation after training, against onnxruntime on the float model."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from compiler import driver
from compiler.__main__ import main
from compiler.codegen.program import image, mapping
from compiler.errors import CompilerError, InputError, UnsupportedError
from compiler.frontend import load_model
from compiler.frontend.onnx import is_quantised, parse_onnx, read_onnx
from compiler.quantize import quantize
from compiler.quantize.calibrate import collect
from compiler.quantize.equalise import equalise
from compiler.quantize.graph import float_graph
from compiler.quantize.insert import quantize_weights
from compiler.quantize.points import stored_points
from compiler.quantize.runtime import folded
from compiler.quantize.samples import read_samples
from golden.network import run
from hw.spec.config import preset
from sim.machine import run_values
from sim.program import program_of
from tests.support.npy_headers import HOSTILE_HEADERS
from tests.support.onnx_builder import (
    OnnxBuilder,
    as_declared,
    layer_differences,
    random_inputs,
    run_onnx,
)


@pytest.fixture
def generator(seed):
    return np.random.default_rng(seed)


class FloatNet(OnnxBuilder):
    """Layers with random real weights that keep the variance."""

    def __init__(self, generator, opset=17):
        super().__init__(opset)
        self.generator = generator

    def random(self, *shape, deviation=1.0):
        return self.constant((deviation * self.generator.normal(size=shape)).astype(np.float32))

    def conv(self, x, inputs, outputs, kernel, normalised=True, **attrs):
        group = attrs.get("group", 1)
        fan_in = inputs // group * kernel**2
        w = self.random(outputs, inputs // group, kernel, kernel, deviation=(2 / fan_in) ** 0.5)
        pads = [kernel // 2] * 4
        if not normalised:
            return self.node("Conv", x, w, self.random(outputs, deviation=0.1), pads=pads, **attrs)
        y = self.node("Conv", x, w, pads=pads, **attrs)
        spread = self.generator.uniform(0.2, 3, (2, outputs)).astype(np.float32)
        names = [spread[0], np.zeros(outputs, np.float32), np.zeros(outputs, np.float32), spread[1]]
        return self.node("BatchNormalization", y, *map(self.constant, names))

    def clip(self, x):
        return self.node("Clip", x, self.constant(np.float32(0)), self.constant(np.float32(6)))


def mobile_net(generator):
    """A residual network of depthwise layers with batch normalisation and an open batch."""
    net = FloatNet(generator)
    x = net.clip(net.conv(net.input("N", 3, 16, 16, name="image"), 3, 8, 3, strides=[2, 2]))
    y = net.clip(net.conv(x, 8, 24, 1))
    y = net.clip(net.conv(y, 24, 24, 3, group=24))
    y = net.node("Add", x, net.conv(y, 24, 8, 1))
    a = net.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    b = net.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = net.node("Concat", a, b, axis=1)
    y = net.node("Flatten", net.node("Relu", net.conv(y, 16, 4, 3, normalised=False)))
    w = net.random(10, 64, deviation=0.2)
    net.output(net.node("Gemm", y, w, net.random(10), transB=1))
    return net


def calibration_of(path, net, generator, shape=(16, 3, 16, 16)):
    np.save(path, generator.normal(size=shape).astype(np.float32))
    return path


def test_float_network_end_to_end(tmp_path, generator):
    """From the file to golden's answer: 12 dB over the noise that 8 bits leave.

    Uniform rounding of values of 255 steps that reach four deviations is 36 dB below them; a dozen
    layers of it, weights too, add up to some 12 dB less, and as much again where few values carry
    the answer. What is laid out or scaled wrongly is as large as the answer, at about 0 dB.
    """
    net = mobile_net(generator)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.bytes())
    calibration = calibration_of(tmp_path / "x.npy", net, generator)
    graph = load_model(path, calibration)
    assert not graph.random_calibration
    kinds = {node.op for node in graph.nodes}
    assert kinds == {
        "conv2d", "depthwise_conv2d", "add", "max_pool2d", "avg_pool2d", "concatenation",
        "fully_connected",
    }
    signal = noise = 0.0
    tensor = graph.tensors["image"]
    for x in generator.normal(size=(8, 1, 3, 16, 16)).astype(np.float32):
        steps = np.rint(x / np.float32(tensor.quant.scale[0])) + tensor.quant.zero_point[0]
        steps = np.clip(steps, -128, 127).astype(np.int8).transpose(tensor.declared.order)
        found = run(graph.to_dict(), {"image": steps})[graph.outputs[0]]
        (expected,) = run_onnx(net.bytes(), {"image": x})
        found = as_declared(graph, graph.outputs[0], found)
        signal += np.square(expected).sum()
        noise += np.square(found - expected).sum()
    assert 10 * np.log10(signal / noise) > 12


def test_quantised_model_runs_alike_in_onnxruntime(tmp_path, generator):
    """The model with QuantizeLinear means to onnxruntime what its graph means to golden."""
    net = mobile_net(generator)
    model = parse_onnx(net.bytes(), tmp_path)
    quantised = quantize(model, calibration_of(tmp_path / "x.npy", net, generator))
    graph = read_onnx(quantised, "net")
    differences = layer_differences(quantised, graph, random_inputs(graph, generator))
    assert set(differences) == {node.outputs[0] for node in graph.nodes}
    assert max(differences.values()) <= 1


def test_random_calibration_is_said(tmp_path, generator, capsys):
    path = tmp_path / "net.onnx"
    path.write_bytes(mobile_net(generator).bytes())
    assert load_model(path).random_calibration
    assert main(["import", str(path), "-o", str(tmp_path / "net.json")]) == 0
    assert load_model(tmp_path / "net.json").random_calibration


def test_names_stay_the_models(generator):
    net = mobile_net(generator)
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    names = {n.output[0] for n in net.model().graph.node}
    assert {node.outputs[0] for node in graph.nodes} <= names
    assert graph.inputs == ("image",)
    assert graph.outputs == (net.model().graph.output[0].name,)


def test_equalisation_changes_no_output(tmp_path, generator):
    """Real arithmetic with factors that are no powers of two: equal but for float32."""
    net = mobile_net(generator)
    model = folded(parse_onnx(net.bytes(), tmp_path))
    samples = read_samples(model, calibration_of(tmp_path / "x.npy", net, generator))
    points = stored_points(float_graph(model))
    seen = collect(model, points, samples)
    changed = equalise(model, seen)
    after = collect(changed, points, samples)
    evenness = [[s[n].peak.mean() / s[n].peak.max() for s in (seen, after)] for n in points]
    assert any(new > 1.01 * old for old, new in evenness)
    for sample in samples[:4]:
        (expected,) = run_onnx(model.SerializeToString(), sample)
        (found,) = run_onnx(changed.SerializeToString(), sample)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_gates_and_biases_stay_in_one_piece(generator):
    """SiLU is one table, and a bias after MatMul part of the layer."""
    net = FloatNet(generator)
    x = net.input(1, 7, 6)
    y = net.node("Add", net.node("MatMul", x, net.random(6, 5)), net.random(5))
    y = net.node("Mul", y, net.node("Sigmoid", y))
    net.output(net.node("Add", net.node("MatMul", y, net.random(5, 5)), net.random(5)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["conv2d", "silu", "conv2d"]


def test_parameters_that_the_graph_wants(generator):
    """Softmax has 1/256, and operators that move values their input's parameters."""
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 8, 8), 3, 8, 3)
    a, b = net.node("Split", x, outputs=2, axis=1)
    y = net.node("Concat", b, a, axis=1)
    y = net.node("Resize", y, "", net.constant(np.float32([1, 1, 2, 2])), mode="nearest")
    y = net.node("Flatten", net.node("MaxPool", y, kernel_shape=[16, 16]))
    net.output(net.node("Softmax", y))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == [
        "conv2d", "slice", "slice", "concatenation", "resize", "max_pool2d", "softmax",
    ]
    quants = {graph.tensors[node.outputs[0]].quant for node in graph.nodes[:-1]}
    assert len(quants) == 1


def test_weights_leave_room_for_the_bias(generator):
    """A bias of int32 steps: 2^30 at most, as ``insert`` promises."""
    weights = generator.normal(size=(4, 3, 1, 1)).astype(np.float32)
    weights[1] *= 1e-9
    bias = np.float32([1, 1, 0, 0])
    steps, scale = quantize_weights(weights, 0, bias, 0.01)
    assert np.all(np.abs(bias) / (0.01 * scale.astype(np.float64)) <= 2**30 * (1 + 1e-6))
    others = [0, 2, 3]
    real = steps[others] * scale[others].reshape(-1, 1, 1, 1)
    limit = np.abs(weights[others]).max(axis=(1, 2, 3)) / 254 * 1.001
    assert np.all(np.abs(real - weights[others]).max(axis=(1, 2, 3)) <= limit)


@pytest.mark.parametrize("method", ["minmax", "mse"])
def test_methods(tmp_path, generator, method):
    net = mobile_net(generator)
    model = parse_onnx(net.bytes(), tmp_path)
    assert is_quantised(quantize(model, calibration_of(tmp_path / "x.npy", net, generator), method))


CALIBRATIONS = {
    "integers": (np.zeros((2, 3, 16, 16), np.uint8), "type uint8; one float array"),
    "channels last": (np.zeros((2, 16, 16, 3), np.float32), r"\[N, 3, 16, 16\] is accepted"),
    "none": (np.zeros((0, 3, 16, 16), np.float32), r"shape \[0, 3, 16, 16\]"),
    "not finite": (np.full((1, 3, 16, 16), np.inf, np.float32), "not finite"),
}


@pytest.mark.parametrize("case", CALIBRATIONS)
def test_calibration_that_does_not_fit(tmp_path, generator, case):
    array, message = CALIBRATIONS[case]
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=f"calibration .*x.npy: .*{message}"):
        read_samples(model, tmp_path / "x.npy")


@pytest.mark.parametrize("header", HOSTILE_HEADERS)
def test_calibration_with_a_hostile_header(tmp_path, generator, header):
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    (tmp_path / "x.npy").write_bytes(HOSTILE_HEADERS[header])
    with pytest.raises(InputError, match=r"calibration .*x.npy: (not a .npy file|type|shape)"):
        read_samples(model, tmp_path / "x.npy")


def test_calibration_files(tmp_path, generator):
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    with pytest.raises(InputError, match="no .npy file"):
        read_samples(model, tmp_path)
    (tmp_path / "bad.npy").write_bytes(b"text")
    with pytest.raises(InputError, match="bad.npy: not a .npy file"):
        read_samples(model, tmp_path)
    (tmp_path / "bad.npy").unlink()
    arrays = generator.normal(size=(3, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "b.npy", arrays[1:])
    np.save(tmp_path / "a.npy", arrays[:1])
    samples = read_samples(model, tmp_path)
    np.testing.assert_array_equal(np.concatenate([s["image"] for s in samples]), arrays)


def test_old_operator_set_is_converted(generator):
    net = FloatNet(generator, 11)
    net.output(net.node("Relu", net.conv(net.input(1, 3, 8, 8), 3, 4, 3)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [(n.op, n.attrs["activation"]) for n in graph.nodes] == [("conv2d", "relu")]


def test_normalisation_written_out(generator):
    """As exporters to operator sets before 17 write LayerNormalization."""
    net = FloatNet(generator, 13)
    x = net.input(1, 7, 6)
    centred = net.node("Sub", x, net.node("ReduceMean", x, axes=[-1]))
    square = net.node("Pow", centred, net.constant(np.float32(2)))
    variance = net.node("ReduceMean", square, axes=[-1])
    root = net.node("Sqrt", net.node("Add", variance, net.constant(np.float32(1e-5))))
    y = net.node("Mul", net.node("Div", centred, root), net.random(6))
    net.output(net.node("Add", y, net.random(6)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["layer_norm"]


def test_mapped_network_equals_golden(tmp_path, generator):
    """The simulator runs what the compiler makes of the model; its bits are golden's."""
    net = mobile_net(generator)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.bytes())
    graph = load_model(path, calibration_of(tmp_path / "x.npy", net, generator))
    compiled = driver.compile(graph, preset("tiny"))
    memory = np.frombuffer(image(compiled), np.uint8)
    program = program_of(Path(), memory, mapping(compiled))
    inputs = random_inputs(graph, generator)
    expected, after = run(graph.to_dict(), inputs), run_values(program, inputs)
    for name in graph.outputs:
        found = program.places[name].read(after, program.config.cols)
        np.testing.assert_array_equal(found, expected[name])


def test_what_the_graph_has_no_operator_for(generator):
    net = FloatNet(generator)
    x = net.input(1, 4, 4)
    net.output(net.node("MatMul", x, net.node("Relu", x)))
    with pytest.raises(UnsupportedError, match=r"\(MatMul\): weights '.*' are computed"):
        read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")


def test_a_concatenation_with_a_constant_is_refused(generator):
    net = FloatNet(generator)
    x = net.node("Relu", net.input(1, 3, 4, 4))
    net.output(net.node("Concat", x, net.random(1, 2, 4, 4), axis=1))
    with pytest.raises(UnsupportedError, match=r"\(Concat\): "):
        read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")


def test_a_layer_may_have_a_bias_without_a_name(generator):
    net = FloatNet(generator)
    x = net.node("Conv", net.input(1, 3, 4, 4), net.random(4, 3, 1, 1), "")
    net.output(net.node("Conv", net.node("Relu", x), net.random(2, 4, 1, 1), ""))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["conv2d", "conv2d"]


def test_an_activation_without_elements_is_refused(generator):
    net = FloatNet(generator)
    net.output(net.node("Conv", net.input(1, 3, 4, 4), net.random(0, 3, 1, 1)))
    with pytest.raises(UnsupportedError, match=r"shape \[1, 0, 4, 4\] has no elements"):
        quantize(parse_onnx(net.bytes(), None), None)


def test_integer_input():
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input(1, 3, dtype="int8")), "int8")
    with pytest.raises(CompilerError, match="type INT8; FLOAT is accepted"):
        quantize(parse_onnx(net.bytes(), None), None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_by_torch(tmp_path, generator):
    """PyTorch's own exporter, batch normalisation and all."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(int(generator.integers(1 << 31)))
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.Hardswish(),
        nn.Conv2d(8, 12, 1), nn.SiLU(), nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(192, 5),
    ).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        net, torch.zeros(1, 3, 16, 16), path, dynamo=False, opset_version=17,
        dynamic_axes={"x": {0: "N"}}, input_names=["x"],
    )
    assert onnx.load(path).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    graph = load_model(path)
    assert [node.op for node in graph.nodes] == [
        "conv2d", "depthwise_conv2d", "hard_swish", "conv2d", "silu", "max_pool2d",
        "fully_connected",
    ]


def test_a_map_that_calibration_cannot_hold(tmp_path, generator):
    net = FloatNet(generator)
    net.output(net.conv(net.input("N", 3, 1 << 17, 1 << 17, name="image"), 3, 4, 3))
    (tmp_path / "net.onnx").write_bytes(net.bytes())
    with pytest.raises(UnsupportedError, match="elements; at most 67108864 are accepted"):
        load_model(tmp_path / "net.onnx")



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


@pytest.mark.parametrize(("inputs", "outputs", "text"), [
    (("x",), (), "no outputs; at least one is accepted"),
    (("x",), ("y", "x"), "output 'x' is the network's input"),
    (("x", "z"), ("y",), "input 'z': nothing reads it"),
])
def test_inputs_are_read_and_outputs_made(tmp_path, inputs, outputs, text):
    path = tmp_path / "net.onnx"
    path.write_bytes(_ends(inputs, outputs))
    with pytest.raises(CompilerError, match=text):
        load_model(path)


def _moved(net, op, x):
    if op == "Pad":
        return net.node("Pad", x, net.constant(np.zeros(8, np.int64)))
    if op == "Resize":
        return net.node("Resize", x, "", "", net.constant(np.array([1, 8, 16, 16], np.int64)))
    return net.node("MaxPool", x, kernel_shape=[2, 2]) if op else x


@pytest.mark.parametrize("op", ["Pad", "MaxPool", "Resize"])
def test_an_output_that_is_moved_keeps_its_range(tmp_path, seed, op):
    """It has the parameters that what is moved has as an output."""
    found = []
    for moves in (None, op):
        net = FloatNet(np.random.default_rng(seed))
        y = net.conv(net.input(1, 3, 8, 8), 3, 8, 3, normalised=False)
        net.output(_moved(net, moves, y))
        path = tmp_path / "net.onnx"
        path.write_bytes(net.bytes())
        calibration = calibration_of(tmp_path / "x.npy", net, net.generator, (4, 3, 8, 8))
        graph = load_model(path, calibration)
        found.append(graph.tensors[graph.outputs[0]].quant)
    assert found[0] == found[1]
