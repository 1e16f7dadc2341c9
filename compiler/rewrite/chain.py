"""Layers that a rule makes of one, and the factors that rules are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network


class RefusedError(Exception):
    """A rule does not fit a layer; the message says why."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Layers in the place of one. ``values`` is the kernel that they amount to, in the shape of the
    layer's, and ``variance`` the share of its squares that a truncated sum keeps; both are None
    without weights."""

    layers: tuple[Layer, ...]
    values: np.ndarray | None = None
    variance: float | None = None


class Moments(Protocol):
    """Second moments of calibration data, by layer."""

    def on(self, changed: Network) -> Moments:
        """The same moments for a changed form of the network."""

    def given(self, layer: Layer) -> np.ndarray | None:
        """Samples at the places of ``patches`` of what the kernel sees in the changed network."""

    def patches(self, layer: Layer) -> np.ndarray | None:
        """Samples of what the layer's kernel sees, ``[samples, inputs, taps]``."""

    def following(self, layer: Layer) -> np.ndarray | None:
        """Weights of the next layer, ``[its outputs * taps, the layer's outputs]``, if one reads
        the layer alone."""


def error_of(layer: Layer, values: np.ndarray | None) -> float | None:
    """The norm of what the weights lost as a share of their own."""
    if layer.values is None or values is None:
        return None
    norm = float(np.linalg.norm(layer.values))
    return float(np.linalg.norm(layer.values - values)) / norm if norm else 0.0


def loss_of(layer: Layer, values: np.ndarray, data: Moments | None) -> float:
    """The squares of what the layer's responses to calibration data lost, or else its weights, as a
    share of their own."""
    assert layer.values is not None
    patches = None if data is None else data.patches(layer)
    if patches is None:
        return (error_of(layer, values) or 0.0) ** 2
    rows = patches.reshape(len(patches), -1)
    kernels = (each.reshape(layer.outputs, -1).T for each in (layer.values, layer.values - values))
    whole, lost = (float(np.square(rows @ kernel).sum()) for kernel in kernels)
    return lost / whole if whole else 0.0


def truncated(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Factors ``[.., rows, rank]`` and ``[.., rank, columns]`` of the nearest matrix of a rank, and
    the share of the squares that it keeps. The second has orthonormal rows."""
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    squares = np.square(sizes)
    kept = squares[..., :rank].sum() / max(float(squares.sum()), np.finfo(float).tiny)
    return left[..., :, :rank] * sizes[..., None, :rank], right[..., :rank, :], float(kept)


def regular(moment: np.ndarray, ridge: float) -> np.ndarray:
    """The moment ``[.., size, size]``, or a stack of them, that can be inverted: with a share of
    the mean of its diagonal added to that."""
    size = moment.shape[-1]
    mean = np.trace(moment, axis1=-2, axis2=-1)[..., None, None] / size
    return np.asarray(moment + np.where(mean > 0, ridge * mean, 1.0) * np.eye(size))


def fitted(
    basis: np.ndarray, wanted: np.ndarray, layer: Layer, ridge: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """The weights ``[terms, outputs]`` with which a basis ``[samples, terms]`` is nearest to the
    wanted responses ``[samples, outputs]``, and the bias of a layer that has one."""
    if layer.bias is None:
        return np.linalg.solve(regular(basis.T @ basis, ridge), basis.T @ wanted), None
    middle, aim = basis.mean(0), wanted.mean(0)
    inner = basis - middle
    weights = np.linalg.solve(regular(inner.T @ inner, ridge), inner.T @ (wanted - aim))
    return weights, layer.bias + aim - middle @ weights


def rank_of(argument: int | float, full: int) -> int:
    """The rank that an argument asks for: a whole number, or a share of the full rank.

    Raises RefusedError for more than the full rank.
    """
    rank = argument if isinstance(argument, int) else max(1, round(argument * full))
    if rank > full:
        raise RefusedError(f"rank {rank}; at most its full rank {full} is accepted")
    return rank
