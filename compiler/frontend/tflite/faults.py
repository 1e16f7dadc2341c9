"""Everything that is in the way of a model's operators, in one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compiler.errors import CompilerError, InputError, UnsupportedError, show
from compiler.frontend.called import first_of
from compiler.frontend.tflite.flatbuf import FlatbufferError, Table
from compiler.frontend.tflite.schema import OperatorSlot
from compiler.frontend.tflite.tensors import TensorReader

#: Faults of one model that its message names, and operators that have the same.
MAX_FAULTS = 12
MAX_PLACES = 3


class Faults:
    """Faults so far: the operators by what is wrong with them."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self._kinds: set[type[CompilerError]] = set()

    @contextmanager
    def of(self, index: int, builtin: str, table: Table, tensors: TensorReader) -> Iterator[None]:
        """Note the fault of an operator, which ends the body; NumPy finds those of its operands."""
        try:
            yield
        except (FlatbufferError, UnicodeDecodeError):
            raise
        except CompilerError as fault:
            text, kind = str(fault), type(fault)
        except (ValueError, IndexError, ZeroDivisionError) as fault:
            text, kind = f"operands that do not fit each other: {fault}", InputError
        else:
            return
        where = f"operator {index} ({builtin}){_made(table, tensors)}"
        self._places.setdefault(text, []).append(where)
        self._kinds.add(kind)

    def raise_all(self) -> None:
        """Raise them in one, an InputError if one of them is."""
        if not self._places:
            return
        texts = [_several(where, text) for text, where in self._places.items()]
        left = [f"{len(texts) - MAX_FAULTS} more"] if len(texts) > MAX_FAULTS else []
        kind = UnsupportedError if self._kinds == {UnsupportedError} else InputError
        raise kind(" | ".join([*texts[:MAX_FAULTS], *left]))


def _several(where: list[str], text: str) -> str:
    left = f" and {len(where) - MAX_PLACES} more" if len(where) > MAX_PLACES else ""
    return f"{', '.join(where[:MAX_PLACES])}{left}: {text}"


def _made(table: Table, tensors: TensorReader) -> str:
    """The name of the first tensor that the operator makes, for messages."""
    outputs = table.vector(OperatorSlot.OUTPUTS, "i4")
    if not outputs.size or outputs[0] < 0:
        return ""
    return f" {show(first_of(tensors.name(int(outputs[0]))))}"
