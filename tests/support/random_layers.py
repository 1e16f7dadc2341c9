"""Random quantised networks of one to three operators, whatever the hardware runs."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from dataclasses import dataclass

import numpy as np

from compiler.driver import Compiled, compile
from compiler.errors import AllocationError
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import ACTIVATIONS, FUNCTIONS, MAX_ATTR
from compiler.ir.quant_rules import MIN_SOFTMAX_STEP, SCALE_TOLERANCE
from compiler.ir.shapes import infer_shape, same_padding, window_span
from compiler.options import CompilerOptions
from hw.spec.config import AccelConfig, Memory
from tests.support import random_spatial
from tests.support.random_moves import Moves

WORK = 4000
"""Multiply-accumulates of one operator at most, for each MAC unit."""
VALUES = 4000
"""Values of one map at most, for each column of the array."""
LEAST_SCALE, MOST_SCALE = 2.0**-20, 2.0**10
"""Less than 2**31 apart, so that any map can be requantised to the scale of any other."""
SMALL_POOLS = (64, 64, 128, 256)
"""Lines of the pools for which some networks are mapped, which then run on the whole one."""

_ONE_PIXEL = {
    "stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "groups": 1,
}
"""A convolution of 1x1 maps."""

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


@dataclass(frozen=True)
class RandomLayer:
    """A network, an input, and how to map it: on ``pool_lines`` of the pool if it fits."""

    graph: Graph
    inputs: dict[str, np.ndarray]
    config: AccelConfig
    options: CompilerOptions
    pool_lines: int

    def compile(self) -> Compiled:
        """Map it; a pool that is too small for it is doubled up to the configuration's own."""
        lines = self.pool_lines
        while lines < self.config.pool_lines:
            config = dataclasses.replace(self.config, pool_lines=lines)
            try:
                return compile(self.graph, config, self.options)
            except AllocationError:
                lines *= 2
        return compile(self.graph, self.config, self.options)


def random_layer(config: AccelConfig, seed: int) -> RandomLayer:
    """The network of a seed; the same for the same arguments."""
    rng = random.Random(seed)
    graph = RandomNet(rng, config).graph(f"layer{seed}")
    lines = rng.choice((*SMALL_POOLS, *[config.pool_lines] * 6))
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, graph.tensors[name]) for name in graph.inputs}
    if rng.random() < 0.25:
        latency, share = rng.choice((1, 7, 20, 64, 150)), rng.choice((1, 2, 4))
        config = dataclasses.replace(config, memory=Memory(latency, config.bus_bytes // share))
    options = CompilerOptions(materialize=rng.random() < 0.4)
    return RandomLayer(graph, inputs, config, options, lines)


def random_input(source: np.random.Generator, tensor: Tensor) -> np.ndarray:
    """Values over the whole range; sometimes the ends only, or one value."""
    low, high = np.iinfo(tensor.dtype).min, np.iinfo(tensor.dtype).max
    values = source.integers(low, high, tensor.shape, tensor.dtype, endpoint=True)
    kind = source.integers(16)
    if kind == 0:
        values = np.where(values > 0.5 * (low + high), high, low).astype(tensor.dtype)
    elif kind == 1:
        values = np.full_like(values, source.choice((low, high)))
    return values


class RandomNet(Moves):
    """Appends random nodes to a graph."""

    def __init__(self, rng: random.Random, config: AccelConfig) -> None:
        self.rng = rng
        self.config = config
        self.source = np.random.default_rng(rng.randrange(1 << 32))
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []

    def graph(self, name: str) -> Graph:
        rng = self.rng
        x = self._input(self._map_shape())
        for left in reversed(range(rng.choice((1, 1, 1, 2, 2, 3)))):
            x = self._operator(x, last=left == 0)
        outputs = [x]
        made = [n.outputs[0] for n in self.nodes[:-1] if n.op != "reshape"]
        if made and rng.random() < 0.3:
            outputs.append(rng.choice(made))
        return Graph(name, self.tensors, self.nodes, tuple(self.inputs), tuple(outputs))

    def _operator(self, x: str, last: bool) -> str:
        if self.tensors[x].dtype == "uint8":
            return self._quantize(x)
        makers = [
            self._conv2d, self._conv2d, self._conv2d, self._grouped, self._depthwise,
            self._depthwise, self._add, self._add, self._average, self._maximum, self._pad,
            self._quantize, self._concatenation, self._concatenation, self._function,
            self._residual, self._mean, self._multiply, self._multiply, self._excitation,
            self._resize, self._transpose_conv2d, self._grouped,
            self._slice, self._slice, self._shuffle, self._pad_channels,
            *[self._split_and_join] * 3, self._on_host, self._on_host,
        ]
        if last and self._flattens(x):
            makers += [self._fully_connected] * 2
        maker = self.rng.choice(makers)
        y = maker(x)
        # What follows a classifier without an exact scale would have to run on the host too.
        follows = maker != self._fully_connected and self.rng.random() < 0.3
        return self._function(y) if follows else y

    def _resize(self, x: str) -> str:
        return random_spatial.resize(self, x, VALUES * self.config.cols)

    def _transpose_conv2d(self, x: str) -> str:
        most = 2 * VALUES * self.config.cols
        return random_spatial.transpose_conv2d(self, x, WORK * self.config.mac_units, most)

    # Tensors.

    def _input(self, shape: tuple[int, ...], dtype: str | None = None) -> str:
        name = f"input{len(self.inputs)}"
        dtype = dtype or self.rng.choice(("int8", "int8", "int8", "uint8"))
        self.tensors[name] = Tensor(name, shape, dtype, self._quant(dtype))
        self.inputs.append(name)
        return name

    def _node(self, op: str, inputs: tuple[str, ...], quant: Quant, dtype: str = "int8",
              **attrs: object) -> str:
        name = f"{op}{len(self.nodes)}"
        node = Node(name, op, inputs, (name,), attrs)
        self.tensors[name] = Tensor(name, infer_shape(node, self.tensors), dtype, quant)
        self.nodes.append(node)
        return name

    def _constant(self, data: np.ndarray, quant: Quant | None) -> str:
        name = f"constant{len(self.tensors)}"
        self.tensors[name] = Tensor(name, data.shape, str(data.dtype), quant, data)
        return name

    def _quant(self, dtype: str = "int8", scale: float | None = None) -> Quant:
        """A random scale or the one given, and a zero point at an end, in the middle or between."""
        low = -128 if dtype == "int8" else 0
        some = low + self.rng.randrange(256)
        zero_point = self.rng.choice((low, low, low + 128, low + 128, some, some, low + 255))
        scale = min(max(scale or 2 ** self.rng.uniform(-8, -2), LEAST_SCALE), MOST_SCALE)
        return Quant((_float32(scale),), (zero_point,))

    def _activation(self) -> str:
        return self.rng.choice((*["none"] * 6, *ACTIVATIONS))

    def _map_shape(self) -> tuple[int, ...]:
        """A map of one pixel, a row, a column, a small one or a large one."""
        rng, cols = self.rng, self.config.cols
        height, width = rng.choice((
            (1, 1), (1, rng.randint(2, 70)), (rng.randint(2, 70), 1),
            *[(rng.randint(1, 14), rng.randint(1, 14))] * 4,
            *[(rng.randint(10, 48), rng.randint(10, 48))] * 2,
        ))
        channels = rng.choice((1, 3, rng.randint(1, 2 * cols), rng.randint(1, 6 * cols)))
        return 1, height, width, min(channels, max(VALUES * cols // (height * width), 1))

    def _shape(self, x: str) -> tuple[int, ...]:
        return self.tensors[x].shape

    def _scale(self, x: str) -> float:
        quant = self.tensors[x].quant
        assert quant is not None
        return quant.scale[0]

    # Windows.

    def _window(self, x: str, channels: int, pooling: bool = False) -> dict[str, object]:
        """Kernel, stride, dilation and padding that fit the map ``x``.

        ``channels`` are the multiply-accumulates of one tap of one output pixel. Strides grow until
        the work is small enough.
        """
        rng, (height, width) = self.rng, self._shape(x)[1:3]
        for attempt in itertools.count():
            kernel = self._kernel(height, width)
            dilation = (1, 1)
            if not pooling and rng.random() < 0.3:
                dilation = rng.randint(1, 4), rng.randint(1, 4)
            longest = 3 + attempt // 50
            stride = rng.randint(1, longest), rng.randint(1, longest)
            if rng.random() < 0.5:
                stride = stride[0], stride[0]
            span = window_span(kernel[0], dilation[0]), window_span(kernel[1], dilation[1])
            padding = self._padding((height, width), kernel, span, stride, pooling)
            outputs = [
                (size + before + after - extent) // step + 1
                for size, before, after, extent, step in zip(
                    (height, width), padding[::2], padding[1::2], span, stride, strict=True)
            ]
            work = math.prod(outputs) * math.prod(kernel) * channels
            if min(outputs) > 0 and work <= WORK * self.config.mac_units:
                window = {"kernel": kernel, "stride": stride, "padding": padding}
                return window if pooling else {**window, "dilation": dilation}
        raise AssertionError("a stride as long as the map leaves one pixel")

    def _kernel(self, height: int, width: int) -> Pair:
        """One pixel, square, one row, one column, any, or the whole map."""
        rng = self.rng
        side = rng.randint(1, 11)
        return rng.choice((
            (1, 1), (1, 1), (3, 3), (3, 3), (side, side), (1, 7), (7, 1), (3, 5),
            (rng.randint(1, 11), rng.randint(1, 11)), (min(height, 11), min(width, 11)),
        ))

    def _padding(self, size: Pair, kernel: Pair, span: Pair, stride: Pair, pooling: bool
                 ) -> Padding:
        """None, SAME, any, or more than a window; a pool's is smaller than its kernel."""
        rng = self.rng
        same = same_padding(size, span, stride)
        if pooling:
            most = kernel[0] - 1, kernel[1] - 1
        else:
            most = rng.choice((span, (span[0] + 3, span[1] + 3)))
        some = rng.randint(0, most[0]), rng.randint(0, most[0])
        return rng.choice((
            (0, 0, 0, 0), same, same, (*some, rng.randint(0, most[1]), rng.randint(0, most[1])),
        ))

    # Operators with weights.

    def _conv2d(self, x: str) -> str:
        depth = self._shape(x)[3]
        channels = self._channels(math.prod(self._shape(x)))
        window = self._window(x, depth * channels)
        return self._convolution(x, depth, channels, 1, window)

    def _grouped(self, x: str) -> str:
        depth = self._shape(x)[3]
        if depth % 2 == 0 and self.rng.random() < 0.75:
            return self._groups_in_words(x)
        groups = self.rng.choice([g for g in range(1, depth + 1) if depth % g == 0])
        most = self._channels(math.prod(self._shape(x)) // groups)
        channels = groups * max(1, most // groups)
        window = self._window(x, depth // groups * channels)
        return self._convolution(x, depth // groups, channels, groups, window)

    def _groups_in_words(self, x: str) -> str:
        """Groups of equal widths at both sides, a power of two and narrower than a word."""
        depth = self._shape(x)[3]
        width = 2
        while 2 * width < self.config.cols and depth % (2 * width) == 0 and self.rng.randrange(4):
            width *= 2
        return self._convolution(x, width, depth, depth // width, self._window(x, width * depth))

    def _convolution(
        self, x: str, depth: int, channels: int, groups: int, window: dict[str, object]
    ) -> str:
        shape = (channels, *window.pop("kernel"), depth)
        return self._weighted("conv2d", x, shape, 0, groups=groups, **window)

    def _pointwise(self, x: str, channels: int, quant: Quant | None = None) -> str:
        """A convolution of one pixel, with the output's parameters if given."""
        window = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "groups": 1}
        shape = (channels, 1, 1, self._shape(x)[3])
        return self._weighted("conv2d", x, shape, 0, quant, **window)

    def _depthwise(self, x: str) -> str:
        multiplier = self.rng.choice((1, 1, 1, 2, 3, 4))
        channels = self._shape(x)[3] * multiplier
        window = self._window(x, channels * self.config.cols)
        shape = (1, *window.pop("kernel"), channels)
        return self._weighted(
            "depthwise_conv2d", x, shape, 3, depth_multiplier=multiplier, **window
        )

    def _fully_connected(self, x: str) -> str:
        size = math.prod(self._shape(x))
        if self.rng.random() < 0.3 and max(self._shape(x)) <= MAX_ATTR:
            quant = self.tensors[x].quant
            assert quant is not None
            x = self._node("reshape", (x,), quant, shape=(1, size))
        return self._weighted("fully_connected", x, (self._channels(size), size), 0)

    def _flattens(self, x: str) -> bool:
        """Whether half the pool holds the map and a plane's weights for all of it."""
        _, height, width, channels = self._shape(x)
        planes = -(-channels // self.config.cols)
        return height * width * (planes + channels) <= self.config.pool_words // 2

    def _channels(self, work: int) -> int:
        """Output channels, each of about ``work`` multiply-accumulates with a small window."""
        rng, cols = self.rng, self.config.cols
        channels = rng.choice((1, cols, rng.randint(1, 2 * cols), rng.randint(1, 9 * cols)))
        return max(1, min(channels, 2 * WORK * self.config.mac_units // work))

    def _weighted(
        self, op: str, x: str, shape: tuple[int, ...], axis: int, quant: Quant | None = None,
        **attrs: object,
    ) -> str:
        """A layer whose results use the output's range, or scales with shifts up to the ends."""
        rng, source = self.rng, self.source
        outputs = shape[axis]
        count = outputs if rng.random() < 0.6 else 1
        weights = source.integers(-128, 127, shape, np.int8, endpoint=True)
        spread = 2 ** source.uniform(-3, 3, count)
        typical = 5500 * math.sqrt(math.prod(shape) / outputs)
        ratio = rng.choice((*[typical / 2 ** rng.uniform(4, 7)] * 8, 2 ** rng.uniform(-28, 33)))
        if rng.random() < 0.2:
            ratio, spread = 2.0 ** round(math.log2(ratio)), 2.0 ** source.integers(-3, 3, count)
        quant = quant or self._quant()
        x_scale, y_scale = self._scale(x), quant.scale[0]
        scales = [_float32(s) for s in y_scale / (x_scale * ratio) * spread]
        quantised = Quant(tuple(scales), (0,) * count, axis if count > 1 else None)
        names = [x, self._constant(weights, quantised), ""]
        if rng.random() < 0.8:
            bound = rng.choice((1, *[int(40 * ratio) + 1] * 4, (1 << 31) - 1))
            bound = min(bound, (1 << 31) - 1)
            bias = source.integers(-bound, bound, outputs, np.int32, endpoint=True)
            products = tuple(x_scale * s for s in scales)
            product = Quant(products, (0,) * count, 0 if count > 1 else None)
            names[2] = self._constant(bias, product if rng.random() < 0.8 else None)
        return self._node(op, tuple(names), quant, activation=self._activation(), **attrs)

    # Operators without weights.

    def _add(self, x: str) -> str:
        """An addition to an earlier map, to itself, or to another input."""
        rng, shape = self.rng, self._shape(x)
        maps = [n for n in [*self.inputs, *(n.outputs[0] for n in self.nodes)]
                if self._shape(n) == shape and self.tensors[n].dtype == "int8"]
        other = rng.choice(maps) if rng.random() < 0.6 else self._input(shape, "int8")
        pair = (x, other) if rng.random() < 0.5 else (other, x)
        larger = max(self._scale(x), self._scale(other))
        scale = larger * 2 ** rng.choice((*[rng.uniform(-1, 2)] * 4, rng.uniform(-16, 12)))
        return self._node("add", pair, self._quant(scale=scale), activation=self._activation())

    def _residual(self, x: str) -> str:
        """A convolution, an addition that may leave with it, and a function of the sum."""
        return self._function(self._add(self._conv2d(x)))

    def _concatenation(self, x: str) -> str:
        """Maps that are there, other inputs and requantised ones, most on the output's scale."""
        rng, (_, height, width, total) = self.rng, self._shape(x)
        limit = self.config.cols * min(VALUES // (height * width), 6)
        quant = self.tensors[x].quant if rng.random() < 0.7 else self._quant()
        assert quant is not None
        parts = [x]
        for _ in range(rng.randint(1, 3)):
            maps = [n for n in [*self.inputs, *(n.outputs[0] for n in self.nodes)]
                    if self._shape(n)[:3] == (1, height, width) and self.tensors[n].dtype == "int8"]
            old = rng.choice(maps)
            new = rng.choice((self._channels(height * width), self.config.cols * rng.randint(1, 3)))
            made = rng.random() < 0.5
            total += new if made else self._shape(old)[3]
            if total > limit:
                break
            part = self._input((1, height, width, new), "int8") if made else old
            if rng.random() < 0.6:
                part = self._node("quantize", (part,), quant)
            parts.append(part)
        rng.shuffle(parts)
        if rng.random() < 0.5:
            parts.sort(key=lambda n: self._shape(n)[3] % self.config.cols)
        return self._node("concatenation", tuple(parts), quant)

    def _multiply(self, x: str, factor: str | None = None) -> str:
        """A product with a value per channel of an input, of an earlier map or of ``factor``."""
        rng, one = self.rng, (1, 1, 1, self._shape(x)[3])
        maps = [n for n in [*self.inputs, *(n.outputs[0] for n in self.nodes)]
                if self._shape(n) == one and self.tensors[n].dtype == "int8"]
        if factor is None:
            factor = rng.choice(maps) if maps and rng.random() < 0.6 else self._input(one, "int8")
        pair = (x, factor) if rng.random() < 0.5 else (factor, x)
        product = self._scale(x) * self._scale(factor)
        scale = product * 2 ** rng.choice((*[rng.uniform(2, 10)] * 4, rng.uniform(-16, 16)))
        return self._node("mul", pair, self._quant(scale=scale), activation=self._activation())

    def _excitation(self, x: str) -> str:
        """Squeeze and excitation: the product with what two layers make of the map's means."""
        channels = self._shape(x)[3]
        hidden = self.rng.randint(1, 2 * self.config.cols)
        y = self._weighted("conv2d", self._mean(x), (hidden, 1, 1, channels), 0, **_ONE_PIXEL)
        factor = self._weighted("conv2d", y, (channels, 1, 1, hidden), 0, **_ONE_PIXEL)
        return self._multiply(x, factor)

    def _mean(self, x: str) -> str:
        """A mean on its own scale or on the input's."""
        quant = self.tensors[x].quant
        assert quant is not None
        spread = self.rng.choice((0, 1, 4, 20))
        scale = quant.scale[0] * 2 ** self.rng.uniform(-spread, spread)
        quant = self.rng.choice((quant, self._quant(scale=scale)))
        return self._node("mean", (x,), quant)

    def _average(self, x: str) -> str:
        return self._pool("avg_pool2d", x, count_include_pad=self.rng.random() < 0.3)

    def _maximum(self, x: str) -> str:
        return self._pool("max_pool2d", x)

    def _on_host(self, x: str) -> str:
        """An operator that the host runs wherever it stands."""
        found = self.tensors[x].quant
        assert found is not None
        if self.rng.random() < 0.3 and found.scale[0] > 2 * MIN_SOFTMAX_STEP:
            return self._node("softmax", (x,), Quant((1 / 256,), (-128,)), beta=1.0)
        channels = self._shape(x)[3]
        gamma, beta = (
            self._constant(self.source.normal(mean, 0.5, channels).astype(np.float32), None)
            for mean in (1, 0)
        )
        quant = self._quant(scale=2 ** self.rng.uniform(-6, -4))
        return self._node("layer_norm", (x, gamma, beta), quant, epsilon=1e-5)

    def _pool(self, op: str, x: str, **attrs: object) -> str:
        window = self._window(x, self._shape(x)[3] * self.config.cols, pooling=True)
        quant = self.tensors[x].quant
        assert quant is not None
        scale = quant.scale[0]
        if self.rng.random() < 0.2:
            scale = min(_float32(scale + SCALE_TOLERANCE / 2), _float32(2 * scale))
        quant = Quant((scale,), quant.zero_point)
        return self._node(op, (x,), quant, activation=self._activation(), **window, **attrs)

    def _pad(self, x: str) -> str:
        quant = self.tensors[x].quant
        assert quant is not None
        padding = tuple(self.rng.choices(range(6), k=4))
        return self._node("pad", (x,), quant, padding=padding, channel_padding=(0, 0))

    def _function(self, x: str) -> str:
        """A function of one value, of another one now and then; half of them keep the scale."""
        rng = self.rng
        op = rng.choice(list(FUNCTIONS))
        quant = self.tensors[x].quant
        assert quant is not None
        if rng.random() < 0.5:
            quant = self._quant(scale=quant.scale[0] * 2 ** rng.uniform(-6, 6))
        attrs = {name: spec.default for name, spec in FUNCTIONS[op].attrs.items()}
        if "alpha" in attrs:
            attrs["alpha"] = rng.choice((0.1, rng.uniform(-1, 2)))
        table = ()
        if op == "lookup":
            values = self.source.integers(-128, 127, 256, np.int8, endpoint=True)
            table = (self._constant(values, None),)
        y = self._node(op, (x, *table), quant, **attrs)
        return self._function(y) if rng.random() < 0.3 else y

    def _quantize(self, x: str) -> str:
        """A new scale and zero point; of uint8 also the same ones, where one bit changes."""
        rng, tensor = self.rng, self.tensors[x]
        assert tensor.quant is not None
        scale, zero_point = tensor.quant.scale[0], tensor.quant.zero_point[0]
        if tensor.dtype == "uint8" and rng.random() < 0.5:
            return self._node("quantize", (x,), Quant((scale,), (zero_point - 128,)))
        spread = rng.choice((0, 1, 1, 1, 2, 30))
        return self._node(
            "quantize", (x,), self._quant(scale=scale * 2 ** rng.uniform(-spread, spread))
        )


def _float32(value: float) -> float:
    """``value`` rounded to float32, as a model file holds it."""
    return float(np.float32(value))
