"""Functions of the user's: loaded from the text of a file, which travels to the workers."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from compiler.errors import InputError, show


@dataclass(frozen=True)
class Function:
    """A function by the file's name, the text of the file, and its own name."""

    file: str
    text: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"

    @property
    def content(self) -> tuple[str, str]:
        """The text of the file and the function's name."""
        return self.text, self.name

    def load(self) -> Callable[..., Any]:
        """The function. The file is run as a module, once. Raises InputError."""
        found = _module(self.file, self.text).get(self.name)
        if not callable(found):
            raise InputError(f"{self.file}: no function {show(self.name)}")
        function: Callable[..., Any] = found
        return function


@lru_cache(64)
def _module(file: str, text: str) -> dict[str, Any]:
    """The names of the module that a text makes."""
    # A name that no other module has; data classes look their module up.
    module = ModuleType(file)
    module.__file__ = file
    sys.modules[file] = module
    try:
        exec(compile(text, file, "exec"), vars(module))
    except Exception as fault:
        raise InputError(f"{file}: {described(fault)}") from fault
    return vars(module)


def read_function(text: str, folder: Path) -> Function:
    """The function that ``FILE.py:NAME`` names, a path from ``folder``. Raises InputError."""
    file, colon, name = text.rpartition(":")
    if not (colon and file.endswith(".py") and name.isidentifier()):
        raise InputError(f"function {show(text)}; FILE.py:NAME is accepted")
    path = folder / file
    try:
        return Function(str(path), path.read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: {getattr(fault, 'strerror', None) or fault}") from None


def check_arguments(function: Function, names: Sequence[str]) -> None:
    """Raise InputError unless the function can be called with arguments of these names."""
    try:
        inspect.signature(function.load()).bind(**dict.fromkeys(names))
    except TypeError as fault:
        raise InputError(f"{function}: arguments {', '.join(names) or 'none'}: {fault}") from None


def described(fault: BaseException) -> str:
    """The kind and the text of an exception, on one line."""
    return " ".join(f"{type(fault).__name__}: {fault}".split())
