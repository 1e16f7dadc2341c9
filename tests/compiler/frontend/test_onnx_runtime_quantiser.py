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

from compiler.load import load_model
from tests.support.onnx_builder import OnnxBuilder, layer_differences, random_inputs


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


@pytest.mark.parametrize(
    "activations, weights",
    [
        (QuantType.QInt8, QuantType.QInt8),
        (QuantType.QUInt8, QuantType.QInt8),
        (QuantType.QUInt8, QuantType.QUInt8),
    ],
)
@pytest.mark.parametrize("per_channel", [False, True])
def test_model_of_onnxruntimes_quantiser(tmp_path, seed, per_channel, activations, weights):
    generator = np.random.default_rng(seed)
    onnx.save(float_model(generator), tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "model.onnx",
        Reader(generator, (1, 3, 12, 12)),
        quant_format=QuantFormat.QDQ,
        per_channel=per_channel,
        activation_type=activations,
        weight_type=weights,
        extra_options={"WeightSymmetric": True},
    )
    graph = load_model(tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    differences = layer_differences(model, graph, random_inputs(graph, generator))
    assert len(differences) >= 8 and graph.outputs[0] in differences
    assert max(differences.values()) <= 1
