"""A build that is interrupted leaves no compiler behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUILD = """
import signal, sys
from compiler.process import run_command
from hw.tools.verilator import build
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run_command(lambda: build("m", {"m.v": "module m(input clk);\\nendmodule\\n"})))
"""
COMPILER = "#!/bin/sh\n{}\necho $$ >> {}/started\nexec sleep 300\n"
IGNORES = "trap '' TERM"


@pytest.mark.parametrize(
    ("number", "first"), [(signal.SIGINT, ""), (signal.SIGTERM, ""), (signal.SIGTERM, IGNORES)]
)
def test_no_compiler_outlives_the_build(number, first, tmp_path):
    compiler = tmp_path / "bin" / "c++"
    compiler.parent.mkdir()
    compiler.write_text(COMPILER.format(first, tmp_path))
    compiler.chmod(0o755)
    path = f"{compiler.parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: (tmp_path / "started").is_file() and (tmp_path / "started").read_text())
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    pids = (tmp_path / "started").read_text().split()
    until(lambda: not any(runs(pid) for pid in pids))


def until(holds):
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


def runs(pid: str) -> bool:
    """Whether a process is there that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
