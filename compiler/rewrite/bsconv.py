"""Blueprint separable convolutions, Haase and Amthor, arXiv 2003.13549.

Every kernel of a filter is a blueprint of the filter times a weight: a pointwise layer, then a
depthwise one. The blueprint is the first principal component of the filter's kernels, about zero,
since the form has no offset; the variance that it keeps is the paper's measure. ``bsconv_s`` makes
the pointwise layer one of two of low rank, of which the first has orthonormal rows, as the paper's
regulariser wants.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.rewrite.chain import Chain, Moments, RefusedError, truncated
from compiler.rewrite.layer import Layer

REGULARISER = 0.1
"""Factor of the sum of ||W W^T - I|| over the first layers in the paper's loss."""


def bsconv_u(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """A pointwise layer and a depthwise one with the stride."""
    return _separated(layer, layer.inputs)


def bsconv_s(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """Two pointwise layers with a share of the input's channels between, and a depthwise one."""
    middle = min(layer.inputs, max(4, math.ceil(argument * layer.inputs)))
    return _separated(layer, middle)


def _separated(layer: Layer, middle: int) -> Chain:
    if layer.outputs == 1:
        raise RefusedError("one output channel; two or more are accepted")
    rank = min(middle, layer.outputs)
    weights, blueprints, variance = _blueprints(layer)
    narrow = middle < layer.inputs
    left, right = weights, None
    if weights is not None and narrow:
        left, right, _ = truncated(weights, rank)
    pointwise = [layer.pointwise_to("reduce", rank, right)] if narrow else []
    wide = layer.pointwise_to("pointwise", layer.outputs, left)
    pointwise.append(replace(wide, shape=(layer.outputs, rank if narrow else layer.inputs, 1, 1)))
    last = replace(
        layer.renamed("depthwise"),
        shape=(layer.outputs, 1, *layer.kernel),
        groups=layer.outputs,
        values=blueprints,
    )
    product = None
    if left is not None and blueprints is not None:
        product = (left if right is None else left @ right)[:, :, None, None] * blueprints
    return Chain((*pointwise, last), product, variance)


def _blueprints(layer: Layer) -> tuple[np.ndarray | None, np.ndarray | None, float | None]:
    """Weights ``[outputs, inputs]``, blueprints ``[outputs, 1, height, width]`` of unit norm, and
    the mean share of variance that they keep; None each without weights."""
    if layer.values is None:
        return None, None, None
    kernels = layer.values.reshape(layer.outputs, layer.inputs, -1)
    weights, blueprints, _ = truncated(kernels, 1)
    total = np.square(kernels).sum((1, 2))
    kept = np.square(weights).sum((1, 2)) / np.where(total > 0, total, 1)
    shares = np.where(total > 0, kept, 1)
    return weights[:, :, 0], blueprints.reshape(-1, 1, *layer.kernel), float(shares.mean())
