"""Functions of one value: their operator in the graph, and tables against onnxruntime."""

import numpy as np
import pytest

from golden.network import run
from hw.spec.config import preset
from tests.compiler.test_values import check
from tests.support.onnx_builder import OnnxBuilder, run_onnx, step_differences

# No function below comes near a tie with these: there float32 and float64 could differ.
X_SCALE, X_ZERO = 0.0513, -7
Y_SCALE, Y_ZERO = 0.0307, 5


def model(make, opset=22):
    """A model of one function of a stored input of 256 channels."""
    net = OnnxBuilder(opset)
    x = net.stored(net.input(1, 256), X_SCALE, X_ZERO)
    net.output(net.stored(make(net, x), Y_SCALE, Y_ZERO))
    return net


def chain(*ops):
    def make(net, x):
        for op, attrs in ops:
            x = net.node(op, x, **attrs)
        return x

    return make


def gated(op, **attrs):
    return lambda net, x: net.node("Mul", x, net.node(op, x, **attrs))


def with_number(op, number, first=False, inner=None):
    def make(net, x):
        constant = net.constant(np.float32(number))
        y = net.node(inner, x) if inner else x
        return net.node(op, *((constant, y) if first else (y, constant)))

    return make


def clip(low, high):
    return lambda net, x: net.node(
        "Clip", x, *(net.constant(np.float32(b)) if b is not None else "" for b in (low, high))
    )


def gelu_by_erf(net, x):
    """As exporters write it out."""
    erf = net.node("Erf", net.node("Div", x, net.constant(np.float32(np.sqrt(2)))))
    one = net.node("Add", erf, net.constant(np.float32(1)))
    return net.node("Mul", net.node("Mul", x, one), net.constant(np.float32(0.5)))


def hard_swish_by_clip(net, x):
    shifted = net.node("Add", x, net.constant(np.float32(3)))
    bounded = clip(0, 6)(net, shifted)
    return net.node("Div", net.node("Mul", x, bounded), net.constant(np.float32(6)))


#: Functions whose product of value and slope TFLite rounds twice.
TWICE = ("relu", "relu6", "relu_n1_to_1", "leaky_relu")

NAMED = {
    "relu": (chain(("Relu", {})), {}),
    "relu6": (clip(0, 6), {}),
    "relu_n1_to_1": (clip(-1, 1), {}),
    "leaky_relu": (chain(("LeakyRelu", {"alpha": 0.125})), {"alpha": 0.125}),
    "hard_swish": (chain(("HardSwish", {})), {}),
    "hard_sigmoid": (
        chain(("HardSigmoid", {"alpha": 0.25, "beta": 0.5})),
        {"alpha": 0.25, "beta": 0.5},
    ),
    "sigmoid": (chain(("Sigmoid", {})), {}),
    "tanh": (chain(("Tanh", {})), {}),
    "silu": (gated("Sigmoid"), {}),
    "gelu": (chain(("Gelu", {})), {"approximate": False}),
}
OTHER_SPELLINGS = {
    "hard_swish": (gated("HardSigmoid", alpha=1 / 6, beta=0.5), {}),
    "gelu": (chain(("Gelu", {"approximate": "tanh"})), {"approximate": True}),
    "hard_sigmoid": (chain(("HardSigmoid", {})), None),
    "leaky_relu": (
        lambda net, x: net.node("PRelu", x, net.constant(np.float32([0.5]))),
        {"alpha": 0.5},
    ),
    "relu": (clip(0, None), {}),
}
COMPOSED = {
    "gelu written out": gelu_by_erf,
    "hard swish written out": hard_swish_by_clip,
    "clip": clip(-0.5, 2),
    "clip from below": clip(-0.5, None),
    "mish": lambda net, x: net.node("Mul", x, net.node("Tanh", net.node("Softplus", x))),
    "mish by name": chain(("Mish", {})),
    "elu": chain(("Elu", {"alpha": 0.5})),
    "softsign": chain(("Softsign", {})),
    "sigmoid of relu": chain(("Relu", {}), ("Sigmoid", {})),
    "exp of neg of abs": chain(("Abs", {}), ("Neg", {}), ("Exp", {})),
    "sqrt of abs": chain(("Abs", {}), ("Sqrt", {})),
    "log of exp": chain(("Exp", {}), ("Log", {})),
    "reciprocal of exp": chain(("Exp", {}), ("Reciprocal", {})),
    "product with a number": with_number("Mul", -0.7),
    "difference from a number": with_number("Sub", 2.0, first=True),
    "square": with_number("Pow", 2.0),
    "largest": with_number("Max", 0.3),
    "smallest": with_number("Min", 0.3, first=True),
    "product with its tanh": gated("Tanh"),
    "sum with its sigmoid": lambda net, x: net.node("Add", x, net.node("Sigmoid", x)),
}


@pytest.mark.parametrize(
    ("op", "make", "attrs"),
    [
        pytest.param(op, *case, id=f"{op}, {which}")
        for which, cases in {"named": NAMED, "spelled": OTHER_SPELLINGS}.items()
        for op, case in cases.items()
    ],
)
def test_named_function(op, make, attrs):
    graph = model(make).graph()
    (node,) = graph.nodes
    assert node.op == op or (op in TWICE and node.op == "lookup")
    if attrs is not None and node.op == op:
        assert node.attrs == attrs


def test_defaults_are_those_of_onnx():
    graph = model(chain(("HardSigmoid", {}))).graph()
    assert graph.nodes[0].attrs == {"alpha": pytest.approx(0.2), "beta": 0.5}


@pytest.mark.parametrize("op", ["relu", "relu6"])
def test_an_operator_that_rounds_as_onnx_does_keeps_its_name(op):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 256), X_SCALE, X_ZERO)
    net.output(net.stored(NAMED[op][0](net, x), X_SCALE, X_ZERO))
    assert [node.op for node in net.graph().nodes] == [op]


def every_step(net):
    """onnxruntime's stored result for each stored input from -128 to 127."""
    steps = np.arange(-128, 128)
    x = ((steps - X_ZERO) * np.float32(X_SCALE)).astype(np.float32)[None]
    (y,) = run_onnx(net.bytes(), {"input": x})
    return np.rint(y / np.float32(Y_SCALE)).astype(int).reshape(-1) + Y_ZERO


@pytest.mark.parametrize("op", NAMED)
def test_named_function_is_one_step_off_at_most(op):
    """Those in float have TFLite's formula, the others a table where that rounds otherwise."""
    net = model(NAMED[op][0])
    graph = net.graph()
    steps = np.arange(-128, 128, dtype=np.int8).reshape(graph.tensors["input"].shape)
    found = run(graph.to_dict(), {"input": steps})[graph.outputs[0]].reshape(-1)
    assert np.abs(found - every_step(net)).max() <= (0 if op in TWICE else 1)


@pytest.mark.parametrize("scale", [0.04, 0.021, 0.09, 0.0123])
@pytest.mark.parametrize("op", TWICE)
def test_functions_round_as_onnx_does_at_every_scale(op, scale):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 256), 0.03, -3)
    net.output(net.stored(NAMED[op][0](net, x), scale, 20))
    graph, steps = net.graph(), np.arange(-128, 128)
    real = ((steps + 3) * np.float32(0.03)).astype(np.float32)[None]
    (wanted,) = run_onnx(net.bytes(), {"input": real})
    stored = steps.astype(np.int8).reshape(graph.tensors["input"].shape)
    found = run(graph.to_dict(), {"input": stored})[graph.outputs[0]].reshape(-1)
    expected = np.rint(wanted / np.float32(scale)).astype(int).reshape(-1) + 20
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", COMPOSED)
def test_composed_function_is_a_table(case):
    net = model(COMPOSED[case])
    graph = net.graph()
    assert [node.op for node in graph.nodes] == ["lookup"]
    table = graph.tensors[graph.nodes[0].inputs[1]].data
    np.testing.assert_array_equal(table, every_step(net))


def test_function_after_a_layer_needs_no_node_of_its_own_for_moved_axes():
    net = OnnxBuilder()
    x = net.stored(net.input(1, 6, 4, 5), X_SCALE, X_ZERO)
    y = net.node("Sigmoid", net.node("Transpose", x, perm=[0, 2, 3, 1]))
    net.output(net.stored(y, Y_SCALE, Y_ZERO))
    graph = net.graph()
    assert [node.op for node in graph.nodes] == ["sigmoid"]
    assert graph.tensors[graph.outputs[0]].declared.order == (0, 1, 2, 3)


SLOPES = {
    "a slope per channel of a map": ((1, 6, 7, 9), (6, 1, 1)),
    "of a line": ((1, 6, 40), (6, 1)),
    "of a vector": ((1, 6), (6,)),
}


@pytest.mark.parametrize("case", SLOPES)
def test_prelu_with_a_slope_per_channel_is_the_arrays(generator, case):
    """Slopes of both signs, 0 and beyond 1; the machine equals golden."""
    shape, of_slopes = SLOPES[case]
    net = OnnxBuilder()
    x = net.stored(net.input(*shape), X_SCALE, X_ZERO)
    slopes = np.array([0.25, -0.5, 0, 1.5, 0.01, 1], np.float32).reshape(of_slopes)
    net.output(net.stored(net.node("PRelu", x, net.constant(slopes)), Y_SCALE, Y_ZERO))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1 and np.sum(differences != 0) <= 3
    ops = [node.op for node in graph.nodes if node.op != "reshape"]
    assert ops == ["lookup", "lookup", "depthwise_conv2d", "add"]
    check(graph, preset("tiny"), False, seed=1)
