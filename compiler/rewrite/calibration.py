"""Inputs and readers of the layers of a float model, for calibration inputs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from compiler.quantize import Runner
from compiler.quantize.samples import Sample
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network
from compiler.rewrite.onnx_network import OnnxNetwork

_LEAST, _MOST, _PER_INPUT = 1024, 8192, 16
"""Patches of a layer: at least and at most, and for each input channel, of which a fit has up to a
weight for each tap."""
_SEED = 0


class Calibration:
    """Moments of the layers of a network as it is when this is made (see ``chain.Moments``).

    What layers are given is what they are given there, unless a changed network is named by ``on``.
    """

    def __init__(self, network: OnnxNetwork, samples: Sequence[Sample]) -> None:
        model = type(network.model)()
        model.CopyFrom(network.model)
        self._network = OnnxNetwork(model)
        self._samples = samples
        self._names = {layer.name for layer in self._network.layers()}
        self._last: tuple[str, np.ndarray] | None = None
        self._changed: OnnxNetwork | None = None

    def on(self, changed: Network) -> Calibration:
        """The same moments for layers that are given what a changed form of the network makes."""
        assert isinstance(changed, OnnxNetwork)
        other = copy(self)
        other._changed = changed
        return other

    def given(self, layer: Layer) -> np.ndarray | None:
        """Samples of what the kernel sees in the changed network, at the places of ``patches``.

        None for a layer that has no patches, and without a changed network.
        """
        if self._changed is None or layer.name not in self._names or layer.dense:
            return None
        return self._sampled(layer, self._changed)

    def patches(self, layer: Layer) -> np.ndarray | None:
        """Samples of what the kernel of a convolution sees, ``[samples, inputs, taps]``.

        None for a layer that the network did not have.
        """
        if layer.name not in self._names or layer.dense:
            return None
        if self._last is None or self._last[0] != layer.name:
            self._last = layer.name, self._sampled(layer, self._network)
        return self._last[1]

    def _sampled(self, layer: Layer, network: OnnxNetwork) -> np.ndarray:
        name = network.step(layer.name).inputs[0]
        runner = Runner(network.model, [name])
        wanted = min(max(_LEAST, _PER_INPUT * layer.inputs), _MOST)
        each, generator = -(-wanted // len(self._samples)), np.random.default_rng(_SEED)
        return np.concatenate(
            [_patches(runner.run(s)[name], layer, each, generator) for s in self._samples]
        )

    def following(self, layer: Layer) -> np.ndarray | None:
        """Weights of the layer that alone reads this one, ``[outputs * taps, channels]``."""
        if layer.name not in self._names:
            return None
        _, reader = self._network.after(self._network.step(layer.name).outputs[0])
        following = None if reader is None else reader.layer
        if following is None or following.values is None or not following.regular:
            return None
        return following.values.swapaxes(1, 3).reshape(-1, following.inputs)


def _patches(x: np.ndarray, layer: Layer, count: int, generator: np.random.Generator) -> np.ndarray:
    """Patches of a map ``[1, inputs, height, width]`` around random output pixels."""
    top, bottom, left, right = layer.padding
    x = np.pad(x[0].astype(np.float64), ((0, 0), (top, bottom), (left, right)))
    spans = [(k - 1) * d + 1 for k, d in zip(layer.kernel, layer.dilation, strict=True)]
    places = [
        (size - span) // step + 1
        for size, span, step in zip(x.shape[1:], spans, layer.stride, strict=True)
    ]
    rows = generator.integers(places[0], size=count) * layer.stride[0]
    columns = generator.integers(places[1], size=count) * layer.stride[1]
    taps = [
        x[:, rows + y * layer.dilation[0], columns + z * layer.dilation[1]]
        for y in range(layer.kernel[0])
        for z in range(layer.kernel[1])
    ]
    return np.stack(taps, 2).swapaxes(0, 1)
