"""Faults of the input, which end a command with exit status 2, and failures, which end it with 1.

The message of a fault is one line that names the file, the node or key, the value found and what is
accepted. Faults of this project itself are assertions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CompilerError(Exception):
    """The input is at fault: a file, a model, a configuration or an option.

    Its message is one line: what cannot be printed in a line, as in names of files, is escaped.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputError(CompilerError):
    """A file cannot be read, or a model contradicts itself."""


class UnsupportedError(CompilerError):
    """A valid model uses an operator, a type or an attribute that is not handled."""


class ConfigError(CompilerError):
    """A configuration or an option has a value that is not accepted."""


class AllocationError(CompilerError):
    """A network does not fit the memories of the configuration."""


class Failure(Exception):
    """A tool or a run failed, and no input is at fault."""


def one_line(text: str) -> str:
    """The text with what cannot be printed in a line escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


#: Longest printed form of a value in a message.
MAX_SHOWN = 80


def show(value: object) -> str:
    """The value as a message prints it: its repr on one line, cut to ``MAX_SHOWN`` characters."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put ``where: `` in front of the message of any CompilerError raised inside."""
    try:
        yield
    except CompilerError as fault:
        raise type(fault)(f"{where}: {fault}") from None
