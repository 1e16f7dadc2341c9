"""Float models through quantisation after training, against onnxruntime on the float model."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from compiler import driver
from compiler.codegen.program import image, mapping
from compiler.command_line import main
from compiler.errors import InputError
from compiler.frontend.onnx import is_quantised, parse_onnx, read_onnx
from compiler.load import load_model
from compiler.quantize import quantize
from compiler.quantize.calibrate import collect
from compiler.quantize.equalise import equalise
from compiler.quantize.graph import float_graph
from compiler.quantize.insert import quantize_weights
from compiler.quantize.quantisation_points import stored_points
from compiler.quantize.runtime import folded
from compiler.quantize.samples import read_samples
from golden.network import run
from hw.spec.config import preset
from sim.program_reader import program_of
from sim.simulation import run_values
from tests.support.float_onnx import FloatNet, calibration_of, mobile_net
from tests.support.onnx_builder import (
    OnnxBuilder,
    as_declared,
    layer_differences,
    random_inputs,
    run_onnx,
)


def test_float_network_end_to_end(tmp_path, generator):
    """From the file to golden's answer: 12 dB over the noise that 8 bits leave.

    Uniform rounding of values of 255 steps that reach four deviations is 36 dB below them; a dozen
    layers of it, weights too, add up to some 12 dB less, and as much again where few values carry
    the answer. What is laid out or scaled wrongly is as large as the answer, at about 0 dB.
    """
    net = mobile_net(generator)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.bytes())
    calibration = calibration_of(tmp_path / "x.npy", generator)
    graph = load_model(path, calibration)
    assert not graph.random_calibration
    kinds = {node.op for node in graph.nodes}
    assert kinds == {
        "conv2d",
        "depthwise_conv2d",
        "add",
        "max_pool2d",
        "avg_pool2d",
        "concatenation",
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
    quantised = quantize(model, calibration_of(tmp_path / "x.npy", generator))
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


def test_equalisation_changes_no_output(tmp_path, generator):
    """Real arithmetic with factors that are no powers of two: equal but for float32."""
    net = mobile_net(generator)
    model = folded(parse_onnx(net.bytes(), tmp_path))
    samples = read_samples(model, calibration_of(tmp_path / "x.npy", generator))
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


@pytest.mark.parametrize("size", [0.0, 1e-40, 3e-36, 1e-30])
def test_a_channel_whose_weights_are_next_to_nothing_loads(generator, size):
    """As training with weight decay leaves them; the other channels are as good as ever."""
    net = OnnxBuilder(17)
    weights = generator.normal(size=(4, 3, 1, 1)).astype(np.float32)
    weights[1] = np.float32(size)
    bias = np.float32([0.5, 0, 0.1, -0.5])
    x = net.input(1, 3, 6, 6)
    net.output(net.node("Conv", x, net.constant(weights), net.constant(bias)))
    graph = load_model(net.model())
    inputs = random_inputs(graph, generator)
    declared = as_declared(graph, "input", inputs["input"])
    (expected,) = run_onnx(net.bytes(), {"input": declared})
    (name,) = graph.outputs
    found = as_declared(graph, name, run(graph.to_dict(), inputs)[name])
    inside = np.abs(expected) < 100 * graph.tensors[name].quant.scale[0]
    assert np.abs(found - expected)[inside].max() < 3 * graph.tensors[name].quant.scale[0]
    assert not found[:, 1].any()


@pytest.mark.parametrize("method", ["minmax", "mse"])
def test_methods(tmp_path, generator, method):
    net = mobile_net(generator)
    model = parse_onnx(net.bytes(), tmp_path)
    assert is_quantised(quantize(model, calibration_of(tmp_path / "x.npy", generator), method))


def test_mapped_network_equals_golden(tmp_path, generator):
    """The simulator runs what the compiler makes of the model; its bits are golden's."""
    net = mobile_net(generator)
    path = tmp_path / "net.onnx"
    path.write_bytes(net.bytes())
    graph = load_model(path, calibration_of(tmp_path / "x.npy", generator))
    compiled = driver.compile(graph, preset("tiny"))
    memory = np.frombuffer(image(compiled), np.uint8)
    program = program_of(Path(), memory, mapping(compiled))
    inputs = random_inputs(graph, generator)
    expected, after = run(graph.to_dict(), inputs), run_values(program, inputs)
    for name in graph.outputs:
        found = program.places[name].read(after, program.config.cols)
        np.testing.assert_array_equal(found, expected[name])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_by_torch(tmp_path, generator):
    """PyTorch's own exporter, batch normalisation and all."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(int(generator.integers(1 << 31)))
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8),
        nn.BatchNorm2d(8),
        nn.Hardswish(),
        nn.Conv2d(8, 12, 1),
        nn.SiLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Flatten(),
        nn.Linear(192, 5),
    ).eval()
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        net,
        torch.zeros(1, 3, 16, 16),
        path,
        dynamo=False,
        opset_version=17,
        dynamic_axes={"x": {0: "N"}},
        input_names=["x"],
    )
    assert onnx.load(path).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    graph = load_model(path)
    assert [node.op for node in graph.nodes] == [
        "conv2d",
        "depthwise_conv2d",
        "hard_swish",
        "conv2d",
        "silu",
        "max_pool2d",
        "fully_connected",
    ]


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
        calibration = calibration_of(tmp_path / "x.npy", net.generator, (4, 3, 8, 8))
        graph = load_model(path, calibration)
        found.append(graph.tensors[graph.outputs[0]].quant)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("pool", "count", "room"),
    [(None, 16, 1.0), (None, 4, 1.5), (None, 1, 1.5), ("GlobalAveragePool", 16, 1.5)],
)
def test_room_of_outputs(tmp_path, generator, pool, count, room):
    """Half the range again of all samples but one; none where 1,000 values are known."""
    found, seen = _output_range(tmp_path, generator, generator.normal(size=(count, 3, 8, 8)), pool)
    others = min(1, count - 1)
    lows, highs = np.sort(seen[:, 0]), np.sort(seen[:, 1])
    low, high = min(lows[0], room * lows[others]), max(highs[-1], room * highs[-1 - others])
    assert abs(found / (max(high, 0) - min(low, 0)) - 1) < 0.02


def test_a_sample_beyond_all_others_is_room_enough(tmp_path, generator):
    samples = generator.normal(size=(4, 3, 8, 8))
    samples[2] *= 10
    found, seen = _output_range(tmp_path, generator, samples)
    assert abs(found / (max(seen.max(), 0) - min(seen.min(), 0)) - 1) < 0.02


def _output_range(tmp_path, generator, samples, pool=None):
    """The range of a layer's output, and the least and largest value of each sample."""
    net = FloatNet(generator)
    x = net.input(1, 3, 8, 8)
    net.output(net.conv(net.node(pool, x) if pool else x, 3, 8, 1, normalised=False))
    samples = samples.astype(np.float32)
    np.save(tmp_path / "x.npy", samples)
    graph = load_model(net.model(), tmp_path / "x.npy")
    (name,) = graph.outputs
    seen = [run_onnx(net.bytes(), {"input": x[None]})[0] for x in samples]
    extremes = np.array([(y.min(), y.max()) for y in seen])
    return graph.tensors[name].quant.scale[0] * 255, extremes


def test_a_layer_without_bias_gets_its_mean_error_back(tmp_path, generator):
    """Its weights are rounded by up to half a step, and its inputs are mostly positive."""
    net = FloatNet(generator)
    x = net.input(1, 16, 6, 6)
    net.output(net.node("Conv", x, net.random(8, 16, 1, 1, deviation=0.25)))
    samples = (generator.normal(size=(16, 16, 6, 6)) + 3).astype(np.float32)
    np.save(tmp_path / "x.npy", samples)
    rounded = quantize(parse_onnx(net.bytes(), tmp_path), tmp_path / "x.npy")
    rounded = rounded.SerializeToString()
    feeds = [{"input": x[None]} for x in samples]
    errors = np.array([run_onnx(rounded, x)[0] - run_onnx(net.bytes(), x)[0] for x in feeds])
    means = errors.mean(axis=(0, 1, 3, 4))
    assert np.sqrt(np.square(means).mean()) < 0.2 * errors.std()


@pytest.mark.parametrize("name", ["w", "b"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_constants_of_layers_are_finite(tmp_path, generator, name, value):
    net, shapes = OnnxBuilder(17), {"w": (4, 3, 1, 1), "b": (4,)}
    constants = {k: generator.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    constants[name].reshape(-1)[2] = value
    names = [net.constant(array, key) for key, array in constants.items()]
    net.output(net.node("Conv", net.input(1, 3, 6, 6), *names))
    with pytest.raises(InputError, match=f"constant '{name}' holds {value}; finite numbers"):
        quantize(parse_onnx(net.bytes(), tmp_path), None)
