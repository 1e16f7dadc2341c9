"""Work shared out to processes, as --jobs asks for."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from compiler.errors import InputError
from compiler.process import Terminated
from compiler.quantities import whole

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_JOBS = 256
"""Processes at most."""
WAIT_S = 0.2
"""Seconds of one wait for a result. A signal that comes between Python's last look for one and the
wait is seen only after it."""


def add_jobs_option(command: argparse.ArgumentParser) -> None:
    """Add --jobs."""
    command.add_argument("--jobs", metavar="N", default="1", help="processes (default: 1)")


def jobs_of(arguments: argparse.Namespace) -> int:
    """The processes that --jobs asks for. Raises ConfigError."""
    return whole(arguments.jobs, "--jobs", 1, MOST_JOBS)


@contextmanager
def mapped(jobs: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A ``map`` with so many processes, which leave interruptions to this one. Its results come in
    the order of the arguments.

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

    def ordered(function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        futures = [workers.submit(function, *each) for each in zip(*arguments, strict=False)]
        return map(_result, futures)

    try:
        yield ordered
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


def _result(future: Future[Any]) -> Any:
    from concurrent.futures import wait

    while not future.done():
        wait([future], WAIT_S)
    return future.result()
