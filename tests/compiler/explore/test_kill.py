"""A sweep that is killed, the processes that worked for it, and the run after it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import compiler
from compiler.explore.sweep import explore
from tests.compiler.explore.spaces import two_networks

ROOT = Path(compiler.__file__).parents[1]
PATIENCE = 300.0
"""Seconds until a process must have done what it is waited for."""


def wait_for(what):
    """Wait until ``what`` gives something, and return it."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def children(pid):
    """Processes that a process has started, whichever thread did."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(x) for path in found for x in path.read_text().split()]


def is_there(pid):
    """Whether a process is there and has not ended: nobody may wait for one that has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.full
def test_a_killed_sweep_leaves_no_process_and_loses_no_row(tmp_path):
    sizes = ", ".join(str(8192 + 32 * n) for n in range(60))
    space, out = two_networks(tmp_path, sizes), tmp_path / "out"
    words = ["-m", "compiler", "explore", str(tmp_path / "space.toml"), "-o", str(out)]
    words += ["--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen: dict[str, bytes] = {}
    for resume in ([], ["--resume"]):
        run = subprocess.Popen([sys.executable, *words, *resume], env=environment)
        before = len(seen)
        wait_for(lambda before=before: len(list(out.glob("rows/0*.parquet"))) > before)
        own = children(run.pid)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert own
        wait_for(lambda own=own: not any(map(is_there, own)))
        now = {p.name: p.read_bytes() for p in out.glob("rows/0*.parquet")}
        assert seen.items() <= now.items()
        seen = now
    sweep = explore(space, out, 2, resume=True)
    assert sweep.recorded and sweep.recorded + sweep.computed == 2 * 60 * 3
    assert all(score.objectives for score in sweep.scores)


@pytest.mark.full
def test_a_sweep_runs_beside_another_without_a_word(tmp_path, capfd):
    """The port of Dask's page, 8787, is taken."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("", 8787))
            taken.listen()
        assert explore(two_networks(tmp_path), tmp_path / "out", 2).computed == 12
    assert "8787" not in capfd.readouterr().err
