"""Values that names of an ONNX graph stand for while it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.frontend.onnx.views import View
from compiler.ir.graph import Tensor


@dataclass(frozen=True)
class Constant:
    """Values known when the model is read; ``name`` names them."""

    name: str
    array: np.ndarray


@dataclass(frozen=True)
class QuantConstant:
    """Constant stored values with their scales: ``real = scale * (steps - zero_point)``.

    ``scale`` and ``zero_point`` have one value, or one per index of ``axis``.
    """

    name: str
    steps: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int | None

    @property
    def centred(self) -> np.ndarray:
        """Stored values minus their zero points, shaped as ``steps``.

        They are int64, or the steps themselves where all zero points are 0.
        """
        if not self.zero_point.any():
            return self.steps
        zero_point = self.zero_point.astype(np.int64).reshape(self._along)
        return self.steps.astype(np.int64) - zero_point

    @property
    def real(self) -> np.ndarray:
        """The values that the constant stands for, float64, shaped as ``steps``."""
        return self.centred * self.scale.astype(np.float64).reshape(self._along)

    @property
    def _along(self) -> list[int]:
        shape = [1] * self.steps.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        return shape


@dataclass(frozen=True)
class Input:
    """A real-valued input of the network, before its QuantizeLinear."""

    name: str
    view: View


@dataclass(frozen=True)
class Stored:
    """The stored integers of a tensor of the graph; ``dtype`` is the model's own type."""

    tensor: str
    view: View
    dtype: str = "int8"


@dataclass(frozen=True)
class Real:
    """The real values of a tensor of the graph."""

    tensor: str
    view: View


@dataclass(frozen=True)
class Function:
    """A function of the real values of one tensor, element by element.

    ``apply`` computes it in float64; ``op`` names it if it is one of the graph's operators.
    ``label`` is the name of the model's node.
    """

    tensor: str
    view: View
    apply: Callable[[np.ndarray], np.ndarray]
    op: str = "lookup"
    attrs: dict[str, Any] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class Pending:
    """The real result of an operator that waits for its QuantizeLinear.

    ``inputs`` are names of tensors, or constants that become tensors with the node; ``shape`` is
    the graph's shape of the result. ``low`` and ``high`` bound it, as an activation function does.
    ``origin`` is one object for all that is made from one result; ``label`` is the name of the
    model's node that made it.
    """

    op: str
    inputs: tuple[str | Tensor, ...]
    attrs: dict[str, Any]
    shape: tuple[int, ...]
    view: View
    low: float = -np.inf
    high: float = np.inf
    origin: object = field(default_factory=object)
    label: str = ""


@dataclass(frozen=True)
class Hosted:
    """A result of the host's, not rounded yet; ``dtype`` is NumPy's name of its type.

    ``reason`` says why the array has no form of the operator.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    reason: str


@dataclass(frozen=True)
class Refused:
    """Result that an operator would make that is refused."""


Activation = Input | Stored | Real | Function | Pending
Value = Constant | QuantConstant | Activation | Hosted | Refused
