"""Runs the command that a command line names, and says how it ended."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence

from compiler.errors import CompilerError, Failure
from compiler.notes import choose
from hw.spec.config_keys import ConfigurationError


def dispatch(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """The exit status of a command: what its function returns, None for 0; 2 where the input is at
    fault, 1 for a :class:`compiler.errors.Failure`.

    Every command of ``parser`` has a function as its default ``command``, and the options of
    ``compiler.notes.add_verbosity``.
    """
    arguments = parser.parse_args(argv)
    choose(arguments.verbosity)
    command: Callable[[argparse.Namespace], int | None] = arguments.command
    try:
        return command(arguments) or 0
    except (CompilerError, ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
