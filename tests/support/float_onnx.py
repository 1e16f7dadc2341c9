"""Small float ONNX models with random weights, and samples to calibrate them."""

import numpy as np

from tests.support.onnx_builder import OnnxBuilder


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


def calibration_of(path, generator, shape=(16, 3, 16, 16)):
    np.save(path, generator.normal(size=shape).astype(np.float32))
    return path
