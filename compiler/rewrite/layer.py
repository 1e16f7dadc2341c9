"""A layer with weights, whatever format it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, or with ``dense`` a fully connected layer, which has a kernel of one tap.

    ``shape`` is that of ``values``: output channels, input channels of a group, height and width
    of the kernel. ``padding`` is top, bottom, left, right. ``values`` and ``bias`` are real; they
    are None where the model has none, and ``biased`` says whether it has a bias at all.
    """

    name: str
    shape: tuple[int, int, int, int]
    groups: int = 1
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    biased: bool = False
    values: np.ndarray | None = None
    bias: np.ndarray | None = None
    dense: bool = False

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.shape[0]

    @property
    def inputs(self) -> int:
        """Input channels."""
        return self.shape[1] * self.groups

    @property
    def kernel(self) -> Pair:
        """Height and width of the kernel."""
        return self.shape[2], self.shape[3]

    @property
    def regular(self) -> bool:
        """Whether every output channel reads every input channel."""
        return self.groups == 1

    @property
    def depthwise(self) -> bool:
        """Whether every output channel reads one input channel of several."""
        return self.shape[1] == 1 and self.groups > 1

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel is a product of a matrix with one input pixel."""
        return self.regular and self.kernel == (1, 1) and not any(self.padding)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return math.prod(self.shape) + self.outputs * self.biased

    def matrix(self) -> np.ndarray | None:
        """The weights of a pointwise layer, ``[outputs, inputs]``."""
        return None if self.values is None else self.values[:, :, 0, 0]

    def pointwise_to(self, label: str, outputs: int, weights: np.ndarray | None) -> Layer:
        """A pointwise layer before this one, without bias: weights ``[outputs, inputs]``."""
        return pointwise(f"{self.name}/{label}", self.inputs, outputs, weights, self.dense)

    def renamed(self, label: str) -> Layer:
        """The same layer under a name of its own."""
        return replace(self, name=f"{self.name}/{label}")


def pointwise(
    name: str, inputs: int, outputs: int, weights: np.ndarray | None, dense: bool = False
) -> Layer:
    """A pointwise layer without bias, of weights ``[outputs, inputs]``."""
    values = None if weights is None else weights[:, :, None, None]
    return Layer(name, (outputs, inputs, 1, 1), values=values, dense=dense)
