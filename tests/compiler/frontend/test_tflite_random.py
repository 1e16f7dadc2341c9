"""Random chains of operators of the array and of the host."""

import numpy as np
import pytest

from tests.compiler.frontend.raw_tflite import Scalar, conv_options
from tests.compiler.frontend.small_tflite import Model, agreed


class Chain:
    """A model that grows from a map by one operator after another."""

    def __init__(self, seed):
        self.source, self.model = np.random.default_rng(seed), Model()
        height, width, channels = (self.pick(range(2, 9)) for _ in range(3))
        self.shape = (1, height, width, channels)
        self.quant = self.scale()
        self.first = self.x = self.tensor(self.shape, self.quant)

    def pick(self, choices):
        return list(choices)[int(self.source.integers(len(choices)))]

    def scale(self):
        return float(2.0 ** self.source.uniform(-5, -3)), int(self.source.integers(-100, 100))

    def tensor(self, shape, quant, data=None):
        return self.model.tensor(f"t{len(self.model.tensors)}", shape, *quant, data=data)

    def integers(self, values):
        return self.model.integers(f"t{len(self.model.tensors)}", values)

    def made(self, builtin, inputs, shape, quant, kind=0, options=None):
        y = self.tensor(shape, quant)
        self.model.op(builtin, inputs, (y,), kind, options)
        return y

    def step(self):
        name = self.pick([n for n in dir(self) if n.startswith("add_")])
        getattr(self, name)()

    def grow(self, y, shape, quant):
        self.x, self.shape, self.quant = y, shape, quant

    def convolved(self):
        """Another map of the present shape."""
        channels, quant = self.shape[3], self.scale()
        values = self.source.integers(-127, 128, (channels, 1, 1, channels)).astype(np.int8)
        w = self.model.tensor(f"w{len(self.model.tensors)}", (), 0.004, 0, data=values)
        bias = self.source.integers(-99, 99, channels).astype(np.int32)
        b = self.model.tensor(f"b{len(self.model.tensors)}", (), None, data=bias)
        options = conv_options(padding=1)
        y = self.made("CONV_2D", (self.x, w, b), self.shape, quant, "Conv2DOptions", options)
        return y, quant

    def add_convolution(self):
        y, quant = self.convolved()
        self.grow(y, self.shape, quant)

    def add_product(self):
        other, _ = self.convolved()
        quant = self.scale()
        y = self.made("MUL", (self.x, other), self.shape, quant, "MulOptions", {})
        self.grow(y, self.shape, quant)

    def add_constant(self):
        builtin, quant = self.pick(("Add", "Mul", "Sub")), self.scale()
        values = self.source.integers(-128, 128, self.shape[3]).astype(np.int8)
        c = self.tensor((), self.scale(), values)
        y = self.made(builtin.upper(), (self.x, c), self.shape, quant, f"{builtin}Options", {})
        self.grow(y, self.shape, quant)

    def add_swish(self):
        share = self.made("LOGISTIC", (self.x,), self.shape, (1 / 256, -128))
        quant = self.scale()
        y = self.made("MUL", (self.x, share), self.shape, quant, "MulOptions", {})
        self.grow(y, self.shape, quant)

    def add_transpose(self):
        order = self.pick(((0, 2, 1, 3), (0, 3, 1, 2), (0, 1, 3, 2)))
        shape = tuple(self.shape[axis] for axis in order)
        inputs = (self.x, self.integers(order))
        self.grow(self.made("TRANSPOSE", inputs, shape, self.quant), shape, self.quant)

    def add_slice(self):
        axis = self.pick((1, 2, 3))
        begin, end = [0] * 4, list(self.shape)
        begin[axis] = int(self.source.integers(self.shape[axis]))
        shape = tuple(e - b for b, e in zip(begin, end, strict=True))
        inputs = (self.x, *map(self.integers, (begin, end, [1] * 4)))
        y = self.made("STRIDED_SLICE", inputs, shape, self.quant, "StridedSliceOptions", {})
        self.grow(y, shape, self.quant)

    def add_concatenation(self):
        axis = self.pick((1, 2, 3))
        shape = tuple(2 * n if i == axis else n for i, n in enumerate(self.shape))
        if np.prod(shape) > 3000:
            return
        options = {0: Scalar("i", axis)}
        inputs = (self.x, self.x)
        y = self.made("CONCATENATION", inputs, shape, self.quant, "ConcatenationOptions", options)
        self.grow(y, shape, self.quant)

    def add_mean(self):
        axis, quant = self.pick((1, 2, 3)), self.scale()
        shape = tuple(1 if i == axis else n for i, n in enumerate(self.shape))
        options = {0: Scalar("?", True)}
        inputs = (self.x, self.integers([axis]))
        mean = self.made("MEAN", inputs, shape, quant, "ReducerOptions", options)
        result = self.scale()
        y = self.made("SUB", (self.x, mean), self.shape, result, "SubOptions", {})
        self.grow(y, self.shape, result)

    def add_rows(self):
        """A reshape to rows, a sum with a constant, and back."""
        flat, result = (1, self.shape[1] * self.shape[2], self.shape[3]), self.scale()
        inputs = (self.x, self.integers(flat))
        rows = self.made("RESHAPE", inputs, flat, self.quant)
        values = self.source.integers(-128, 128, flat[2]).astype(np.int8)
        constant = self.tensor((), self.scale(), values)
        total = self.made("ADD", (rows, constant), flat, result, "AddOptions", {})
        back = (total, self.integers(self.shape))
        self.grow(self.made("RESHAPE", back, self.shape, result), self.shape, result)


@pytest.mark.parametrize("number", range(4))
def test_random_chains(number, seed):
    chain = Chain(seed * 1000 + number)
    chain.add_convolution()
    for _ in range(7):
        chain.step()
    chain.add_convolution()
    agreed(chain.model.write((chain.first,), (chain.x,)), seed)
