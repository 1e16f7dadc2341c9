"""Processes of --jobs: they end with the command."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import compiler

MAIN = """
import signal, sys, time
from compiler.process import run_command
from compiler.workers import mapped

def main():
    with mapped(2) as workers:
        slept = workers(time.sleep, [300, 300])
        if "elsewhere" in sys.argv:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        print("begun", flush=True)
        list(slept)

if __name__ == "__main__":
    sys.exit(run_command(main))
"""


@pytest.mark.parametrize("thread", ["waits", "elsewhere"])
def test_a_terminated_command_does_not_wait_for_its_processes(thread, tmp_path, monkeypatch):
    """A signal that another thread takes does not end the wait of the one that waits; nor does one
    that comes just before the wait."""
    monkeypatch.setenv("PYTHONPATH", str(Path(compiler.__file__).parents[1]))
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, str(tmp_path / "main.py"), thread]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=100)
    assert (process.returncode, error) == (128 + signal.SIGTERM, "error: terminated\n")
