"""Models that onnxruntime's own quantiser made, read and compared with onnxruntime."""

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from compiler.frontend.onnx import parse_onnx
from compiler.load import load_model
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.support.onnx_builder import OnnxBuilder, layer_differences, random_inputs, run_onnx


class Reader(CalibrationDataReader):
    """A few random inputs."""

    def __init__(self, generator, shape):
        self._inputs = iter(generator.normal(size=(4, *shape)).astype(np.float32))

    def get_next(self):
        array = next(self._inputs, None)
        return None if array is None else {"input": array}


def float_model(generator):
    net = OnnxBuilder(17)

    def random(*shape):
        return net.constant((generator.normal(size=shape) * 0.3).astype(np.float32))

    x = net.input(1, 3, 12, 12)
    x = net.node("Conv", x, random(8, 3, 3, 3), random(8), strides=[2, 2], pads=[1, 1, 1, 1])
    x = net.node("Clip", x, net.constant(np.float32(0)), net.constant(np.float32(6)))
    y = net.node("Conv", x, random(8, 1, 3, 3), random(8), group=8, pads=[1, 1, 1, 1])
    y = net.node("Relu", y)
    y = net.node("Add", x, net.node("Conv", y, random(8, 8, 1, 1), random(8)))
    y = net.node("Concat", y, net.node("MaxPool", y, kernel_shape=[1, 1]), axis=1)
    y = net.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = net.node("Flatten", y)
    net.output(net.node("Gemm", y, random(144, 5), random(5)))
    return net.model()


SETTINGS = [
    (QuantType.QInt8, QuantType.QInt8, True),
    (QuantType.QUInt8, QuantType.QInt8, True),
    (QuantType.QUInt8, QuantType.QUInt8, True),
    (QuantType.QUInt8, QuantType.QUInt8, False),
]
"""Types of activations and weights, and whether the weights' zero points are in the middle."""


def _quantised(folder, generator, form, per_channel, setting, **options):
    activations, weights, symmetric = setting
    onnx.save(float_model(generator), folder / "float.onnx")
    quantize_static(
        folder / "float.onnx",
        folder / "model.onnx",
        Reader(generator, (1, 3, 12, 12)),
        quant_format=form,
        per_channel=per_channel,
        activation_type=activations,
        weight_type=weights,
        extra_options={"WeightSymmetric": symmetric},
        **options,
    )
    return onnx.load(folder / "model.onnx")


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("per_channel", [False, True])
def test_model_of_onnxruntimes_quantiser(tmp_path, seed, per_channel, setting):
    generator = np.random.default_rng(seed)
    model = _quantised(tmp_path, generator, QuantFormat.QDQ, per_channel, setting)
    graph = load_model(tmp_path / "model.onnx")
    differences = layer_differences(model, graph, random_inputs(graph, generator))
    assert len(differences) >= 8 and graph.outputs[0] in differences
    assert max(differences.values()) <= 1


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("per_channel", [False, True])
def test_model_in_the_form_of_operators(tmp_path, seed, per_channel, setting):
    """QLinearConv and the like, as real operators: each layer on its own is within a step.

    The average, which changes its scale, is rounded twice (docs/numerics.md).
    """
    generator = np.random.default_rng(seed)
    _quantised(tmp_path, generator, QuantFormat.QOperator, per_channel, setting)
    model = parse_onnx((tmp_path / "model.onnx").read_bytes(), tmp_path)
    graph = load_model(tmp_path / "model.onnx")
    differences = layer_differences(model, graph, random_inputs(graph, generator))
    assert len(differences) >= 8 and graph.outputs[0] in differences
    assert all(d <= (2 if "average" in name else 1) for name, d in differences.items())


def test_operators_left_real_are_filled(tmp_path, seed):
    generator = np.random.default_rng(seed)
    left = {"op_types_to_quantize": ["Conv", "Add"]}
    model = _quantised(tmp_path, generator, QuantFormat.QDQ, True, SETTINGS[0], **left)
    inputs = generator.normal(size=(8, 3, 12, 12)).astype(np.float32)
    np.save(tmp_path / "x.npy", inputs)
    graph = load_model(tmp_path / "model.onnx", tmp_path / "x.npy")
    assert not graph.random_calibration
    plain = graph.to_dict()
    x, y = (plain["tensors"][plain[end][0]] for end in ("inputs", "outputs"))
    for sample in inputs:
        (expected,) = run_onnx(model.SerializeToString(), {"input": sample[None]})
        values = run(plain, {"input": from_declared(sample[None], x)})
        found = to_declared(values[graph.outputs[0]], y)
        assert np.abs(found - expected).max() <= 0.1 * np.abs(expected).max()
