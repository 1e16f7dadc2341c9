"""ONNX constants that the graph cannot have: scales, zero points, axes and biases."""

import numpy as np
import pytest

from compiler.errors import CompilerError, InputError
from tests.compiler.frontend.onnx_refusals import refused


def constant(steps, scale, zero_point=None, of=None, **attrs):
    """A DequantizeLinear of constant steps; of what QuantizeLinear with ``of`` makes of them."""

    def make(net):
        def parameters(scale, zero_point):
            given = (np.float32(scale), zero_point)
            return [net.constant(value) for value in given if value is not None]

        x = net.constant(steps)
        if of is not None:
            x = net.node("QuantizeLinear", x, *parameters(*of[:2]), **of[2])
        return net.node("DequantizeLinear", x, *parameters(scale, zero_point), **attrs)

    return make


STEPS, REAL = np.ones((4, 4, 3, 3), np.int8), np.ones((4, 4, 3, 3), np.float32)
FOUR, ZEROS = np.full(4, 0.1), np.zeros(4, np.int8)
PARAMETERS = {
    "another scale back": (
        constant(REAL, 0.2, np.int8(0), (0.1, np.int8(0), {})),
        r"scale \[0.2\d*\]; QuantizeLinear's \[0.1\d*\] is accepted",
    ),
    "another zero point back": (
        constant(REAL, 0.1, np.int8(5), (0.1, np.int8(0), {})),
        r"zero point \[5\]; QuantizeLinear's \[0\] is accepted",
    ),
    "another axis back": (
        constant(REAL, FOUR, ZEROS, (FOUR, ZEROS, {"axis": 0}), axis=1),
        "axis 1; QuantizeLinear's 0 is accepted",
    ),
    "an axis beyond the last": (
        constant(STEPS, FOUR, ZEROS, axis=7),
        r"axis 7 for shape \[4, 4, 3, 3\]; one of its 4 is accepted",
    ),
    "an axis before the first": (constant(STEPS, FOUR, ZEROS, axis=-5), "axis -5 for shape"),
    "an axis of QuantizeLinear beyond the last": (
        constant(REAL, FOUR, ZEROS, (FOUR, ZEROS, {"axis": 7}), axis=7),
        r"^node 'QuantizeLinear_\d' .*: axis 7 for shape",
    ),
    "three scales for four channels": (
        constant(STEPS, FOUR[:3], ZEROS[:3], axis=0),
        r"3 scales for 4 elements along axis 0 of \[4, 4, 3, 3\]; one scale, or one for each, is",
    ),
    "a scale that is no number": (
        constant(STEPS, np.uint32([0x7F800001]).view(np.float32)[0]),
        r"scale 'constant_\d' is not a number; numbers are accepted",
    ),
    "a zero point of another type": (
        constant(STEPS, 0.1, np.uint8(0)),
        "zero point of type uint8 for values of int8; int8 is accepted",
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_of_constants(case):
    make, message = PARAMETERS[case]
    refused(lambda net, x: net.node("Conv", x, make(net)), message, kind=CompilerError)


def test_bias_along_an_axis_that_it_lacks():
    """The axis of several scales is 1 unless the node names it."""
    bias = constant(np.zeros(4, np.int32), FOUR)
    refused(
        lambda net, x: net.node("Conv", x, constant(STEPS, 0.1)(net), bias(net)),
        r"axis 1 for shape \[4\]; one of its 1 is accepted",
        kind=InputError,
    )


@pytest.mark.parametrize("bias", (0, 1))
def test_bias_of_weights_without_a_scale(bias):
    """It is refused without a warning, which is an error here."""
    refused(
        lambda net, x: net.node(
            "Conv",
            x,
            constant(STEPS, np.float32([0.1, 0, 0.1, 0.1]), ZEROS, axis=0)(net),
            net.constant(np.full(4, bias, np.float32)),
        ),
        rf"has {bias}, beyond int32 at scale 0 \(input scale \* weight scale\)",
        kind=InputError,
    )
