"""``python -m tests.benchmarks.public_models``: measure models, and write the table of them.

Each model is measured in a child process: its memory is its own, and its time has an end. Its row
goes to ``docs/results/public_models.json``, and ``docs/public_models.md`` is written anew from all
rows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from compiler.assets import AssetError
from compiler.cache_folder import cache_root
from compiler.frontend.onnx import Shapes
from hw.spec.config import preset
from tests.benchmarks.public_models.definitions import DEFINITIONS
from tests.benchmarks.public_models.files import ExportError, model_file
from tests.benchmarks.public_models.one_model import PRESET, measure
from tests.benchmarks.public_models.packaged import PACKAGED
from tests.benchmarks.public_models.table import PAGE, ROWS, page

_NAMES = (*DEFINITIONS, *PACKAGED)


def main() -> int:
    """Measure models and write the table: 0, or 2 for a model that cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: those without a row")
    parser.add_argument(
        "--python",
        metavar="FILE",
        default=sys.executable,
        help="interpreter that exports definitions: its environment has torch, torchvision, timm, "
        "segmentation-models-pytorch, spandrel and onnxscript (default: this one)",
    )
    parser.add_argument(
        "--folder", metavar="DIR", type=Path, default=cache_root() / "public_models"
    )
    parser.add_argument("--timeout", metavar="S", type=float, default=900.0, help="default: 900")
    parser.add_argument("--table", action="store_true", help="only write the table")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in _NAMES:
            parser.error(f"model {name!r}; {', '.join(_NAMES)} are accepted")
    rows = json.loads(ROWS.read_text()) if ROWS.exists() else {}
    missing = [name for name in _NAMES if name not in rows]
    for name in () if arguments.table else arguments.names or missing:
        try:
            model = model_file(name, arguments.folder, arguments.python)
        except (AssetError, ExportError) as fault:
            print(f"error: {fault}", file=sys.stderr)
            return 2
        shapes = PACKAGED[name].shapes if name in PACKAGED else {}
        rows[name] = _measured(model, shapes, arguments.timeout)
        print(name, json.dumps(rows[name]), flush=True)
        ordered = {known: rows[known] for known in _NAMES if known in rows}
        ROWS.write_text(json.dumps(ordered, indent=1) + "\n")
    PAGE.write_text(page(rows))
    return 0


def _measured(model: Path, shapes: Shapes, seconds: float) -> dict[str, Any]:
    """The row of a model; one that takes longer, or ends our own program, does not map."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_report, args=(model, shapes, sender))
    child.start()
    sender.close()
    try:
        found: dict[str, Any] = receiver.recv() if receiver.poll(seconds) else {}
    except EOFError:
        child.join()
        found = {"maps": False, "why": f"our own fault: exit status {child.exitcode}"}
    if not found:
        child.kill()
        found = {"maps": False, "why": f"not done after {seconds:g} s"}
    child.join()
    return found


def _report(model: Path, shapes: Shapes, sender: Connection) -> None:
    """Send the row of the model; any fault but one of the model's is our own."""
    try:
        sender.send(measure(model, shapes, preset(PRESET)))
    except Exception as fault:
        traceback.print_exc()
        text = str(fault).strip().split("\n")[0]
        sender.send({"maps": False, "why": f"our own fault: {type(fault).__name__}: {text}"})


if __name__ == "__main__":
    raise SystemExit(main())
