"""Regular convolutions of fewer channels with a pointwise layer behind, by their responses.

Zhang et al., arXiv 1505.06798: the responses of a layer lie near a space of few dimensions, and
their principal components are those of the wide layer's outputs that the narrow one computes.
Without calibration data the filters themselves are decomposed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.rewrite.chain import Chain, Moments, rank_of, truncated
from compiler.rewrite.layer import Layer


def channel_svd(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """The layer with ``rank`` output channels, and a pointwise one."""
    rank = rank_of(argument, min(layer.outputs, layer.inputs * layer.kernel[0] * layer.kernel[1]))
    left, right, variance = None, None, None
    if layer.values is not None:
        matrix = layer.values.reshape(layer.outputs, -1)
        left, right, variance = truncated(matrix, rank)
        patches = None if data is None else data.patches(layer)
        if patches is not None:
            left = _components(patches.reshape(len(patches), -1) @ matrix.T, rank)
            right, variance = left.T @ matrix, None
    first = replace(
        layer.renamed("reduce"),
        shape=(rank, *layer.shape[1:]),
        biased=False,
        bias=None,
        values=None if right is None else right.reshape(rank, *layer.shape[1:]),
    )
    shape = (layer.outputs, rank, 1, 1)
    last = Layer(f"{layer.name}/expand", shape, biased=layer.biased, bias=layer.bias)
    if left is None or right is None:
        return Chain((first, last))
    last = replace(last, values=left.reshape(shape))
    return Chain((first, last), (left @ right).reshape(layer.shape), variance)


def _components(responses: np.ndarray, rank: int) -> np.ndarray:
    """The directions ``[outputs, rank]``, orthonormal, that keep most of the squares."""
    _, vectors = np.linalg.eigh(responses.T @ responses)
    return vectors[:, : -rank - 1 : -1]
