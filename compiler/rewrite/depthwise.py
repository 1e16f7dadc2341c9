"""Regular convolutions as depthwise separable ones, and depthwise ones with larger kernels.

``depthwise_svd`` follows He et al., arXiv 1910.09455: the kernels that read one input channel are a
matrix of output channels by taps, and its singular vectors are depthwise kernels. On calibration
data the decomposition is a generalised one: the metric of the taps is the second moment of what
they see, and that of the output channels what the next layer makes of them. Then the pointwise
layer is fitted again, over all channels at once, to the responses that the layer had before any
layer of the network was changed.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.rewrite.chain import (
    Chain,
    Moments,
    RefusedError,
    fitted,
    rank_of,
    regular,
    truncated,
)
from compiler.rewrite.layer import Layer

_RIDGE = 1e-6
"""Weight of what calibration data do not say."""


def takes_regular(layer: Layer) -> bool:
    """Whether the layer is regular and has more than one tap."""
    return layer.regular and math.prod(layer.kernel) > 1


def depthwise_svd(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """A depthwise layer of ``rank`` kernels for each channel, and a pointwise one."""
    taps = math.prod(layer.kernel)
    if layer.inputs == 1:
        raise RefusedError("one input channel; two or more are accepted")
    rank = rank_of(argument, min(layer.outputs, taps))
    kernels, weights, variance, bias = None, None, None, layer.bias
    if layer.values is not None:
        matrices = layer.values.reshape(layer.outputs, layer.inputs, taps).swapaxes(0, 1)
        patches = None if data is None else data.patches(layer)
        if patches is None or data is None:
            weights, kernels, variance = truncated(matrices, rank)
        else:
            kernels = _generalised(matrices, rank, patches, data.following(layer))
            given = data.given(layer)
            weights, bias = _pointwise(layer, kernels, patches, patches if given is None else given)
    first = Layer(
        f"{layer.name}/depthwise",
        (layer.inputs * rank, 1, *layer.kernel),
        layer.inputs,
        layer.stride,
        layer.dilation,
        layer.padding,
        values=None if kernels is None else kernels.reshape(-1, 1, *layer.kernel),
    )
    shape = (layer.outputs, layer.inputs * rank, 1, 1)
    last = Layer(f"{layer.name}/pointwise", shape, biased=layer.biased, bias=bias)
    if weights is None or kernels is None:
        return Chain((first, last))
    last = replace(last, values=weights.swapaxes(0, 1).reshape(shape))
    product = (weights @ kernels).swapaxes(0, 1).reshape(layer.shape)
    return Chain((first, last), product, variance)


def _generalised(
    matrices: np.ndarray, rank: int, patches: np.ndarray, following: np.ndarray | None
) -> np.ndarray:
    """Kernels ``[inputs, rank, taps]`` that reconstruct each channel's responses to the patches."""
    seen = np.einsum("nct,ncu->ctu", patches, patches) / len(patches)
    right = np.linalg.cholesky(regular(seen, _RIDGE))
    weighted = matrices @ right
    if following is not None:
        weighted = np.linalg.cholesky(regular(following.T @ following, _RIDGE)).T @ weighted
    _, kernels, _ = truncated(weighted, rank)
    kernels = np.linalg.solve(right.swapaxes(1, 2), kernels.swapaxes(1, 2)).swapaxes(1, 2)
    return np.asarray(kernels / np.linalg.norm(kernels, axis=2, keepdims=True))


def _pointwise(
    layer: Layer, kernels: np.ndarray, patches: np.ndarray, given: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights ``[inputs, outputs, rank]`` and the bias with which the kernels make of what they are
    given what the layer makes of the patches."""
    assert layer.values is not None
    basis = np.einsum("nct,crt->ncr", given, kernels).reshape(len(given), -1)
    wanted = patches.reshape(len(patches), -1) @ layer.values.reshape(layer.outputs, -1).T
    weights, bias = fitted(basis, wanted, layer, _RIDGE)
    return weights.reshape(*kernels.shape[:2], layer.outputs).swapaxes(1, 2), bias


def takes_depthwise(layer: Layer) -> bool:
    """Whether the layer is depthwise with a square kernel of odd size."""
    height, width = layer.kernel
    return layer.depthwise and height == width and height % 2 == 1 and height > 1


def larger_kernel(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """The layer with taps of zero around its kernel (Chen et al., arXiv 2104.14125)."""
    size, old = int(argument), layer.kernel[0]
    if size <= old or size % 2 == 0:
        raise RefusedError(f"kernel {size}; an odd one larger than its {old} is accepted")
    more = (size - old) // 2
    rows, columns = (more * d for d in layer.dilation)
    top, bottom, left, right = layer.padding
    sides = ((0, 0), (0, 0), (more, more), (more, more))
    values = None if layer.values is None else np.pad(layer.values, sides)
    larger = replace(
        layer,
        shape=(*layer.shape[:2], size, size),
        padding=(top + rows, bottom + rows, left + columns, right + columns),
        values=values,
    )
    inner = None if values is None else values[:, :, more:-more, more:-more]
    return Chain((larger,), inner, None if values is None else 1.0)
