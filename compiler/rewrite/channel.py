"""Regular convolutions of fewer channels with a pointwise layer behind, by their responses.

Zhang et al., arXiv 1505.06798: the responses of a layer lie near a space of few dimensions, and
their principal components are those of the wide layer's outputs that the narrow one computes. The
pointwise layer is fitted to the responses that the layer had before any layer was changed, as in
the paper's asymmetric form.
Without calibration data the filters themselves are decomposed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.rewrite.chain import Chain, Moments, fitted, rank_of, truncated
from compiler.rewrite.layer import Layer

_RIDGE = 1e-6
"""Weight of what calibration data do not say."""


def channel_svd(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """The layer with ``rank`` output channels, and a pointwise one."""
    rank = rank_of(argument, min(layer.outputs, layer.inputs * layer.kernel[0] * layer.kernel[1]))
    left, right, variance, bias = None, None, None, layer.bias
    if layer.values is not None:
        matrix = layer.values.reshape(layer.outputs, -1)
        left, right, variance = truncated(matrix, rank)
        patches = None if data is None else data.patches(layer)
        if data is not None and patches is not None:
            wanted = patches.reshape(len(patches), -1) @ matrix.T
            left = _components(wanted, rank)
            right, variance = left.T @ matrix, None
            if (given := data.given(layer)) is not None:
                basis = given.reshape(len(given), -1) @ right.T
                weights, bias = fitted(basis, wanted, layer, _RIDGE)
                left = weights.T
    first = replace(
        layer.renamed("reduce"),
        shape=(rank, *layer.shape[1:]),
        biased=False,
        bias=None,
        values=None if right is None else right.reshape(rank, *layer.shape[1:]),
    )
    shape = (layer.outputs, rank, 1, 1)
    last = Layer(f"{layer.name}/expand", shape, biased=layer.biased, bias=bias)
    if left is None or right is None:
        return Chain((first, last))
    last = replace(last, values=left.reshape(shape))
    return Chain((first, last), (left @ right).reshape(layer.shape), variance)


def _components(responses: np.ndarray, rank: int) -> np.ndarray:
    """The directions ``[outputs, rank]``, orthonormal, that keep most of the squares."""
    _, vectors = np.linalg.eigh(responses.T @ responses)
    return vectors[:, : -rank - 1 : -1]
