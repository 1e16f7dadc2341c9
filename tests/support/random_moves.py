"""Random nodes that move channels, for tests.support.random_layers."""

from __future__ import annotations

import random
from typing import Any

from compiler.ir.graph import Quant, Tensor
from hw.spec.config import AccelConfig


class Moves:
    """Methods that append slices, shuffles and padding of channels to a graph of random layers."""

    rng: random.Random
    config: AccelConfig
    tensors: dict[str, Tensor]
    _node: Any
    _shape: Any
    _channels: Any
    _pointwise: Any
    _function: Any

    def _moved(self, op: str, *inputs: str, **attrs: object) -> str:
        """A node that keeps the parameters of its inputs."""
        return self._node(op, inputs, self._given(inputs[0]), **attrs)

    def _given(self, x: str) -> Quant:
        quant = self.tensors[x].quant
        assert quant is not None
        return quant

    def _pad_channels(self, x: str) -> str:
        """Channels of the zero point around those of ``x``, up to whole words; pixels as well."""
        rng, cols = self.rng, self.config.cols
        before = rng.choice((0, cols, rng.randint(0, cols)))
        after = rng.choice((-(before + self._shape(x)[3]) % cols, rng.randint(0, cols + 1)))
        padding = rng.choice(((0, 0, 0, 0), tuple(rng.choices(range(3), k=4))))
        return self._moved("pad", x, padding=padding, channel_padding=(before, after))

    def _slice(self, x: str) -> str:
        """Channels from the first of a word on, or from any."""
        rng, channels = self.rng, self._shape(x)[3]
        begin = rng.randrange(channels)
        if rng.random() < 0.5:
            begin -= begin % self.config.cols
        return self._moved("slice", x, begin=begin, size=rng.randint(1, channels - begin))

    def _shuffle(self, x: str) -> str:
        channels = self._shape(x)[3]
        groups = self.rng.choice([g for g in range(1, channels + 1) if channels % g == 0])
        return self._moved("channel_shuffle", x, groups=groups)

    def _split_and_join(self, x: str) -> str:
        """As in ShuffleNetV2: two slices, a layer behind one of them, and both joined again.

        Between layers of all channels, none of the moves is left as it is.
        """
        rng = self.rng
        if rng.random() < 0.9:
            x = self._pointwise(x, self._some_channels(x))
        if self._shape(x)[3] < 2:
            return self._slice(x)
        for _ in range(rng.randint(1, 2)):
            x = self._unit(x)
        return self._pointwise(x, self._some_channels(x)) if rng.random() < 0.9 else x

    def _unit(self, x: str) -> str:
        rng, channels = self.rng, self._shape(x)[3]
        first = rng.choice((channels // 2, rng.randint(1, channels - 1)))
        x, other = (self._moved("slice", x, begin=begin, size=size)
                    for begin, size in ((0, first), (first, channels - first)))
        made = self._pointwise(other, self._some_channels(other), self._given(x))
        parts = [x, self._function(made) if rng.random() < 0.3 else made]
        rng.shuffle(parts)
        joined = self._moved("concatenation", *parts)
        return self._shuffle(joined) if rng.random() < 0.7 else joined

    def _some_channels(self, x: str) -> int:
        _, height, width, channels = self._shape(x)
        return self._channels(height * width * channels)
