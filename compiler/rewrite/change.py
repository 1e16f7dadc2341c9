"""Changes by rules, and layers that start at random."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network

KEPT, RANDOM, WITHOUT = "kept", "random", "none"
"""Weights of new layers: made of the old ones, seeded random, or none as in the model."""


@dataclass(frozen=True)
class Change:
    """Layers, by name, that a rule replaced by others.

    ``weights`` is KEPT, RANDOM or WITHOUT. ``error`` is the norm of what the weights lost as a
    share of their own, ``variance`` the share of their squares that is kept.
    """

    rule: str
    layers: tuple[str, ...]
    made: tuple[str, ...]
    parameters_before: int
    parameters: int
    weights: str
    error: float | None = None
    variance: float | None = None


def change(
    rule: str,
    old: Sequence[Layer],
    made: Sequence[Layer],
    weights: str,
    error: float | None = None,
    variance: float | None = None,
) -> Change:
    """The change of these layers into those."""
    names = tuple(layer.name for layer in old), tuple(layer.name for layer in made)
    before, after = (sum(layer.parameters for layer in layers) for layers in (old, made))
    return Change(rule, *names, before, after, weights, error, variance)


def at_random(network: Network, layers: Sequence[Layer]) -> tuple[list[Layer], str]:
    """The layers as a network starts them: with seeded random weights (He et al., arXiv
    1502.01852) and biases of zero if it has weights; and what ``Change`` calls that."""
    if not network.trained:
        return list(layers), WITHOUT
    return [_started(layer) for layer in layers], RANDOM


def _started(layer: Layer) -> Layer:
    generator = np.random.default_rng(zlib.crc32(layer.name.encode()))
    deviation = (2 / math.prod(layer.shape[1:])) ** 0.5
    values = deviation * generator.standard_normal(layer.shape)
    return replace(layer, values=values, bias=np.zeros(layer.outputs) if layer.biased else None)
