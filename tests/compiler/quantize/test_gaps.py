"""Quantised models that leave values real: calibration fills them, and changes nothing else."""

import numpy as np
import pytest

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx
from compiler.load import load_model
from compiler.quantize import fill_gaps, has_gaps
from tests.support.onnx_builder import (
    OnnxBuilder,
    layer_differences,
    random_inputs,
    run_onnx,
    step_differences,
)


def _steps(generator, *shape):
    return generator.integers(-127, 128, shape).astype(np.int8)


def _pool_without_observer(net, generator):
    x = net.stored(net.input(1, 4, 9, 9), 0.02)
    y = net.node("Conv", x, net.weights(_steps(generator, 6, 4, 3, 3), 0.004), pads=[1] * 4)
    y = net.stored(net.node("Relu", y), 0.03, -128)
    y = net.node("Flatten", net.node("GlobalAveragePool", y))
    y = net.node("Gemm", y, net.weights(_steps(generator, 5, 6), 0.01), transB=1)
    net.output(net.stored(y, 0.02))
    return ["globalaveragepool"]


def _float_weights(net, generator):
    x = net.stored(net.input(1, 4, 9, 9), 0.02)
    weights = net.constant(generator.normal(0, 0.2, (6, 4, 3, 3)).astype(np.float32))
    bias = net.constant(generator.normal(0, 0.2, 6).astype(np.float32))
    net.output(net.stored(net.node("Conv", x, weights, bias), 0.04))
    return []


def _real_ends(net, generator):
    """A convolution before the first QuantizeLinear, a softmax behind the last."""
    weights = net.constant(generator.normal(0, 0.2, (6, 4, 3, 3)).astype(np.float32))
    y = net.stored(net.node("Conv", net.input(1, 4, 9, 9), weights), 0.04)
    y = net.node("Flatten", net.node("GlobalAveragePool", y))
    net.output(net.node("Softmax", net.stored(y, 0.01)))
    return ["input", "softmax"]


def _pool_keeps_its_scale(net, generator):
    """A maximum moves values, so its result has their scale; the sum gets one of its own."""
    x = net.stored(net.input(1, 4, 8, 8), 0.02, 5)
    y = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    z = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    net.output(net.stored(net.node("Relu", net.node("Add", y, z)), 0.03))
    return ["maxpool", "averagepool"]


MODELS = {
    "a pool without an observer": _pool_without_observer,
    "weights in float": _float_weights,
    "real operators at the ends": _real_ends,
    "pools that keep a scale": _pool_keeps_its_scale,
}


@pytest.mark.parametrize("name", MODELS)
def test_gaps_are_filled(tmp_path, generator, name):
    net = OnnxBuilder()
    gaps = MODELS[name](net, generator)
    samples = generator.normal(size=(8, *_shape(net))).astype(np.float32)
    np.save(tmp_path / "x.npy", samples)
    model = parse_onnx(net.bytes(), tmp_path)
    assert has_gaps(model)
    filled = fill_gaps(model, tmp_path / "x.npy")
    new = [n for n in filled.graph.node if n.op_type == "QuantizeLinear"]
    old = [n for n in net.model().graph.node if n.op_type == "QuantizeLinear"]
    assert len(new) == len(old) + len(gaps)
    (expected,) = run_onnx(net.bytes(), {"input": samples[:1]})
    (found,) = run_onnx(filled.SerializeToString(), {"input": samples[:1]})
    assert np.square(found - expected).sum() < 10**-2.5 * np.square(expected).sum()
    graph = load_model(net.model(), tmp_path / "x.npy")
    assert not graph.random_calibration
    differences = layer_differences(filled, graph, random_inputs(graph, generator))
    assert max(differences.values()) <= 1


def test_without_inputs_gaps_are_filled_with_random_ones(generator):
    net = OnnxBuilder()
    _pool_without_observer(net, generator)
    assert load_model(net.model()).random_calibration


def test_a_model_without_gaps_is_read_as_it_is(tmp_path, generator):
    net = OnnxBuilder()
    x = net.stored(net.node("Flatten", net.input(1, 4, 3, 3)), 0.02)
    y = net.node("Gemm", x, net.weights(_steps(generator, 5, 36), 0.01), transB=1)
    net.output(net.stored(net.node("Relu", y), 0.02))
    assert not has_gaps(parse_onnx(net.bytes(), tmp_path))
    assert not load_model(net.model()).random_calibration
    with pytest.raises(InputError, match=r"calibration .* for a quantised model"):
        load_model(net.model(), tmp_path)


def test_what_bounds_a_layer_before_it_is_rounded_leaves_no_gap(generator):
    """Bounds of any size, and two of them on one layer: each is rounded once."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 9, 9), 0.02)
    y = net.node("Conv", x, net.weights(_steps(generator, 6, 4, 3, 3), 0.004), pads=[1] * 4)
    bounds = [net.constant(np.float32(bound)) for bound in (-0.5, 0.7)]
    net.output(net.stored(net.node("Clip", y, *bounds), 0.006, 20))
    net.output(net.stored(net.node("Relu", y), 0.05, -128))
    assert not has_gaps(parse_onnx(net.bytes(), None))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert [node.op for node in graph.nodes if node.op != "lookup"] == ["conv2d", "conv2d"]


def test_a_constant_of_an_unknown_type_is_the_files_fault(generator):
    net = OnnxBuilder()
    _float_weights(net, generator)
    model = net.model()
    model.graph.initializer[2].data_type = 99
    with pytest.raises(InputError, match=r"constant_2|data type"):
        load_model(model)


def _shape(net):
    (value,) = net.model().graph.input
    return [d.dim_value for d in value.type.tensor_type.shape.dim][1:]
