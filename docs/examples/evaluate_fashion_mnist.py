"""``python -m docs.examples.evaluate_fashion_mnist DIR``: accuracy of a trained network.

DIR holds what ``docs.examples.train_fashion_mnist`` wrote. The float model runs in onnxruntime;
quantised after training and mapped, it runs on the simulator's values. Results do not depend on the
preset: the default is the one that simulates fastest.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnxruntime

from compiler.codegen.program import write
from compiler.driver import compile
from compiler.ir.graph import Graph
from compiler.load import load_model
from docs.examples.fashion_mnist import (
    CALIBRATION,
    MODEL,
    load,
    prepare,
)
from golden.declared import from_declared
from golden.network import run as golden_run
from hw.spec.config import PRESETS, AccelConfig, preset
from sim.program_reader import (
    Program,
    read_program,
)
from sim.progress import reporting
from sim.simulation import (
    run_timing,
    run_values,
)

TEST_PICTURES = 10_000
CHUNK = 50
"""Pictures that a process takes at a time."""


@dataclass(frozen=True)
class Scores:
    """Of ``pictures``: right answers in float and in int8, and equal ones.

    ``exact`` counts the pictures, of those ``checked``, on which every tensor that the simulator
    stores equals golden's; ``cycles`` are those of one picture.
    """

    pictures: int
    float_right: int
    int8_right: int
    same: int
    checked: int
    exact: int
    cycles: int

    def __str__(self) -> str:
        shares = (100 * n / self.pictures for n in (self.float_right, self.int8_right, self.same))
        text = "float {:.2f} %, int8 {:.2f} %, the same answer {:.2f} %".format(*shares)
        return (
            f"{self.pictures:,} pictures: {text}\n"
            f"{self.cycles:,} cycles per picture\n"
            f"golden = simulator on {self.exact} of the first {self.checked} pictures"
        )


def main() -> int:
    """Print the scores: 0, or 1 if the simulator differs from golden."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge1024")
    parser.add_argument("--pictures", metavar="N", type=int, default=TEST_PICTURES)
    parser.add_argument(
        "--golden",
        metavar="N",
        type=int,
        default=20,
        help="pictures on which golden is compared (default: 20)",
    )
    parser.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    for name in (MODEL, CALIBRATION):
        if not (arguments.folder / name).is_file():
            parser.error(
                f"{arguments.folder / name}: no such file; "
                "docs.examples.train_fashion_mnist writes it"
            )
    scores = evaluate(
        arguments.folder,
        preset(arguments.preset),
        arguments.pictures,
        arguments.golden,
        arguments.jobs,
    )
    print(scores)
    return 0 if scores.exact == scores.checked else 1


def evaluate(
    folder: Path, config: AccelConfig, count: int, checked: int, jobs: int | None
) -> Scores:
    """Scores on the first ``count`` test pictures; ``jobs`` processes simulate."""
    pictures, labels = (part[:count] for part in load("t10k"))
    inputs = prepare(pictures)
    graph = load_model(folder / MODEL, folder / CALIBRATION)
    stored = stored_inputs(graph, inputs)
    with tempfile.TemporaryDirectory() as name:
        mapped = write(compile(graph, config), Path(name) / "program")
        program = read_program(mapped)
        exact = [equals_golden(graph, program, picture) for picture in stored[:checked]]
        found = _int8_answers(mapped, stored, jobs)
    real = _float_answers(folder / MODEL, inputs)
    return Scores(
        len(labels),
        int((real == labels).sum()),
        int((found == labels).sum()),
        int((real == found).sum()),
        len(exact),
        sum(exact),
        run_timing(program).cycles,
    )


def stored_inputs(graph: Graph, inputs: np.ndarray) -> np.ndarray:
    """Pictures as the graph's input stores them: ``[N, 1, height, width, channels]``."""
    (name,) = graph.inputs
    tensor = graph.to_dict()["tensors"][name]
    return np.stack([from_declared(x[None], tensor) for x in inputs])


def simulated(program: Program, picture: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors in memory after a run, by name."""
    (name,) = program.graph["inputs"]
    return program.tensors(run_values(program, {name: picture}))


def equals_golden(graph: Graph, program: Program, picture: np.ndarray) -> bool:
    """Whether every tensor in memory after a run is golden's."""
    (name,) = graph.inputs
    golden = golden_run(graph.to_dict(), {name: picture})
    found = simulated(program, picture)
    return all(np.array_equal(found[name], golden[name]) for name in found)


def _int8_answers(folder: Path, stored: np.ndarray, jobs: int | None) -> np.ndarray:
    """The simulator's classes, ``[N]``."""
    # One thread in each process: the products are too small for more.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    chunks = [stored[first : first + CHUNK] for first in range(0, len(stored), CHUNK)]
    answers: list[int] = []
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as workers,
        reporting(f"simulating {len(stored)} pictures") as progress,
    ):
        for part in workers.map(partial(_answers, folder), chunks):
            answers += part
            progress(len(answers), len(stored))
    return np.array(answers)


def _answers(folder: Path, pictures: np.ndarray) -> list[int]:
    program = read_program(folder)
    (name,) = program.graph["outputs"]
    return [int(simulated(program, picture)[name].argmax()) for picture in pictures]


def _float_answers(model: Path, inputs: np.ndarray) -> np.ndarray:
    """onnxruntime's classes, ``[N]``."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in session.get_inputs())
    return np.array([session.run(None, {name: x[None]})[0].argmax() for x in inputs])


if __name__ == "__main__":
    sys.exit(main())
