"""A pointwise or fully connected layer as two of low rank, by singular value decomposition."""

from __future__ import annotations

from dataclasses import replace

from compiler.rewrite.chain import Chain, Moments, rank_of, truncated
from compiler.rewrite.layer import Layer


def takes_pointwise(layer: Layer) -> bool:
    """Whether the layer is pointwise or fully connected."""
    return layer.pointwise


def low_rank(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """``[outputs, rank]`` times ``[rank, inputs]``; the first layer has the stride."""
    rank = rank_of(argument, min(layer.inputs, layer.outputs))
    weights = layer.matrix()
    left, right, variance = (None, None, None) if weights is None else truncated(weights, rank)
    first = replace(layer.pointwise_to("reduce", rank, right), stride=layer.stride)
    last = replace(
        layer.renamed("expand"),
        shape=(layer.outputs, rank, 1, 1),
        stride=(1, 1),
        values=None if left is None else left[:, :, None, None],
    )
    product = None if left is None or right is None else (left @ right)[:, :, None, None]
    return Chain((first, last), product, variance)
