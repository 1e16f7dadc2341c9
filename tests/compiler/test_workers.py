"""Processes of --jobs: they end with the command."""

import signal
import subprocess
import sys
from pathlib import Path

import compiler

MAIN = """
import sys, time
from compiler.process import run_command
from compiler.workers import mapped

def main():
    with mapped(2) as workers:
        slept = workers(time.sleep, [300, 300])
        print("begun", flush=True)
        list(slept)

if __name__ == "__main__":
    sys.exit(run_command(main))
"""


def test_a_terminated_command_does_not_wait_for_its_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(compiler.__file__).parents[1]))
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, str(tmp_path / "main.py")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=100)
    assert (process.returncode, error) == (128 + signal.SIGTERM, "error: terminated\n")
