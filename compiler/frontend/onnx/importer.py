"""The graph while a model is read into it: tensors, nodes, and the values of the model's names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.called import Names
from compiler.frontend.onnx.model_graph import ModelGraph
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import (
    Activation,
    Constant,
    Function,
    Hosted,
    Pending,
    QuantConstant,
    Real,
    Refused,
    Stored,
    Value,
)
from compiler.frontend.onnx.views import View, channels_last
from compiler.ir.graph import Declared, Node, Quant, Tensor
from compiler.ir.ops import MAX_ATTR
from compiler.ir.shapes import infer_shape


class RefusedInputError(Exception):
    """An operator reads what a refused one would make: there is nothing more to say."""


_KINDS = {
    Constant: "a constant",
    QuantConstant: "a constant",
    Stored: "a stored tensor",
    Hosted: "the host's",
}


class Importer:
    """Tensors and nodes made so far, and what each name of the model stands for.

    ``names`` gives tensors another name than their QuantizeLinear's; ``graph`` is the model's;
    ``inputs`` has the graph's shapes of the network's real inputs and how they lie in memory;
    ``stored`` has the tensors of what was pending, by its origin, and the parameters and bounds
    that it was stored with; ``outputs`` are the network's so far; ``tried`` has the bodies of the
    host that compute.
    """

    def __init__(self, names: dict[str, str], graph: ModelGraph) -> None:
        self.names = names
        self.graph = graph
        self.inputs: dict[str, tuple[tuple[int, ...], View]] = {}
        self.outputs: list[str] = []
        self._node_names = Names()
        self._moved: dict[tuple[Any, ...], str] = {}
        self.stored: dict[tuple[object, ...], str] = {}
        self.tried: set[str] = set()
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.values: dict[str, Value] = {}

    def value(self, op: Operator, position: int) -> Value:
        """The value of the input at ``position``. Raises InputError when it is absent."""
        if not op.given(position):
            raise InputError(f"input {position} is absent; a tensor is accepted")
        value = self.values[op.inputs[position]]
        if isinstance(value, Refused):
            raise RefusedInputError
        return value

    def activation(self, op: Operator, position: int = 0) -> Activation:
        """Likewise; raises UnsupportedError for a constant."""
        value = self.value(op, position)
        if isinstance(value, Constant | QuantConstant):
            raise UnsupportedError(
                f"input {show(op.inputs[position])} is a constant; an activation is accepted"
            )
        if isinstance(value, Hosted):
            raise UnsupportedError(f"input {show(op.inputs[position])} is the host's")
        assert not isinstance(value, Refused), "value() raises"
        return value

    def real(self, op: Operator, position: int = 0) -> Real:
        """An input between DequantizeLinear and the operator. Raises UnsupportedError."""
        value = self.value(op, position)
        if not isinstance(value, Real):
            kind = _KINDS.get(type(value), "a real value that no QuantizeLinear rounds")
            raise UnsupportedError(
                f"input {show(op.inputs[position])} is {kind}; the output of a DequantizeLinear of "
                "an activation is accepted"
            )
        return value

    def array(self, name: str) -> np.ndarray:
        """The values of a tensor that is constant and not quantised, in the model's shape."""
        value = self.values[name]
        assert isinstance(value, Constant), name
        return value.array

    def constant(self, op: Operator, position: int) -> np.ndarray:
        """The values of a constant input, in its shape; those of a quantised one in float64.

        Raises UnsupportedError when it is computed.
        """
        value = self.value(op, position)
        if isinstance(value, QuantConstant):
            return value.real
        if not isinstance(value, Constant):
            raise UnsupportedError(
                f"input {show(op.inputs[position])} is computed; a constant is accepted"
            )
        return value.array

    def integers(self, op: Operator, position: int) -> tuple[int, ...]:
        """A constant input of integers such as a shape. Raises InputError for other arrays."""
        array = self.constant(op, position)
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise InputError(
                f"input {show(op.inputs[position])} is {array.dtype} {list(array.shape)}; a list "
                "of integers is accepted"
            )
        return tuple(int(v) for v in array.reshape(-1))

    def quant(self, tensor: str) -> Quant:
        """The parameters of an activation."""
        quant = self.tensors[tensor].quant
        assert quant is not None, "every activation has parameters"
        return quant

    def unique(self, name: str) -> str:
        """``name``, with a number after it if a tensor has that name already."""
        found, number = name, 1
        while found in self.tensors:
            found, number = f"{name}_{number}", number + 1
        return found

    def add_tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        quant: Quant | None,
        view: View,
        dtype: str = "int8",
    ) -> str:
        """A new activation; ``view`` is the model's array in it. Returns its name.

        ``dtype`` is the type in the model: int8, uint8, or float32, which is stored as int8.
        Without ``quant`` it is stored as it is.
        """
        name = self.unique(name)
        order = view.order
        declared = None if order is None else Declared(dtype, view.shape, order, "even")
        stored = "int8" if dtype == "float32" and quant is not None else dtype
        self.tensors[name] = Tensor(name, shape, stored, quant, declared=declared)
        return name

    def emit(
        self,
        op: str,
        inputs: tuple[str | Tensor, ...],
        attrs: dict[str, Any],
        name: str,
        quant: Quant | None,
        view: View,
        dtype: str = "int8",
        label: str = "",
    ) -> str:
        """A node with its output; constants among ``inputs`` become tensors. Returns the output.

        The node is called ``label``, or else as its output is.
        """
        names = []
        for operand in inputs:
            if isinstance(operand, Tensor):
                operand = replace(operand, name=self.unique(operand.name))
                self.tensors[operand.name] = operand
                operand = operand.name
            names.append(operand)
        name = self.unique(name)
        called = self._node_names.unique(label or name)
        node = Node(called, op, tuple(names), (name,), attrs)
        self.add_tensor(name, infer_shape(node, self.tensors), quant, view, dtype)
        self.nodes.append(node)
        return name

    def pending(
        self,
        op: str,
        inputs: tuple[str | Tensor, ...],
        attrs: dict[str, Any],
        view: View | None = None,
    ) -> Pending:
        """The result of an operator; its view defaults to channels first in the model."""
        tensors = {t.name: t for t in inputs if isinstance(t, Tensor)}
        names = tuple(t.name if isinstance(t, Tensor) else t for t in inputs)
        shape = infer_shape(Node("", op, names, ("",), attrs), {**self.tensors, **tensors})
        if view is None:
            batch, height, width, channels = shape
            view = channels_last((batch, channels, height, width))
        return Pending(op, inputs, attrs, shape, view)

    def reshaped(self, tensor: str, shape: tuple[int, ...], view: View) -> str:
        """The tensor in another shape of the graph; itself if it has that shape."""
        if self.tensors[tensor].shape == shape:
            return tensor
        return self.once("reshape", (tensor,), {"shape": shape}, view)

    def once(self, op: str, inputs: tuple[str, ...], attrs: dict[str, Any], view: View) -> str:
        """The output of a node that moves data; one node for all that read it."""
        key = (op, *inputs, *attrs.values())
        if key not in self._moved:
            first = inputs[0]
            self._moved[key] = self.emit(
                op, inputs, attrs, f"{first}/{op}", self.quant(first), view
            )
        return self._moved[key]

    def channels_last(self, x: Real, rank: int = 4) -> str:
        """A tensor ``[1, H, W, C]`` of the model's array ``[1, C, H, W]``, or ``[1, C, L]``.

        A channel shuffle becomes a node, and so does what rearranges memory. Raises
        UnsupportedError for other arrays.
        """
        shape = x.view.shape
        if rank not in (3, 4):
            raise UnsupportedError(
                f"an input of shape {list(shape)}; 3 or 4 dimensions are accepted"
            )
        if len(shape) != rank or shape[0] != 1:
            raise UnsupportedError(
                f"an input of shape {list(shape)}; {rank} dimensions and batch 1 are accepted"
            )
        x = self.unshuffled(x)
        height = shape[2] if rank == 4 else 1
        whole = (1, height, shape[-1], shape[1])
        if x.view.runs != channels_last(shape).runs:
            return self.rearranged(x, (0, *range(2, rank), 1), whole).tensor
        found = self.tensors[x.tensor].shape
        hosted = {n.outputs[0] for n in self.nodes if n.op in ("host", "rearrange")}
        other_rows = len(found) == 4 and found[-1] == whole[-1] and found != whole
        if x.tensor in hosted or not other_rows:
            return self.reshaped(x.tensor, whole, x.view)
        # As many pixels in other rows: the array has no such view of a map.
        if x.tensor in self.inputs and not any(x.tensor in node.inputs for node in self.nodes):
            self.inputs[x.tensor] = (whole, self.inputs[x.tensor][1])
            self.tensors[x.tensor] = replace(self.tensors[x.tensor], shape=whole)
            return x.tensor
        return self.rearranged(x, (0, *range(2, rank), 1), whole).tensor

    def rearranged(self, x: Real, order: tuple[int, ...], shape: tuple[int, ...]) -> Real:
        """``x`` in a tensor of ``shape`` that has the model's axes, each whole, in ``order``."""
        view = x.view.laid_out(order)
        layout = {**x.view.layout, "order": [x.view.memory.index(atom) for atom in view.memory]}
        layout["shape"] = list(shape)
        key = ("rearrange", x.tensor, tuple(layout["order"]), tuple(layout["split"]), shape)
        if key not in self._moved:
            quant, attrs = self.quant(x.tensor), {"layout": layout, "shape": shape}
            self._moved[key] = self.emit(
                "rearrange", (x.tensor,), attrs, f"{x.tensor}/rearrange", quant, view
            )
        return Real(self._moved[key], view)

    def unshuffled(self, x: Real) -> Real:
        """``x`` with its channels in order: those of a channel shuffle go through a node."""
        runs, shape = x.view.runs, x.view.shape
        if len(runs) < 2 or runs[-1].axis != runs[-2].axis:
            return x
        axis, (outer, inner) = runs[-1].axis, runs[-2:]
        shuffled = outer.step == 1 and inner.step == outer.size
        if not shuffled or outer.size * inner.size != shape[axis] or outer.size > MAX_ATTR:
            return x
        atoms = x.view.memory[: len(x.view.memory) - len(x.view.axes[axis])]
        view = View(atoms + x.view.axes[axis], x.view.axes)
        tensor = self.with_channels(x.tensor, shape[axis], x.view)
        return Real(self.once("channel_shuffle", (tensor,), {"groups": outer.size}, view), view)

    def with_channels(self, tensor: str, channels: int, view: View, rank: int = 4) -> str:
        """The tensor in ``rank`` or four dimensions of which the last has ``channels`` elements."""
        shape = self.tensors[tensor].shape
        if len(shape) in (rank, 4) and shape[-1] == channels:
            return tensor
        elements = int(np.prod(shape))
        return self.reshaped(tensor, (1, 1, elements // channels, channels), view)

    def channels_at(self, x: Real, axis: int, rank: int = 4) -> tuple[str, View]:
        """A tensor ``[1, H, W, C]`` whose channels are the model's ``axis``, and the view of it.

        It may have ``rank`` dimensions too. Raises UnsupportedError where that axis is not the
        innermost of memory.
        """
        x = self.unshuffled(x)
        if not x.view.ends_with(axis):
            raise UnsupportedError(
                f"axis {axis} of an input of shape {list(x.view.shape)}; the axis of the channels "
                "is accepted"
            )
        return self.with_channels(x.tensor, x.view.shape[axis], x.view, rank), x.view

    def ending_with(self, x: Real, axis: int) -> Real:
        """``x`` in a tensor whose memory ends with the model's ``axis``."""
        x = self.unshuffled(x)
        if not x.view.ends_with(axis):
            channels = x.view.shape[axis]
            pixels = int(np.prod(x.view.shape)) // channels
            order = (*(a for a in range(len(x.view.shape)) if a != axis), axis)
            x = self.rearranged(x, order, (1, 1, pixels, channels))
        return x

    def function(self, x: Real | Function) -> Function:
        """``x`` as a function of its tensor."""
        if isinstance(x, Function):
            return x
        return Function(x.tensor, x.view, lambda values: values, "identity")
