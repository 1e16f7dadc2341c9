"""The process around a command: its streams, signals and exit status."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from compiler.extras import missing_package

FAILED = 1
"""Exit status of what is neither done nor the input's fault."""

CLOSED = "standard output was closed"


class Terminated(BaseException):
    """SIGTERM, as an exception, so that temporary files go."""


SIGNALS = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}
"""Signals that end a command, by the exceptions that they raise."""


def run_command(main: Callable[[], int]) -> int:
    """The exit status of ``main``, whose output is written by then.

    A closed pipe or standard output, a full disk, a missing package and an interruption are one
    line and a status of their own: 1, and 128 and the signal's number. A character that the
    terminal's encoding lacks becomes ``?``.
    """
    if sys.stdout is None or sys.stderr is None:
        return _without_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _raise_again
    try:
        return _status(main)
    finally:
        # What is done stays done while Python ends.
        for number in SIGNALS.values():
            signal.signal(number, signal.SIG_IGN)


def _status(main: Callable[[], int]) -> int:
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        return _stopped(CLOSED, FAILED)
    except SystemExit as error:
        # rich ends the process without a word.
        if isinstance(error.__context__, BrokenPipeError):
            return _stopped(CLOSED, FAILED)
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _stopped(f"{place}{error.strerror or error}", FAILED)
    except ModuleNotFoundError as error:
        line = missing_package(error)
        if line is None:
            raise
        return _stopped(line, FAILED)
    except KeyboardInterrupt:
        return _stopped("interrupted", 128 + signal.SIGINT)
    except Terminated:
        return _stopped("terminated", 128 + signal.SIGTERM)


def _stopped(text: str, status: int) -> int:
    """Say why, and let nothing more be written: what is buffered has nowhere to go."""
    with contextlib.suppress(OSError):
        print(f"error: {text}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _without_streams() -> int:
    """Refuse to start: files that are opened would take the numbers of the streams."""
    if sys.stderr is not None:
        print("error: standard output is closed", file=sys.stderr)
    return FAILED


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """Send this process a signal again whose exception came where C code calls Python: llvmlite's
    callbacks, or the collection of garbage. It is lost there."""
    number = SIGNALS.get(lost.exc_type)
    if number is None:
        sys.__unraisablehook__(lost)
    else:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
