"""``compiler diff``: two runs of a network tensor by tensor, and which layer loses the signal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.ir.graph import Graph, Node, Quant
from compiler.load import float_model, load_model
from golden.arrays import TENSORS, given_inputs
from golden.declared import from_declared, in_declared_layout
from golden.network import run
from golden.pictures import is_picture

MODEL = "model.json"
"""The model in a mapped folder."""


@dataclass(frozen=True)
class Run:
    """Real values of a run by tensor, in the model's layout; float64.

    ``quants`` are the scales of those that are stored as integers; ``nodes`` made the tensors, if
    they are known.
    """

    real: Mapping[str, np.ndarray]
    quants: Mapping[str, Quant]
    nodes: Sequence[Node] = ()


def diff(
    folder: Path,
    reference: Path,
    inputs: Sequence[Path],
    calibration: Path | None,
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Each tensor of both runs with its signal to noise ratio, in the order of ``folder``'s.

    ``folder`` and ``reference`` are mapped folders or those that ``--tensors`` wrote; ``reference``
    may be a model too, float ones with the ``calibration`` and ``shapes`` that ``map`` was given.
    Without ``inputs`` they are those of a run whose tensors are known, else the first that a float
    model is calibrated with, else seeded random ones. Raises CompilerError, also for inputs, a
    calibration and shapes that have no use.
    """
    for option, given_to in (("--calibrate", calibration), ("--shape", shapes)):
        if given_to and reference.is_dir():
            raise InputError(f"{option} for {reference}; it is accepted with a float model")
    other = _written(reference) if (reference / TENSORS).is_file() else None
    given = None
    if (folder / TENSORS).is_file():
        if other is not None and inputs:
            raise InputError("--input for two runs; it is accepted with a mapped folder or a model")
        own = _written(folder)
    else:
        graph = mapped_model(folder)
        if other is not None:
            given = _from_tensors(other, graph, inputs)
        else:
            sample = None if inputs else _sample(reference, calibration, shapes)
            given = _given(graph, inputs) if sample is None else sample
        own = _golden(graph, given)
    if other is not None:
        return _rows(own, other, reference)
    if reference.is_dir():
        graph = mapped_model(reference)
        other = _golden(graph, given or _from_tensors(own, graph, inputs))
    else:
        other = _model(reference, own, given or inputs, calibration, shapes)
    return _rows(own, other, reference)


def _written(folder: Path) -> Run:
    with located(folder / TENSORS):
        try:
            entries = json.loads((folder / TENSORS).read_text(encoding="utf-8"))
            stored = {name: np.load(folder / entry["file"]) for name, entry in entries.items()}
            quants = {
                name: Quant(tuple(entry["scale"]), tuple(entry["zero_point"]))
                for name, entry in entries.items()
                if entry["scale"] is not None
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise InputError(f"not what --tensors writes: {fault}") from None
    return Run({n: _real(array, quants.get(n)) for n, array in stored.items()}, quants)


def mapped_model(folder: Path) -> Graph:
    """The model of a mapped folder. Raises InputError."""
    if not (folder / MODEL).is_file():
        raise InputError(f"{folder}: no {MODEL}; a mapped folder or one of --tensors is accepted")
    return load_model(folder / MODEL)


def _sample(
    reference: Path, calibration: Path | None, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray] | None:
    """The first inputs that a float model is calibrated with; None for other references."""
    if reference.is_dir() or (model := float_model(reference, shapes)) is None:
        return None
    from compiler.quantize import read_samples

    return read_samples(model, calibration)[0]


def _given(graph: Graph, paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """Real inputs by name in the model's layout: from files as far as given, else random."""
    stored = given_inputs(graph.to_dict(), paths)
    found = {name: _declared(graph, name, stored[name]) for name in graph.inputs}
    for name, path in zip(graph.inputs, paths, strict=False):
        array = stored[name] if is_picture(path) else np.load(path)
        if np.issubdtype(array.dtype, np.floating):
            found[name] = array
    return found


def _from_tensors(own: Run, graph: Graph, paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """The inputs of a run whose tensors are known, unless files give them."""
    if paths:
        return _given(graph, paths)
    for name in graph.inputs:
        if name not in own.real:
            raise InputError(f"tensor {show(name)} is not there; --input is accepted")
    return {name: own.real[name] for name in graph.inputs}


def _golden(graph: Graph, given: Mapping[str, np.ndarray]) -> Run:
    """Golden's run on real inputs, which go to the graph's inputs by their position."""
    plain = graph.to_dict()
    if len(given) != len(graph.inputs):
        raise InputError(
            f"{graph.name} has {len(graph.inputs)} inputs, the other run {len(given)}; as many are "
            "accepted"
        )
    pairs = zip(graph.inputs, given.values(), strict=True)
    try:
        stored = {n: from_declared(np.asarray(x), plain["tensors"][n]) for n, x in pairs}
        values = run(plain, stored)
    except ValueError as error:
        raise InputError(f"{graph.name}: {error}") from None
    quants = {n: t.quant for n, t in graph.tensors.items() if t.quant is not None}
    real = {name: _declared(graph, name, array) for name, array in values.items()}
    return Run(real, quants, graph.nodes)


def _declared(graph: Graph, name: str, stored: np.ndarray) -> np.ndarray:
    tensor = graph.tensors[name]
    declared = tensor.declared
    plain = {"declared": None if declared is None else vars(declared)}
    return _real(in_declared_layout(stored, plain), tensor.quant)


def _real(stored: np.ndarray, quant: Quant | None) -> np.ndarray:
    if quant is None or len(quant.scale) != 1:
        return stored.astype(np.float64)
    return (stored.astype(np.float64) - quant.zero_point[0]) * quant.scale[0]


def _model(
    path: Path,
    own: Run,
    given: Mapping[str, np.ndarray] | Sequence[Path],
    calibration: Path | None,
    shapes: Mapping[str, tuple[int, ...]],
) -> Run:
    """The run of a model file on arrays or files: a float one by onnxruntime, others by golden."""

    def inputs_of(graph: Graph) -> Mapping[str, np.ndarray]:
        return given if isinstance(given, Mapping) else _from_tensors(own, graph, given)

    found = _float_models(path, calibration, shapes)
    if found is None:
        graph = load_model(path, calibration, shapes)
        return _golden(graph, inputs_of(graph))
    from compiler.quantize import Runner

    model, graph = found
    for name, tensor in graph.tensors.items():
        if name in own.quants and tensor.quant != own.quants[name]:
            raise InputError(
                f"{path}: tensor {show(name)} has another scale than in the run; the --calibrate "
                "that `map` was given is accepted"
            )
    values_in = inputs_of(graph)
    made = {name for node in model.graph.node for name in node.output}
    runner = Runner(model, [name for name in own.real if name in made])
    fed = {name: np.asarray(values_in[name], np.float32) for name in graph.inputs}
    values = {**fed, **runner.run(fed)}
    return Run({n: np.asarray(x, np.float64) for n, x in values.items()}, {})


def _float_models(
    path: Path, calibration: Path | None, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Any, Graph] | None:
    """The float ONNX model in a file as it is rounded, and its quantised graph; else None."""
    model = float_model(path, shapes)
    if model is None:
        return None
    from compiler.frontend.onnx import read_onnx
    from compiler.quantize import quantize_beside

    with located(path):
        before, after = quantize_beside(model, calibration)
        return before, read_onnx(after, path.stem)


def _rows(own: Run, other: Run, reference: Path) -> list[dict[str, Any]]:
    makers = {name: node for node in own.nodes for name in node.outputs}
    noises: dict[str, float] = {}
    rows = []
    for name, values in own.real.items():
        maker = makers.get(name)
        before = max((noises.get(n, 0.0) for n in maker.inputs), default=0.0) if maker else 0.0
        if name not in other.real:
            noises[name] = before
            continue
        if other.real[name].shape != values.shape:
            raise InputError(
                f"{reference}: tensor {show(name)} has shape {list(other.real[name].shape)}; "
                f"{list(values.shape)} is accepted"
            )
        row = _row(name, values, other.real[name], own.quants.get(name))
        noises[name] = math.inf if row["noise"] is None else row["noise"]
        known = {"layer": maker.name, "op": maker.op} if maker else {"layer": name, "op": ""}
        known_noise = own.nodes and row["noise"] is not None and math.isfinite(before)
        added = row["noise"] - before if known_noise else None
        rows.append({**known, **row, "noise_added": added})
    if not rows:
        raise UnsupportedError(f"{reference}: no tensor has the name of one of the run's")
    return rows


def _row(name: str, own: np.ndarray, other: np.ndarray, quant: Quant | None) -> dict[str, Any]:
    """The figures of one tensor; ``noise`` is relative to the reference's power. All are None where
    a value or a sum is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = own - other
        noise, signal = float(np.square(error).sum()), float(np.square(other).sum())
    equal = bool(np.array_equal(own, other, equal_nan=True))
    if not (math.isfinite(noise) and math.isfinite(signal)):
        figures = ("sqnr_db", "noise", "largest_error", "largest_error_steps")
        return {"tensor": name, "equal": equal, **dict.fromkeys(figures)}
    largest = float(np.abs(error).max(initial=0.0))
    ratio = noise / signal if signal else float(noise > 0)
    return {
        "tensor": name,
        "equal": equal,
        "sqnr_db": -10 * math.log10(ratio) if ratio else None,
        "noise": ratio,
        "largest_error": largest,
        "largest_error_steps": largest / quant.scale[0] if quant else None,
    }
