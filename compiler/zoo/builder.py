"""A graph built layer by layer, as the families of networks write it down."""

from __future__ import annotations

import math
from typing import Any, Literal

from compiler.errors import InputError, show
from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.ops import ACTIVATIONS, FUNCTIONS
from compiler.ir.shapes import infer_shape
from compiler.ir.window_shapes import Padding, same_padding
from compiler.zoo.padding import ceil_padding

Pair = tuple[int, int]


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


class GraphBuilder:
    """Appends layers and returns the name of the tensor that each makes.

    Layers take the name of the tensor that they read. Kernels, strides and dilations are pixels,
    one integer or (height, width); padding is TFLite's SAME unless given. The activation of a layer
    with weights is fused, or a function of one value, which follows as the node LAYER/FUNCTION.
    A name that is in use, a tensor or a function that is unknown raises InputError.

    >>> net = GraphBuilder("block", (16, 16, 8))
    >>> x = net.conv("expand", "input", 32, 1, activation="relu6")
    >>> x = net.depthwise("depthwise", x, 3, activation="hard_swish")
    >>> x = net.conv("project", x, 8, 1)
    >>> net.finish(net.add("sum", x, "input"))
    <Graph block: 5 nodes, input 1x16x16x8 int8, sum 1x16x16x8 int8, without weights>
    """

    def __init__(self, name: str, input_shape: tuple[int, int, int]) -> None:
        self._name = name
        self._tensors: dict[str, Tensor] = {}
        self._nodes: list[Node] = []
        self._new("input", (1, *input_shape), "int8")

    def conv(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        dilation: int | Pair = 1,
        padding: Padding | None = None,
        groups: int = 1,
        activation: str = "none",
    ) -> str:
        """A convolution with bias."""
        kernel, geometry = self._geometry(x, kernel, stride, dilation, padding)
        shape = (channels, *kernel, self.channels(x) // groups)
        attrs = {**geometry, "groups": groups, "activation": activation}
        return self._weighted(name, "conv2d", x, shape, channels, attrs)

    def depthwise(
        self,
        name: str,
        x: str,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        dilation: int | Pair = 1,
        padding: Padding | None = None,
        multiplier: int = 1,
        activation: str = "none",
    ) -> str:
        """A depthwise convolution with bias."""
        kernel, geometry = self._geometry(x, kernel, stride, dilation, padding)
        channels = self.channels(x) * multiplier
        attrs = {**geometry, "depth_multiplier": multiplier, "activation": activation}
        return self._weighted(name, "depthwise_conv2d", x, (1, *kernel, channels), channels, attrs)

    def fully_connected(self, name: str, x: str, channels: int, activation: str = "none") -> str:
        """A fully connected layer with bias over everything in ``x``."""
        shape = (channels, math.prod(self.shape(x)))
        attrs = {"activation": activation}
        return self._weighted(name, "fully_connected", x, shape, channels, attrs)

    def transpose_conv(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int | Pair,
        *,
        stride: int | Pair,
        padding: Padding = (0, 0, 0, 0),
        output_padding: Pair = (0, 0),
        activation: str = "none",
    ) -> str:
        """A transposed convolution with bias; ``padding`` is cut off its output."""
        shape = (channels, *_pair(kernel), self.channels(x))
        attrs = {
            "stride": _pair(stride),
            "padding": padding,
            "output_padding": output_padding,
            "groups": 1,
            "activation": activation,
        }
        return self._weighted(name, "transpose_conv2d", x, shape, channels, attrs)

    def layer_norm(self, name: str, x: str, epsilon: float = 1e-5) -> str:
        """Each pixel's channels normalised to mean 0 and variance 1, with gain and bias."""
        channels = (self.channels(x),)
        self._check_free(name)
        gamma = self._new(f"{name}/gamma", channels, "float32")
        beta = self._new(f"{name}/beta", channels, "float32")
        return self._append(name, "layer_norm", (x, gamma, beta), {"epsilon": epsilon})

    def function(self, name: str, x: str, function: str, **parameters: float) -> str:
        """A function of one value (``compiler.ir.ops.FUNCTIONS``) of every value.

        Raises InputError for a function that is not known.
        """
        if function not in FUNCTIONS:
            raise InputError(
                f"network {show(self._name)}: layer {show(name)}: function {show(function)} is "
                f"unknown; accepted: {', '.join(FUNCTIONS)}"
            )
        defaults = {key: spec.default for key, spec in FUNCTIONS[function].attrs.items()}
        return self._append(name, function, (x,), {**defaults, **parameters})

    def add(self, name: str, a: str, b: str, activation: str = "none") -> str:
        """The sum of two tensors of one shape."""
        return self._append(name, "add", (a, b), {"activation": activation})

    def mul(self, name: str, a: str, b: str, activation: str = "none") -> str:
        """The product of two tensors of one shape, or of one with a value per channel."""
        return self._append(name, "mul", (a, b), {"activation": activation})

    def mean(self, name: str, x: str) -> str:
        """The mean over all pixels, one per channel, with a scale of its own."""
        return self._append(name, "mean", (x,), {})

    def pad(
        self, name: str, x: str, padding: Padding = (0, 0, 0, 0), channels: Pair = (0, 0)
    ) -> str:
        """Zeros around the map, and channels of zeros before and after."""
        attrs = {"padding": padding, "channel_padding": channels}
        return self._append(name, "pad", (x,), attrs)

    def slice(self, name: str, x: str, begin: int, size: int) -> str:
        """``size`` channels from channel ``begin``."""
        return self._append(name, "slice", (x,), {"begin": begin, "size": size})

    def shuffle(self, name: str, x: str, groups: int) -> str:
        """The channels of the groups by turns."""
        return self._append(name, "channel_shuffle", (x,), {"groups": groups})

    def resize(
        self,
        name: str,
        x: str,
        size: Pair,
        mode: Literal["nearest", "bilinear"],
        *,
        align_corners: bool = False,
        half_pixel_centers: bool = False,
    ) -> str:
        """The map at another height and width."""
        attrs = {
            "mode": mode,
            "size": size,
            "align_corners": align_corners,
            "half_pixel_centers": half_pixel_centers,
        }
        return self._append(name, "resize", (x,), attrs)

    def concatenate(self, name: str, *inputs: str) -> str:
        """The channels of all inputs one after another."""
        return self._append(name, "concatenation", inputs, {})

    def reshape(self, name: str, x: str, shape: tuple[int, ...]) -> str:
        """The same values in another shape."""
        return self._append(name, "reshape", (x,), {"shape": shape})

    def max_pool(
        self,
        name: str,
        x: str,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: Padding | Literal["ceil"] | None = None,
    ) -> str:
        """The maximum over windows; ``"ceil"`` pads so far that no pixel is left out."""
        attrs = {**self._pool(x, kernel, stride, padding), "dilation": (1, 1)}
        return self._append(name, "max_pool2d", (x,), attrs)

    def avg_pool(
        self,
        name: str,
        x: str,
        kernel: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: Padding | Literal["ceil"] | None = None,
    ) -> str:
        """The average over the pixels of windows, padding left out; ``"ceil"`` as for maxima."""
        attrs = {**self._pool(x, kernel, stride, padding), "count_include_pad": False}
        return self._append(name, "avg_pool2d", (x,), attrs)

    def global_avg_pool(self, name: str, x: str) -> str:
        """The average over all pixels, one per channel."""
        _, height, width, _ = self.shape(x)
        return self.avg_pool(name, x, (height, width), padding=(0, 0, 0, 0))

    def finish(self, *outputs: str) -> Graph:
        """The graph with the given outputs."""
        for name in outputs:
            self.shape(name)
        return Graph(self._name, self._tensors, self._nodes, ("input",), outputs)

    def shape(self, x: str) -> tuple[int, ...]:
        """Shape of a tensor. Raises InputError for an unknown one."""
        if x not in self._tensors:
            raise InputError(
                f"network {show(self._name)}: tensor {show(x)} is unknown; 'input' and the names "
                "of earlier layers are accepted"
            )
        return self._tensors[x].shape

    def channels(self, x: str) -> int:
        """Channels of a tensor."""
        return self.shape(x)[-1]

    def _geometry(
        self,
        x: str,
        kernel: int | Pair,
        stride: int | Pair,
        dilation: int | Pair,
        padding: Padding | None,
    ) -> tuple[Pair, dict[str, Any]]:
        kernel, stride, dilation = _pair(kernel), _pair(stride), _pair(dilation)
        _, height, width, _ = self.shape(x)
        padding = padding or same_padding((height, width), kernel, stride, dilation)
        return kernel, {"stride": stride, "dilation": dilation, "padding": padding}

    def _pool(
        self,
        x: str,
        kernel: int | Pair,
        stride: int | Pair,
        padding: Padding | Literal["ceil"] | None,
    ) -> dict[str, Any]:
        if padding == "ceil":
            _, height, width, _ = self.shape(x)
            padding = ceil_padding((height, width), _pair(kernel), _pair(stride))
        kernel, geometry = self._geometry(x, kernel, stride, 1, padding)
        del geometry["dilation"]
        return {"kernel": kernel, **geometry, "activation": "none"}

    def _weighted(
        self,
        name: str,
        op: str,
        x: str,
        shape: tuple[int, ...],
        channels: int,
        attrs: dict[str, Any],
    ) -> str:
        self._check_free(name)
        weights = self._new(f"{name}/weights", shape, "int8")
        bias = self._new(f"{name}/bias", (channels,), "int32")
        activation = attrs["activation"]
        if activation in ACTIVATIONS:
            return self._append(name, op, (x, weights, bias), attrs)
        y = self._append(name, op, (x, weights, bias), {**attrs, "activation": "none"})
        return self.function(f"{name}/{activation}", y, activation)

    def _append(self, name: str, op: str, inputs: tuple[str, ...], attrs: dict[str, Any]) -> str:
        self._check_free(name)
        for x in inputs:
            self.shape(x)
        node = Node(name, op, inputs, (name,), attrs)
        self._new(name, infer_shape(node, self._tensors), "int8")
        self._nodes.append(node)
        return name

    def _new(self, name: str, shape: tuple[int, ...], dtype: str) -> str:
        self._check_free(name)
        self._tensors[name] = Tensor(name, shape, dtype)
        return name

    def _check_free(self, name: str) -> None:
        if name in self._tensors:
            raise InputError(
                f"network {show(self._name)}: name {show(name)} is used twice; a name of its own "
                "is accepted for each layer"
            )
