"""Random quantised ONNX models of operators that the host, or tables of the array, compute."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.onnx_builder import OnnxBuilder, quant_of

Make = Callable[[OnnxBuilder, np.random.Generator, str, tuple[int, ...]], str]


def _number(net: OnnxBuilder, rng: np.random.Generator, *shape: int) -> str:
    return net.constant(rng.uniform(0.2, 1.5, shape).astype(np.float32))


def _conv(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    outputs, kernel = int(rng.integers(1, 7)), int(rng.choice([1, 3]))
    steps = rng.integers(-127, 128, (outputs, shape[1], kernel, kernel)).astype(np.int8)
    weights = net.weights(steps, np.full(outputs, 0.3 / np.sqrt(steps[0].size) / 60))
    return net.node("Conv", x, weights, pads=[kernel // 2] * 4)


def _unary(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    return net.node(str(rng.choice("Round Selu Celu ThresholdedRelu Sign Cos Softsign".split())), x)


def _reduced(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    op = str(rng.choice("ReduceMean ReduceMax ReduceMin ReduceL2 ReduceLogSumExp".split()))
    axes = sorted(rng.choice([1, 2, 3], int(rng.integers(1, 3)), replace=False).tolist())
    return net.node(op, x, net.constant(axes), keepdims=1)


def _broadcast(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    op, sizes = str(rng.choice(["Add", "Sub", "Mul", "Div"])), rng.integers(0, 2, 4)
    other = _number(net, rng, *(n if keep else 1 for n, keep in zip(shape, sizes, strict=True)))
    return net.node(op, *((x, other) if rng.random() < 0.7 else (other, x)))


def _pooled(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    op = str(rng.choice(["AveragePool", "MaxPool", "LpPool"]))
    spread = [int(min(d, (n - 1) // 2)) or 1 for d, n in zip((1, 2), shape[2:], strict=True)]
    kernel = [min(2, n) for n in shape[2:]]
    return net.node(op, x, kernel_shape=kernel, dilations=spread, strides=[1, 2])


def _softmax(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    return net.node(str(rng.choice(["Softmax", "LogSoftmax"])), x, axis=int(rng.integers(1, 4)))


def _moved(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    _, channels, height, width = shape
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return net.node("Transpose", x, perm=[0, *(1 + rng.permutation(3)).tolist()])
    if kind == 1:
        return net.node("Reshape", x, net.constant([1, width, channels, height]))
    if kind == 2:
        picked = rng.integers(0, channels, int(rng.integers(1, channels + 2)))
        return net.node("Gather", x, net.constant(picked), axis=1)
    return net.node(
        "Slice",
        x,
        net.constant([height - 1]),
        net.constant([-height - 1]),
        net.constant([2]),
        net.constant([-1]),
    )


def _squared(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    product = net.node("MatMul", x, net.node("Transpose", x, perm=[0, 1, 3, 2]))
    return net.node("Softmax", product, axis=-1) if rng.random() < 0.5 else product


def _padded(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    mode = str(rng.choice(["reflect", "edge", "wrap", "constant"]))
    sides = [0, 0, *rng.integers(0, np.minimum(shape[2:], 3)).tolist()]
    return net.node("Pad", x, net.constant(sides + sides), _number(net, rng), mode=mode)


def _resized(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    size = [*shape[:2], *(int(n * f) or 1 for n, f in zip(shape[2:], (2, 1.5), strict=True))]
    where = "half_pixel pytorch_half_pixel asymmetric align_corners".split()
    attrs = {"coordinate_transformation_mode": str(rng.choice(where))}
    mode = str(rng.choice(["linear", "cubic"]))
    return net.node("Resize", x, "", "", net.constant(size), mode=mode, **attrs)


def _normalised(net: OnnxBuilder, rng: np.random.Generator, x: str, shape: tuple[int, ...]) -> str:
    channels = shape[1]
    if rng.random() < 0.5:
        return net.node("LRN", x, size=3, alpha=0.2)
    gain, shift = (_number(net, rng, channels) for _ in range(2))
    return net.node("InstanceNormalization", x, gain, shift)


MAKERS: tuple[Make, ...] = (
    _broadcast,
    _conv,
    _moved,
    _normalised,
    _padded,
    _pooled,
    _reduced,
    _resized,
    _softmax,
    _squared,
    _unary,
)


def random_onnx(seed: int) -> OnnxBuilder:
    """A chain of three to six operators, each rounded, that may branch and join."""
    rng = np.random.default_rng(seed)
    net = OnnxBuilder(22)
    shape = (1, *(int(n) for n in rng.integers(2, 7, 3)))
    x = net.stored(net.input(*shape), *quant_of(rng))
    real = x
    for number in range(int(rng.integers(3, 7))):
        # The second layer may not be one that the array lacks, or all would be the host's.
        make = _conv if number == 1 else MAKERS[int(rng.integers(len(MAKERS)))]
        real = make(net, rng, x, shape)
        shape = _shape(net, real)
        x = net.stored(real, *quant_of(rng))
    net.output(real if rng.random() < 0.2 else x)
    return net


def _shape(net: OnnxBuilder, name: str) -> tuple[int, ...]:
    found = next(v for v in net.model().graph.value_info if v.name == name)
    return tuple(d.dim_value for d in found.type.tensor_type.shape.dim)
