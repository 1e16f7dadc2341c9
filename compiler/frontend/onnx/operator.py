"""An operator of an ONNX graph as its converter sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.references import array_of, is_reference


class Operator:
    """A node of the model. Attributes that the converter does not ask for are refused."""

    def __init__(self, proto: onnx.NodeProto, name: str, opset: int) -> None:
        self.op = proto.op_type
        self.name = name
        self.opset = opset
        self.inputs: tuple[str, ...] = tuple(proto.input)
        self.outputs: tuple[str, ...] = tuple(proto.output)
        self._attributes = {a.name: _value(a) for a in proto.attribute}
        self._asked: set[str] = set()

    @property
    def output(self) -> str:
        """The only output. Raises UnsupportedError when others are used."""
        if any(self.outputs[1:]):
            raise UnsupportedError(
                f"output {show(self.outputs[1])} next to the first; one output is accepted"
            )
        return self.outputs[0]

    def given(self, position: int) -> bool:
        """Whether the input at ``position`` is there."""
        return position < len(self.inputs) and bool(self.inputs[position])

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute as a number, a string, a list or a constant; ``default`` if absent."""
        self._asked.add(name)
        return self._attributes.get(name, default)

    def expect(self, name: str, default: Any, *accepted: Any) -> Any:
        """An attribute. Raises UnsupportedError when it has none of the ``accepted`` values."""
        value = self.attribute(name, default)
        if value not in accepted:
            choices = " or ".join(show(a) for a in accepted)
            raise UnsupportedError(f"{name} is {show(value)}; {choices} is accepted")
        return value

    def sizes(self, name: str, count: int, default: int) -> tuple[int, ...]:
        """An attribute of integers. Raises InputError when there are not ``count`` of them."""
        value = tuple(self.attribute(name, None) or (default,) * count)
        if len(value) != count:
            raise InputError(f"{name} is {show(list(value))}; {count} integers are accepted")
        return value

    def ignore(self, *names: str) -> None:
        """Attributes that have no effect on the values computed here."""
        self._asked.update(names)

    def check_all_asked(self) -> None:
        """Raise UnsupportedError, with name and value, for an attribute without meaning here."""
        for name, value in self._attributes.items():
            if name not in self._asked:
                raise UnsupportedError(
                    f"attribute {name} is {show(value)}; the attribute is not handled"
                )


def _value(attribute: onnx.AttributeProto) -> Any:
    if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
        raise UnsupportedError(f"attribute {attribute.name}: a graph inside; none is accepted")
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        return constant_array(value)
    return value


def constant_array(tensor: onnx.TensorProto) -> np.ndarray:
    """The values of a constant, read-only. Raises InputError where its bytes do not fit it."""
    array = array_of(tensor)
    array = array.view() if is_reference(tensor) else np.array(array)
    array.setflags(write=False)
    return array
