"""Work shared out to processes, as --jobs asks for."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from compiler.errors import InputError
from compiler.process import Terminated
from compiler.quantities import whole

MOST_JOBS = 256
"""Processes at most."""


def add_jobs_option(command: argparse.ArgumentParser) -> None:
    """Add --jobs."""
    command.add_argument("--jobs", metavar="N", default="1", help="processes (default: 1)")


def jobs_of(arguments: argparse.Namespace) -> int:
    """The processes that --jobs asks for. Raises ConfigError."""
    return whole(arguments.jobs, "--jobs", 1, MOST_JOBS)


@contextmanager
def mapped(jobs: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A ``map`` with so many processes, which leave interruptions to this one.

    Raises InputError where one of them was ended from outside.
    """
    if jobs == 1:
        yield map
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context("spawn")
    ignore = (signal.SIGINT, signal.SIG_IGN)
    workers = ProcessPoolExecutor(jobs, context, signal.signal, ignore)
    try:
        yield workers.map
    except BrokenProcessPool:
        raise InputError(
            f"--jobs {jobs}: a process was ended, for its memory perhaps; try fewer"
        ) from None
    except (KeyboardInterrupt, Terminated):
        # Nobody waits for what they are at.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        workers.shutdown(cancel_futures=True)
