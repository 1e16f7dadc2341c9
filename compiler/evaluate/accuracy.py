"""Answers of a network to pictures, in the simulator's values, and how many are right."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler import driver
from compiler.codegen.program import MODEL, write_program
from compiler.errors import InputError, UnsupportedError
from compiler.evaluate.folder import Picture
from compiler.frontend import write_model
from compiler.ir.graph import Graph
from compiler.load import float_model
from compiler.workers import mapped
from golden.declared import to_declared
from golden.pictures import Preprocessing, model_input, stored
from hw.spec.config import AccelConfig
from sim.answers import ranking
from sim.host import Host
from sim.host_golden import host_compute
from sim.program import Program
from sim.program_reader import read_program
from sim.simulation import run_batch

if TYPE_CHECKING:
    from onnx import ModelProto

BATCH = 16
"""Pictures that are simulated at once."""
FIRST = 5
"""Classes among which the right one is looked for."""


@dataclass(frozen=True)
class Answer:
    """The classes of a picture from the best on, by the int8 network and by the float one, if
    there is one; ``value`` is the output of the best one."""

    picture: Picture
    classes: Sequence[int]
    value: float
    float_classes: Sequence[int] | None


@dataclass(frozen=True)
class Evaluation:
    """The answers to all pictures, and the seconds that they took."""

    answers: Sequence[Answer]
    seconds: float

    def as_data(self) -> dict[str, Any]:
        """The evaluation as plain data, fit for JSON: parts of 1, None where nothing is known."""
        known = [answer for answer in self.answers if answer.picture.label is not None]
        twins = [answer for answer in self.answers if answer.float_classes is not None]
        both = [answer for answer in known if answer.float_classes is not None]
        return {
            "pictures": len(self.answers),
            "labelled": len(known),
            "top1": _share(known, lambda a: a.picture.label == a.classes[0]),
            "top5": _share(known, lambda a: a.picture.label in a.classes),
            "float_top1": _share(both, lambda a: a.picture.label == _float(a)[0]),
            "float_top5": _share(both, lambda a: a.picture.label in _float(a)),
            "agreement": _share(twins, lambda a: a.classes[0] == _float(a)[0]),
            "evaluated_per_second": len(self.answers) / self.seconds,
            "answers": [
                {
                    "picture": str(answer.picture.path),
                    "label": answer.picture.label,
                    "class": answer.classes[0],
                    "value": answer.value,
                    "float_class": None if answer.float_classes is None else _float(answer)[0],
                }
                for answer in self.answers
            ],
        }


@dataclass(frozen=True)
class Classifier:
    """A quantised graph, the file that it came from with --shape, and the way from pixels to its
    input."""

    graph: Graph
    path: Path
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    how: Preprocessing


def evaluate(
    model: Classifier,
    config: AccelConfig,
    pictures: Sequence[Picture],
    jobs: int,
    progress: Callable[[int, int], None],
) -> Evaluation:
    """Map the network and run it on all pictures in so many processes, and the float model, if the
    file has one, on the same inputs.

    Raises CompilerError.
    """
    graph = model.graph
    if len(graph.inputs) != 1:
        raise UnsupportedError(f"{graph.name}: {len(graph.inputs)} inputs; one is accepted")
    with tempfile.TemporaryDirectory() as folder:
        write_program(driver.compile(graph, config), Path(folder))
        write_model(graph, Path(folder) / MODEL)
        _check_labels(graph, pictures)
        task = _Task(Path(folder), model.path, model.shapes, model.how)
        batches = [pictures[first : first + BATCH] for first in range(0, len(pictures), BATCH)]
        start = time.perf_counter()
        answers: list[Answer] = []
        with mapped(jobs) as workers:
            for found in workers(task.answers, batches):
                answers += found
                progress(len(answers), len(pictures))
        return Evaluation(answers, time.perf_counter() - start)


@dataclass(frozen=True)
class _Task:
    """The mapped network in ``folder`` and its float model, for a process to open."""

    folder: Path
    model: Path
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    how: Preprocessing

    def answers(self, pictures: Sequence[Picture]) -> list[Answer]:
        """The answers to a batch of pictures. Raises CompilerError."""
        program, reference = _opened(self)
        (name,), output = program.graph["inputs"], program.graph["outputs"][0]
        tensors = program.graph["tensors"]
        arrays = [model_input(p.path, tensors[name], self.how) for p in pictures]
        batch = [
            {name: stored(p.path, array, tensors[name])}
            for p, array in zip(pictures, arrays, strict=True)
        ]
        compute = host_compute(program)
        hosts = [Host(program, inputs, compute) for inputs in batch]
        memories = run_batch(program, batch, None, hosts)
        found = []
        for number, (host, memory) in enumerate(zip(hosts, memories, strict=True)):
            values = to_declared(host.tensors(memory)[output], tensors[output]).ravel()
            order = ranking(values)[:FIRST].tolist()
            twin = None
            if reference is not None:
                real = reference.values(np.ascontiguousarray(arrays[number]))
                twin = ranking(real)[:FIRST].tolist()
            found.append(Answer(pictures[number], order, values[order[0]].item(), twin))
        return found


@lru_cache(1)
def _opened(task: _Task) -> tuple[Program, _Reference | None]:
    """The network and the float model, read once in a process."""
    program = read_program(task.folder)
    model = float_model(task.model, dict(task.shapes))
    (name,) = program.graph["inputs"]
    return program, None if model is None else _Reference(model, name)


class _Reference:
    """The float model, run by onnxruntime."""

    def __init__(self, model: ModelProto, name: str) -> None:
        from compiler.quantize import Runner

        self._input, self._output = name, model.graph.output[0].name
        self._runner = Runner(model, [self._output])

    def values(self, array: np.ndarray) -> np.ndarray:
        """The first output ``[classes]``."""
        return self._runner.run({self._input: array})[self._output].ravel()


def _check_labels(graph: Graph, pictures: Sequence[Picture]) -> None:
    classes = math.prod(graph.tensors[graph.outputs[0]].shape)
    for picture in pictures:
        if picture.label is not None and picture.label >= classes:
            raise InputError(
                f"{picture.path}: class {picture.label}; 0 to {classes - 1}, those of the output, "
                "are accepted"
            )


def _float(answer: Answer) -> Sequence[int]:
    assert answer.float_classes is not None
    return answer.float_classes


def _share(answers: Sequence[Answer], right: Callable[[Answer], bool]) -> float | None:
    return sum(map(right, answers)) / len(answers) if answers else None
