"""Small quantised graphs, single layers and random ones, for the back end's tests."""

from __future__ import annotations

import random

from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.ops import FUNCTIONS, OPS
from compiler.ir.randomize import randomize
from compiler.ir.shapes import infer_shape

ACTIVATIONS = ("none", "relu", "relu6")


class Net:
    """Appends nodes with full attributes; every method returns the name of the tensor it makes."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.tensors = {"input": Tensor("input", (1, *shape), "int8")}
        self.nodes: list[Node] = []

    def shape(self, x: str) -> tuple[int, ...]:
        return self.tensors[x].shape

    def op(self, op: str, inputs: tuple[str, ...], **attrs: object) -> str:
        """Any operator; attributes that are left out have their defaults."""
        name = f"{op}{len(self.nodes)}"
        defaults = {k: a.default for k, a in OPS[op].attrs.items() if a.default is not None}
        node = Node(name, op, inputs, (name,), {**defaults, **attrs})
        self.tensors[name] = Tensor(name, infer_shape(node, self.tensors), "int8")
        self.nodes.append(node)
        return name

    def _constant(self, shape: tuple[int, ...], dtype: str) -> str:
        name = f"constant{len(self.tensors)}"
        self.tensors[name] = Tensor(name, shape, dtype)
        return name

    def conv(
        self,
        x,
        channels,
        kernel=(3, 3),
        stride=(1, 1),
        dilation=(1, 1),
        padding=(0, 0, 0, 0),
        groups=1,
        activation="none",
    ) -> str:
        weights = self._constant((channels, *kernel, self.shape(x)[3] // groups), "int8")
        bias = self._constant((channels,), "int32")
        return self.op(
            "conv2d",
            (x, weights, bias),
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=groups,
            activation=activation,
        )

    def depthwise(
        self,
        x,
        kernel=(3, 3),
        stride=(1, 1),
        dilation=(1, 1),
        padding=(0, 0, 0, 0),
        multiplier=1,
        activation="none",
    ) -> str:
        channels = self.shape(x)[3] * multiplier
        weights = self._constant((1, *kernel, channels), "int8")
        bias = self._constant((channels,), "int32")
        return self.op(
            "depthwise_conv2d",
            (x, weights, bias),
            stride=stride,
            dilation=dilation,
            padding=padding,
            depth_multiplier=multiplier,
            activation=activation,
        )

    def transpose(
        self,
        x,
        channels,
        kernel=(2, 2),
        stride=(2, 2),
        padding=(0, 0, 0, 0),
        extra=(0, 0),
        activation="none",
        groups=1,
    ) -> str:
        weights = self._constant((channels, *kernel, self.shape(x)[3] // groups), "int8")
        bias = self._constant((channels,), "int32")
        return self.op(
            "transpose_conv2d",
            (x, weights, bias),
            stride=stride,
            padding=padding,
            output_padding=extra,
            groups=groups,
            activation=activation,
        )

    def resize(self, x, size, mode="nearest", half_pixel=False, corners=False) -> str:
        return self.op(
            "resize",
            (x,),
            mode=mode,
            size=size,
            half_pixel_centers=half_pixel,
            align_corners=corners,
        )

    def dense(self, x, channels) -> str:
        size = 1
        for side in self.shape(x):
            size *= side
        weights = self._constant((channels, size), "int8")
        return self.op(
            "fully_connected", (x, weights, self._constant((channels,), "int32")), activation="none"
        )

    def add(self, a, b, activation="none") -> str:
        return self.op("add", (a, b), activation=activation)

    def layer_norm(self, x) -> str:
        channels = self.shape(x)[-1:]
        constants = (self._constant(channels, "float32") for _ in range(2))
        return self.op("layer_norm", (x, *constants))

    def pool(
        self, op, x, kernel, stride=(1, 1), padding=(0, 0, 0, 0), include=False, activation="none"
    ) -> str:
        attrs = {"count_include_pad": include} if op == "avg_pool2d" else {}
        return self.op(
            op, (x,), kernel=kernel, stride=stride, padding=padding, activation=activation, **attrs
        )

    def function(self, op, x, **attrs) -> str:
        table = (self._constant((256,), "int8"),) if op == "lookup" else ()
        return self.op(op, (x, *table), **attrs)

    def finish(self, *outputs: str, name: str = "net", seed: int = 0) -> Graph:
        return randomize(Graph(name, self.tensors, self.nodes, ("input",), outputs), seed)


def shuffle_unit(net: Net, x: str, stride: int = 1) -> str:
    """The unit of ShuffleNetV2: half of the channels pass by, and both halves are shuffled."""
    channels = net.shape(x)[3]
    window = {"stride": (stride, stride), "padding": (1, 1, 1, 1)}
    left, right = (
        (net.op("slice", (x,), begin=begin, size=channels // 2) for begin in (0, channels // 2))
        if stride == 1
        else (x, x)
    )
    if stride == 2:
        left = net.conv(net.depthwise(left, **window), channels // 2, (1, 1), activation="relu")
    right = net.depthwise(net.conv(right, channels // 2, (1, 1), activation="relu"), **window)
    right = net.conv(right, channels // 2, (1, 1), activation="relu")
    return net.op("channel_shuffle", (net.op("concatenation", (left, right)),), groups=2)


def random_graph(seed: int) -> Graph:
    """A chain with branches: every operator of the hardware may occur, the last is stored."""
    rng = random.Random(seed)
    net = Net((rng.randint(4, 20), rng.randint(4, 20), rng.choice((1, 3, 5, 8, 19))))
    x, earlier = "input", []
    for _ in range(rng.randint(2, 7)):
        earlier.append(x)
        x = _random_layer(net, rng, x, earlier)
    if rng.random() < 0.5:
        x = net.dense(x, rng.randint(1, 40))
    if rng.random() < 0.3:
        x = net.op("softmax", (x,), beta=1.0)
    return net.finish(x, name=f"random{seed}", seed=seed)


def _random_layer(net: Net, rng: random.Random, x: str, earlier: list[str]) -> str:
    height, width, channels = net.shape(x)[1:]
    kernel = rng.randint(1, min(5, height)), rng.randint(1, min(7, width))
    window = {
        "kernel": kernel,
        "stride": (rng.randint(1, 3), rng.randint(1, 3)),
        "padding": (
            *(rng.randrange(kernel[0]) for _ in range(2)),
            *(rng.randrange(kernel[1]) for _ in range(2)),
        ),
        "activation": rng.choice(ACTIVATIONS),
    }
    same = [t for t in earlier[1:] if net.shape(t) == net.shape(x)]
    kind = rng.choice(
        (
            "conv",
            "conv",
            "depthwise",
            "avg",
            "max",
            "add",
            "pad",
            "grouped",
            "dilated",
            "multiplied",
            "concatenation",
            "concatenation",
            "function",
            "function",
            "slice",
            "shuffle",
            "unit",
            "unit",
            "excited",
            "excited",
        )
    )
    if kind == "function":
        return net.function(rng.choice(list(FUNCTIONS)), x)
    if kind == "depthwise":
        return net.depthwise(x, **window)
    if kind in ("avg", "max"):
        return net.pool(f"{kind}_pool2d", x, include=kind == "avg" and rng.random() < 0.3, **window)
    if kind == "add":
        return net.add(x, rng.choice(same) if same else x, rng.choice(ACTIVATIONS))
    if kind == "excited":
        return _random_excitation(net, rng, x)
    if kind == "concatenation":
        return _random_concatenation(net, rng, x, earlier)
    if kind == "pad":
        return net.op(
            "pad",
            (x,),
            padding=tuple(rng.randint(0, 2) for _ in range(4)),
            channel_padding=rng.choice(((0, 0), (0, 3), (1, 16))),
        )
    if kind == "slice":
        begin = rng.randrange(channels)
        return net.op("slice", (x,), begin=begin, size=rng.randint(1, channels - begin))
    if kind == "shuffle":
        return net.op("channel_shuffle", (x,), groups=2 if channels % 2 == 0 else channels)
    if kind == "unit":
        x = shuffle_unit(net, net.conv(x, 2 * rng.randint(1, 40), (1, 1)), stride=2)
        return net.conv(shuffle_unit(net, shuffle_unit(net, x)), rng.randint(1, 50), (1, 1))
    if kind == "dilated":
        window["kernel"] = 1 + (height > 4), 1 + (width > 6)
        return net.depthwise(x, dilation=(rng.randint(1, 3), rng.randint(1, 5)), **window)
    if kind == "multiplied" and channels < 30:
        return net.depthwise(x, multiplier=rng.randint(2, 4), **window)
    if kind == "grouped":
        groups = rng.choice([g for g in range(1, channels + 1) if channels % g == 0])
        return net.conv(x, groups * rng.randint(1, 6), groups=groups, **window)
    y = net.conv(x, rng.randint(1, 50), **window)
    if rng.random() < 0.5:
        return net.add(net.conv(y, net.shape(y)[3], kernel=(1, 1)), y, rng.choice(ACTIVATIONS))
    return y


def _random_concatenation(net: Net, rng: random.Random, x: str, earlier: list[str]) -> str:
    """New branches of ``x`` and maps that lie elsewhere already, aligned or not."""
    inputs = [t for t in (*earlier, x) if net.shape(t)[:3] == net.shape(x)[:3]]
    inputs = rng.sample(inputs, rng.randint(0, min(2, len(inputs))))
    width = rng.choice((1, 4, 16))
    for _ in range(rng.randint(1, 3)):
        channels = width * rng.randint(1, 5)
        activation = rng.choice(ACTIVATIONS)
        y = net.conv(x, channels, kernel=(1, 1), activation=activation)
        if rng.random() < 0.3:
            y = net.pool("max_pool2d", y, (3, 3), padding=(1, 1, 1, 1))
        inputs.append(y)
    rng.shuffle(inputs)
    return net.op("concatenation", tuple(inputs))


def _random_excitation(net: Net, rng: random.Random, x: str) -> str:
    """Squeeze and excitation: a value per channel, made from the means, times the map."""
    channels = net.shape(x)[3]
    squeezed = net.op("mean", (x,))
    if rng.random() < 0.7:
        hidden = net.conv(squeezed, rng.randint(1, 9), kernel=(1, 1), activation="relu")
        squeezed = net.conv(hidden, channels, kernel=(1, 1), activation=rng.choice(ACTIVATIONS))
    pair = (x, squeezed) if rng.random() < 0.5 else (squeezed, x)
    return net.op("mul", pair, activation=rng.choice(ACTIVATIONS))
