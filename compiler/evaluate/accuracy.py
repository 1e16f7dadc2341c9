"""Answers of a network to pictures, in the simulator's values, and how many are right."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler import driver
from compiler.codegen.program import MODEL, write_program
from compiler.errors import InputError, UnsupportedError
from compiler.evaluate.folder import Picture
from compiler.frontend import write_model
from compiler.ir.graph import Graph
from golden.declared import to_declared
from golden.pictures import Preprocessing, model_input, stored_input
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


def evaluate(
    graph: Graph,
    model: ModelProto | None,
    config: AccelConfig,
    pictures: Sequence[Picture],
    how: Preprocessing,
    progress: Callable[[int, int], None],
) -> Evaluation:
    """Map ``graph`` and run it on all pictures, and its float ``model`` on the same inputs.

    Raises CompilerError.
    """
    if len(graph.inputs) != 1:
        raise UnsupportedError(f"{graph.name}: {len(graph.inputs)} inputs; one is accepted")
    reference = None if model is None else _Reference(model, graph)
    with tempfile.TemporaryDirectory() as folder:
        program = _mapped(graph, config, Path(folder))
        _check_labels(program, pictures)
        start = time.perf_counter()
        answers: list[Answer] = []
        for first in range(0, len(pictures), BATCH):
            answers += _answers(program, reference, pictures[first : first + BATCH], how)
            progress(len(answers), len(pictures))
        return Evaluation(answers, time.perf_counter() - start)


class _Reference:
    """The float model, run by onnxruntime."""

    def __init__(self, model: ModelProto, graph: Graph) -> None:
        from compiler.quantize import Runner

        self._input, self._output = graph.inputs[0], model.graph.output[0].name
        self._runner = Runner(model, [self._output])

    def values(self, array: np.ndarray) -> np.ndarray:
        """The first output ``[classes]``."""
        return self._runner.run({self._input: array})[self._output].ravel()


def _mapped(graph: Graph, config: AccelConfig, folder: Path) -> Program:
    write_program(driver.compile(graph, config), folder)
    write_model(graph, folder / MODEL)
    return read_program(folder)


def _answers(
    program: Program,
    reference: _Reference | None,
    pictures: Sequence[Picture],
    how: Preprocessing,
) -> Iterator[Answer]:
    (name,), output = program.graph["inputs"], program.graph["outputs"][0]
    tensors = program.graph["tensors"]
    batch = [{name: stored_input(p.path, tensors[name], how)} for p in pictures]
    compute = host_compute(program)
    hosts = [Host(program, inputs, compute) for inputs in batch]
    memories = run_batch(program, batch, None, hosts)
    for picture, host, memory in zip(pictures, hosts, memories, strict=True):
        values = to_declared(host.tensors(memory)[output], tensors[output]).ravel()
        order = ranking(values)[:FIRST].tolist()
        twin = None
        if reference is not None:
            array = model_input(picture.path, tensors[name], how)
            twin = ranking(reference.values(np.ascontiguousarray(array)))[:FIRST].tolist()
        yield Answer(picture, order, values[order[0]].item(), twin)


def _check_labels(program: Program, pictures: Sequence[Picture]) -> None:
    classes = int(np.prod(program.graph["tensors"][program.graph["outputs"][0]]["shape"]))
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
