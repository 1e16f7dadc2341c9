"""Random one-operator graphs in the dict form, and the seeds that make them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tests.support.tflite_options import same_padding

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")

#: Seed of every random test; TEST_SEED in the environment replays another one.
BASE_SEED = int(os.environ.get("TEST_SEED") or "20240")


def seeds(count: int) -> list[int]:
    """``count`` seeds to parametrise a test with, so that a failure's id names its own."""
    return [BASE_SEED + i for i in range(count)]


def activation(
    shape: tuple[int, ...], scale: float, zero_point: int, dtype: str = "int8"
) -> dict[str, Any]:
    """An activation tensor of the dict form; the scale is rounded to float32."""
    return _tensor(shape, dtype, [scale], [zero_point], None, None)


def constant(
    data: np.ndarray, scales: np.ndarray | list[float], axis: int | None = None
) -> dict[str, Any]:
    """A constant tensor of the dict form with zero point 0."""
    return _tensor(data.shape, str(data.dtype), scales, [0] * len(scales), axis, data)


def _tensor(
    shape: tuple[int, ...],
    dtype: str,
    scales: np.ndarray | list[float],
    zero_points: list[int],
    axis: int | None,
    data: np.ndarray | None,
) -> dict[str, Any]:
    return {
        "shape": tuple(shape),
        "dtype": dtype,
        "scale": np.float32(scales).astype(np.float64),
        "zero_point": np.array(zero_points, np.int64),
        "axis": axis,
        "data": data,
    }


def one_node(
    op: str, inputs: dict[str, dict], constants: dict[str, dict], output: dict, **attrs: Any
) -> dict[str, Any]:
    """A graph of one node ``op`` that reads ``inputs`` and ``constants`` and writes ``y``."""
    names = [*inputs, *constants]
    if "w" in constants and "bias" not in constants:
        names.append("")
    node = {"name": op, "op": op, "inputs": names, "outputs": ["y"], "attrs": attrs}
    return {
        "name": op,
        "inputs": list(inputs),
        "outputs": ["y"],
        "tensors": {**inputs, **constants, "y": output},
        "nodes": [node],
    }


class RandomLayers:
    """Random layers of every operator that has weights, windows or several scales."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def pick(self, *choices: Any) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def scale(self) -> float:
        return float(2.0 ** self.rng.uniform(-8, 0))

    def zero_point(self) -> int:
        """One of the ends, the middle, or anything between."""
        return self.pick(-128, 127, 0, self.integer(-128, 127))

    def values(self, shape: tuple[int, ...], dtype: str = "int8") -> np.ndarray:
        limits = np.iinfo(dtype)
        return self.rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)

    def inputs(self, graph: dict[str, Any]) -> dict[str, np.ndarray]:
        tensors = graph["tensors"]
        return {n: self.values(tensors[n]["shape"], tensors[n]["dtype"]) for n in graph["inputs"]}

    def conv2d(self, max_kernel: int = 11) -> dict[str, Any]:
        """A convolution with any kernel, stride, dilation and groups, VALID or SAME."""
        groups = self.pick(1, 1, 1, 2, 3)
        depth, per_group = self.integer(1, 9), self.integer(1, 6)
        window, shape = self._window(max_kernel, depth * groups)
        weights = (groups * per_group, *window.pop("kernel"), depth)
        return self._weighted("conv2d", shape, weights, 0, groups=groups, **window)

    def depthwise_conv2d(self, max_kernel: int = 11) -> dict[str, Any]:
        """A depthwise convolution with any window and a depth multiplier of 1 to 4."""
        multiplier = self.integer(1, 4)
        window, shape = self._window(max_kernel, self.integer(1, 9))
        weights = (1, *window.pop("kernel"), shape[3] * multiplier)
        return self._weighted(
            "depthwise_conv2d", shape, weights, 3, depth_multiplier=multiplier, **window
        )

    def fully_connected(self) -> dict[str, Any]:
        """A fully connected layer over 1 to 300 inputs, one scale or one per output."""
        rows, depth, outputs = self.integer(1, 4), self.integer(1, 300), self.integer(1, 70)
        return self._weighted("fully_connected", (rows, depth), (outputs, depth), 0)

    def pool(self, op: str, max_kernel: int = 11) -> dict[str, Any]:
        """A pooling layer with any window, VALID or SAME."""
        window, shape = self._window(max_kernel, self.integer(1, 9))
        if window.pop("dilation") != (1, 1) and any(window["padding"]):
            window["padding"] = same_padding(shape, window["kernel"], window["stride"])
        scale, zero_point = self.scale() / 4, self.zero_point()
        output = activation(window_shape(shape, window, shape[3]), scale, zero_point)
        return one_node(
            op,
            {"x": activation(shape, scale, zero_point)},
            {},
            output,
            activation=self.pick(*ACTIVATIONS),
            **window,
        )

    def add(self) -> dict[str, Any]:
        """An addition of operands whose scales differ by up to ``2**16``."""
        shape = (1, self.integer(1, 9), self.integer(1, 9), self.integer(1, 9))
        spread = self.pick(1, 4, 16)
        a, b, y = (float(2.0 ** self.rng.uniform(-spread, 0)) for _ in range(3))
        return one_node(
            "add",
            {
                "a": activation(shape, a, self.zero_point()),
                "b": activation(shape, b, self.zero_point()),
            },
            {},
            activation(shape, y, self.zero_point()),
            activation=self.pick(*ACTIVATIONS),
        )

    def mul(self) -> dict[str, Any]:
        """A product of equal shapes or by a value per channel, from coarse to fine output steps."""
        shape = (1, self.integer(1, 9), self.integer(1, 9), self.integer(1, 9))
        one = (1, 1, 1, shape[3])
        shapes = self.pick((shape, shape), (shape, one), (one, shape))
        a, b = self.scale(), self.scale()
        spread = self.pick((4, 12), (-5, 4), (-30, 30))
        bounded = ("none",) if spread[0] == -30 else ACTIVATIONS
        ratio = 2.0 ** self.rng.uniform(*spread)
        return one_node(
            "mul",
            {
                "a": activation(shapes[0], a, self.zero_point()),
                "b": activation(shapes[1], b, self.zero_point()),
            },
            {},
            activation(shape, a * b * ratio, self.zero_point()),
            activation=self.pick(*bounded),
        )

    def mean(self) -> dict[str, Any]:
        """A mean that keeps or changes scale and zero point."""
        shape = (self.integer(1, 2), self.integer(1, 20), self.integer(1, 20), self.integer(1, 9))
        scale, zero_point = self.scale(), self.zero_point()
        x = activation(shape, scale, zero_point)
        spread = self.pick(0, 1, 3, 30)
        scale *= float(2.0 ** self.rng.uniform(-spread, spread))
        y = activation((shape[0], 1, 1, shape[3]), scale, self.pick(zero_point, self.zero_point()))
        return one_node("mean", {"x": x}, {}, y)

    def concatenation(self) -> dict[str, Any]:
        """One to four maps of one scale and zero point, or vectors."""
        shape = self.pick((1,), (1, self.integer(1, 9), self.integer(1, 9)))
        scale, zero_point = self.scale(), self.zero_point()
        depths = [self.integer(1, 9) for _ in range(self.integer(1, 4))]
        inputs = {
            f"x{i}": activation((*shape, depth), scale, zero_point)
            for i, depth in enumerate(depths)
        }
        output = activation((*shape, sum(depths)), scale, zero_point)
        return one_node("concatenation", inputs, {}, output)

    def quantize(self) -> dict[str, Any]:
        """A change of type, scale or both; the scales differ by up to ``2**12``."""
        source, target = self.pick("int8", "uint8"), self.pick("int8", "uint8")
        offset = {"int8": 0, "uint8": 128}
        spread = self.pick(0, 1, 12)
        scale, shape = self.scale(), (1, 7, 11, 13)
        x = activation(shape, scale, self.zero_point() + offset[source], source)
        y_scale = scale * 2.0 ** self.rng.uniform(-spread, spread)
        y = activation(shape, float(y_scale), self.zero_point() + offset[target], target)
        return one_node("quantize", {"x": x}, {}, y)

    def softmax(self) -> dict[str, Any]:
        """A softmax over 1 to 300 values with any input scale."""
        shape = (self.integer(1, 20), self.integer(1, 300))
        x = activation(shape, float(2.0 ** self.rng.uniform(-8, 1)), self.zero_point())
        beta = self.pick(1.0, 1.0, 0.5, 2.0)
        return one_node("softmax", {"x": x}, {}, activation(shape, 1 / 256, -128), beta=beta)

    def _window(self, max_kernel: int, channels: int) -> tuple[dict[str, Any], tuple[int, ...]]:
        kernel = (self.integer(1, max_kernel), self.integer(1, max_kernel))
        stride = (self.integer(1, 4), self.integer(1, 4))
        dilation = self.pick((1, 1), (self.integer(1, 3), self.integer(1, 3)))
        span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        size = (self.integer(span[0], span[0] + 9), self.integer(span[1], span[1] + 9))
        shape = (self.integer(1, 2), *size, channels)
        padding = (0, 0, 0, 0)
        if self.integer(0, 1):
            shape = (shape[0], self.integer(1, size[0]), self.integer(1, size[1]), channels)
            padding = same_padding(shape, kernel, stride, dilation)
            if padding == (0, 0, 0, 0):
                shape = (shape[0], *size, channels)
        window = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
        return window, shape

    def _weighted(
        self,
        op: str,
        shape: tuple[int, ...],
        weight_shape: tuple[int, ...],
        axis: int,
        **attrs: Any,
    ) -> dict[str, Any]:
        """A layer with coarse, fine or huge output steps; powers of two, which tie, among them."""
        outputs = weight_shape[axis]
        count = outputs if self.integer(0, 1) else 1
        x_scale = self.scale()
        weight_scales = 2.0 ** self.rng.uniform(-12, 0) * 2.0 ** self.rng.uniform(-2, 2, count)
        ratio = 2.0 ** self.pick(*self.rng.uniform((4, -3, 20), (12, 4, 30)))
        if self.integer(0, 3) == 0:
            x_scale, ratio = 2.0**-4, 2.0 ** self.integer(-3, 12)
            weight_scales = 2.0 ** self.rng.integers(-9, -5, count)
        y_scale = x_scale * float(np.median(weight_scales)) * ratio
        bound = self.pick(1, 1000, 1 << 20, min(int(ratio * 100) + 1, (1 << 31) - 1))
        constants = {
            "w": constant(
                self.rng.integers(-127, 127, weight_shape, "int8", endpoint=True),
                weight_scales,
                axis if count > 1 else None,
            )
        }
        if self.integer(0, 3) or op != "fully_connected":
            bias = self.rng.integers(-bound, bound, outputs, "int32", endpoint=True)
            scales = np.float32(x_scale) * np.float32(weight_scales)
            constants["bias"] = constant(bias, scales, 0 if count > 1 else None)
        y_shape = (
            (shape[0], outputs)
            if op == "fully_connected"
            else window_shape(shape, {**attrs, "kernel": weight_shape[1:3]}, outputs)
        )
        return one_node(
            op,
            {"x": activation(shape, x_scale, self.zero_point())},
            constants,
            activation(y_shape, y_scale, self.zero_point()),
            activation=self.pick(*ACTIVATIONS),
            **attrs,
        )


def window_shape(
    shape: tuple[int, ...], window: dict[str, Any], channels: int
) -> tuple[int, int, int, int]:
    """Output shape of a window that slides over an NHWC map of ``shape``."""
    top, bottom, left, right = window["padding"]
    dilation = window.get("dilation", (1, 1))
    sizes = [
        (size + pad - (k - 1) * d - 1) // s + 1
        for size, pad, k, d, s in zip(
            shape[1:3],
            (top + bottom, left + right),
            window["kernel"],
            dilation,
            window["stride"],
            strict=True,
        )
    ]
    return (shape[0], *sizes, channels)
