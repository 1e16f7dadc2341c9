"""``python -m compiler.demo``: a real network on a real picture, mapped, simulated and answered."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from compiler.assets import (
    AssetError,
    imagenet_labels,
    imagenet_pictures,
    lite0_path,
)
from compiler.errors import CompilerError
from compiler.load import load_model
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from golden.declared import tensor_qparams
from golden.pictures import load_picture
from golden.quant import dequantize
from hw.spec.config import preset
from sim.host_golden import host_compute
from sim.program import Program
from sim.program_reader import read_program
from sim.progress import reporting
from sim.simulation import simulate

FOLDER = Path("out/efficientnet_lite0")
PRESET = "edge256"
BEST = 5
"""Classes shown."""


def main() -> int:
    """Map, simulate and print the answer: 0 done, 1 a file could not be fetched."""
    try:
        picture, label = imagenet_pictures()[0]
        graph = load_model(lite0_path())
        report = map_graph(graph, preset(PRESET), CompilerOptions(), FOLDER, quiet=False)
        names = imagenet_labels()
        scores = _scores(read_program(FOLDER), load_picture(picture))
    except (AssetError, CompilerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{picture.name}, a picture of {names[label]}:")
    for index in np.argsort(-scores, kind="stable")[:BEST]:
        print(f"  {scores[index]:6.1%}  {names[index]}")
    print(
        f"{report['cycles']:,} cycles, utilisation {report['utilization']:.2%}; "
        f"report: {FOLDER / 'report.html'}"
    )
    return 0


def _scores(program: Program, picture: np.ndarray) -> np.ndarray:
    """Probabilities of the classes, float32."""
    (source,), (output,) = program.graph["inputs"], program.graph["outputs"]
    with reporting(f"simulating {program.network}") as progress:
        result = simulate(
            program, {source: picture}, progress=progress, compute=host_compute(program)
        )
    tensor = program.graph["tensors"][output]
    return dequantize(result.tensors[output].ravel(), tensor_qparams(tensor))


if __name__ == "__main__":
    sys.exit(main())
