"""Models mapped and timed by one call each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.config_options import DEFAULT_PRESET
from compiler.errors import InputError
from compiler.estimator import Estimator, Latency
from compiler.ir.graph import Graph
from compiler.ir.randomize import completed
from compiler.load import load_model
from compiler.machine import Machine, MachineLike
from compiler.mapping import map_graph
from compiler.options import CompilerOptions

if TYPE_CHECKING:
    from onnx import ModelProto

    Model = Graph | ModelProto | os.PathLike[str] | str


def latency(
    model: Model,
    machine: MachineLike = DEFAULT_PRESET,
    calibration: Path | str | None = None,
    *,
    options: CompilerOptions | None = None,
) -> Latency:
    """The cycles, utilisation and layers of a model on a machine, to the cycle.

    ``model`` is a path, an ``onnx.ModelProto`` or a graph, which needs no weights; ``calibration``
    is as for ``load_model``. Many graphs on one machine take less time with an ``Estimator``.
    Raises CompilerError for a model that ``map_model`` refuses, ConfigurationError for the machine.

    >>> from compiler import latency, zoo
    >>> found = latency(zoo.build("mobilenet_v1_025", (32, 32)), "edge256")
    >>> found.cycles == sum(layer.cycles for layer in found.layers)
    True
    >>> found.utilization == found.macs / (256 * found.cycles)
    True
    """
    return Estimator(machine, options).latency(_graph(model, calibration))


def map_model(
    model: Model,
    folder: Path | str,
    machine: MachineLike = DEFAULT_PRESET,
    calibration: Path | str | None = None,
    *,
    options: CompilerOptions | None = None,
) -> dict[str, Any]:
    """Map a model into a folder: the program, the mapping and the report.

    Arguments are those of ``latency``; a graph without weights gets seeded random ones. Returns the
    object that ``map --json`` prints. Raises CompilerError, also when the folder cannot be written,
    and ConfigurationError for the machine.

    >>> from tempfile import TemporaryDirectory
    >>> from compiler import latency, map_model, zoo
    >>> graph = zoo.build("mobilenet_v1_025", (32, 32))
    >>> with TemporaryDirectory() as folder:
    ...     report = map_model(graph, folder, "edge256")
    >>> report["cycles"] == latency(graph, "edge256").cycles
    True
    """
    config = Machine(machine).config
    options = options or CompilerOptions()
    source = Path(model) if isinstance(model, (str, os.PathLike)) else None
    graph = completed(_graph(model, calibration), options.seed)
    return map_graph(graph, config, options, Path(folder), quiet=True, source=source)


def _graph(model: Model, calibration: Path | str | None) -> Graph:
    if not isinstance(model, Graph):
        return load_model(model, calibration)
    if calibration is not None:
        raise InputError(
            f"graph {model.name}: calibration {calibration}; it is accepted for a float model"
        )
    return model
