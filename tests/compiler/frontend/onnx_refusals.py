"""How ONNX models that are refused are built and judged."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from tests.support.onnx_builder import OnnxBuilder

QUANT = (0.05, 3)
SHAPE = (1, 4, 6, 5)


def refused(make, message, shape=SHAPE, kind=UnsupportedError, opset=22, output=True):
    """``make`` builds on a stored input; the message must name a node and match."""
    net = OnnxBuilder(opset)
    made = make(net, net.stored(net.input(*shape), *QUANT))
    net.output(net.stored(made, *QUANT) if output else made)
    with pytest.raises(kind, match=message):
        net.graph()


def weights(net, *shape, **changes):
    values = {"steps": np.ones(shape, np.int8), "scale": np.full(shape[0], 0.01), "axis": 0}
    return net.weights(**{**values, **changes})


def conv(**attrs):
    return lambda net, x: net.node("Conv", x, weights(net, 4, 4, 3, 3), **attrs)
