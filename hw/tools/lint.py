"""Verilator's lint of the generated Verilog, but for what ``lint.vlt`` waives with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hw.tools.verilator import find_tool

WAIVERS = Path(__file__).with_suffix(".vlt")


def lint(verilog: str, top: str) -> list[str]:
    """Warnings of ``verilator --lint-only -Wall`` about the Verilog text, line by line.

    Raises ToolError when Verilator is missing.
    """
    tool = find_tool()
    with TemporaryDirectory() as folder:
        name = f"{top}.v"
        Path(folder, name).write_text(verilog)
        environment = {**os.environ, **tool.environment}
        verilator = shutil.which("verilator", path=environment["PATH"])
        assert verilator is not None
        result = subprocess.run(
            [verilator, "--lint-only", "-Wall", "--top-module", top, str(WAIVERS), name],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    lines = (result.stdout + result.stderr).splitlines()
    found = [line for line in lines if line.startswith("%")]
    assert bool(found) == bool(result.returncode), "\n".join(lines)
    return found
