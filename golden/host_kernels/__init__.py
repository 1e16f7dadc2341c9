"""NumPy kernels where ONNX's reference implementation loops over pixels, or has no such case.

Imported only where a network has a ``host`` node: ONNX takes a moment to load.
"""

from __future__ import annotations

from typing import Any

from golden.host_kernels import movement, pools, resize, softmax, transposed

#: First operator set in which Softmax and its like compute along one axis.
_ONE_AXIS = 13


def kernels(opset: int) -> list[Any]:
    """The kernels for an operator set, as ``onnx.reference.ReferenceEvaluator`` takes them."""
    common = [
        movement.Pad,
        pools.AveragePool,
        pools.LRN,
        pools.LpPool,
        pools.MaxPool,
        resize.Resize,
        transposed.ConvTranspose,
    ]
    return common if opset >= _ONE_AXIS else [*common, softmax.Softmax, softmax.LogSoftmax]
