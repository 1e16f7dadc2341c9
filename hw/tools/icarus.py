"""Icarus Verilog: finds it, and compiles simulations once per content.

Slower than Verilator by far, but event-driven and of four states: what a design leaves undefined
shows as ``x``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.tools.verilator import (
    ToolError,
    cached,
    compiled,
)


def find_tool() -> str:
    """The version of the Icarus Verilog on PATH. Raises :class:`ToolError` without one."""
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        raise ToolError("iverilog not found: sudo apt-get install iverilog")
    answer = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
    match = re.search(r"Icarus Verilog version (\S+)", answer.stdout)
    return match[1] if match else answer.stdout


def build(
    top: str,
    sources: Mapping[str, str],
    parameters: Mapping[str, int],
    options: Sequence[str] = (),
) -> Path:
    """Compile a simulation, or find it compiled, and return its folder.

    Arguments and folder as those of :func:`hw.tools.verilator.build`; the sources are
    SystemVerilog, and ``options`` are more of iverilog's.
    """
    parts = [find_tool(), *options]

    def make(folder: Path) -> None:
        compiled("icarus", folder, top, sources, parameters, options)

    return cached("icarus", top, sources, parameters, parts, make)
