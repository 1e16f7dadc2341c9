"""What may come of a model file: a refusal that helps, or a right answer, in bounded time."""

from __future__ import annotations

import contextlib
import io
import math
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compiler.command_line import main
from compiler.ir.counts import macs
from compiler.load import load_model
from golden.arrays import random_inputs
from golden.network import run
from sim.host_golden import host_compute
from sim.program_reader import read_program
from sim.simulation import simulate

SECONDS = 60
"""Time that reading and mapping a small file may take."""
MOST_WORK = 20_000_000
"""Multiply-accumulates and elements up to which the values are checked as well."""


class Finding(AssertionError):
    """A file that the compiler handles wrongly."""


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Raise Finding in a body that takes too long."""

    def stop(*_: object) -> None:
        raise Finding(f"no end within {SECONDS} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


_PROGRESS = re.compile(r"^[^\n]*: \d+%\n", re.MULTILINE)
"""A state of the progress of what takes more than two seconds."""


def judge(path: Path, seed: int) -> str:
    """Map the model on ``tiny``: ``"refused"``, ``"large"`` (values not checked) or ``"right"``.

    Raises Finding for a status other than 0 and 2, a message that is not one line, and values that
    differ from golden's; what the compiler raises goes through.
    """
    folder = path.parent / "mapped"
    output, errors = io.StringIO(), io.StringIO()
    with time_limit(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = main(["map", str(path), "-o", str(folder), "--preset", "tiny", "--json"])
    if status == 2:
        message = _PROGRESS.sub("", errors.getvalue())
        if not (message.startswith("error: ") and message.count("\n") == 1):
            raise Finding(f"not one line that begins with 'error: ': {message!r}")
        if folder.exists():
            raise Finding("a folder is left behind")
        return "refused"
    if status:
        raise Finding(f"status {status}: {errors.getvalue()!r}")
    return _check_values(path, folder, seed)


def _check_values(path: Path, folder: Path, seed: int) -> str:
    graph = load_model(path)
    sizes = [math.prod(t.shape) for t in graph.tensors.values()]
    if max(sum(macs(graph).values()), *sizes) > MOST_WORK:
        return "large"
    plain = graph.to_dict()
    inputs = random_inputs(plain, seed)
    expected = run(plain, inputs)
    program = read_program(folder)
    result = simulate(program, inputs, compute=host_compute(program))
    if result.fault is not None:
        raise Finding(str(result.fault))
    for name, found in result.tensors.items():
        if not np.array_equal(found, expected[name]):
            raise Finding(f"tensor {name!r} differs from golden's")
    return "right"
