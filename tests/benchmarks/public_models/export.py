"""``python -m tests.benchmarks.public_models.export``: definitions in PyTorch as ``.onnx`` files.

It imports nothing of this project but the list, so that another interpreter can run it: one that
has PyTorch and the packages of the definitions. Weights are random, their seed is fixed.
Statistics of batch normalisation are those of one random batch: otherwise the values of a deep
network shrink to nothing or overflow.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from tests.benchmarks.public_models.definitions import DEFINITIONS, Definition

_SEED, _BATCH = 0, 4


def main() -> int:
    """Export the definitions that the folder lacks: 0, or 1 if one cannot be exported."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of the list")
    parser.add_argument("-o", metavar="DIR", type=Path, required=True, help="folder of the files")
    arguments = parser.parse_args()
    arguments.o.mkdir(parents=True, exist_ok=True)
    failures = 0
    for name in arguments.names or DEFINITIONS:
        path = arguments.o / f"{name}.onnx"
        if not path.exists():
            failures += not _exported(DEFINITIONS[name], path)
    return min(failures, 1)


def _exported(definition: Definition, path: Path) -> bool:
    """Whether the file could be written; it is written whole or not at all."""
    start = time.process_time()
    partial = path.with_suffix(".partial")
    try:
        export(definition, partial)
    # What a definition or the exporter raises has no base class of its own.
    except Exception as fault:
        text = str(fault).strip().split("\n")[0]
        print(f"{path.stem}: not exported: {type(fault).__name__}: {text}", file=sys.stderr)
        return False
    partial.rename(path)
    print(f"{path.stem}: {time.process_time() - start:.0f} s of processor time", flush=True)
    return True


def export(definition: Definition, path: Path) -> None:
    """Write the definition with random weights as ``path``, by PyTorch's default exporter."""
    torch = importlib.import_module("torch")
    torch.manual_seed(_SEED)
    model = definition.build()
    _settle(torch, model, (_BATCH, *definition.shape))
    x = torch.randn(1, *definition.shape)
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(model, (x,), path, dynamo=True, external_data=False, verbose=False)


def _settle(torch: Any, model: Any, shape: tuple[int, ...]) -> None:
    """Make the model ready for use, its statistics those of a random batch of this shape."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    model.eval()
    for norm in norms:
        norm.train()
    if norms:
        with torch.no_grad():
            model(torch.randn(shape))
    model.eval()


if __name__ == "__main__":
    raise SystemExit(main())
