"""cocotb's build of a simulation in a process group of its own, of which nothing outlives it.

make starts compilers; ending make alone would leave them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from compiler.errors import Failure

PATIENCE = 1.0
"""Seconds in which what was started removes its temporary files and ends; then it is killed."""


def build(simulator: str, folders: dict[str, str], options: dict[str, Any]) -> None:
    """Build as cocotb's runner for ``simulator`` does with ``options``.

    ``folders`` are paths that take the place of those in ``cocotb_tools.config``. Raises Failure
    when the build fails.
    """
    words = (simulator, json.dumps(folders), json.dumps(options))
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise Failure(said.strip())


def _end(leader: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGTERM)
        leader.wait()
        while time.monotonic() < limit:
            os.killpg(leader.pid, 0)
            time.sleep(0.02)
        os.killpg(leader.pid, signal.SIGKILL)


def main(simulator: str, folders: str, options: str) -> int:
    """The exit status of the build; the reason goes to standard output."""
    from cocotb_tools import config
    from cocotb_tools.runner import get_runner

    for name, path in json.loads(folders).items():
        setattr(config, name, Path(path))
    try:
        get_runner(simulator).build(**json.loads(options))
    except (RuntimeError, SystemExit) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
