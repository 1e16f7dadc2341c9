"""Networks, machines and options side by side, on the simulator's cycles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from compiler import driver
from compiler.codegen.program import image, mapping
from compiler.errors import ConfigError, InputError, UnsupportedError, located, show
from compiler.ir.graph import Graph
from compiler.ir.randomize import completed
from compiler.load import load_network
from compiler.options import CompilerOptions
from compiler.report.comparison import ComparisonRow, run_of
from compiler.report.energy import EnergyTable
from hw.spec.config import AccelConfig
from sim.program import Program
from sim.program_reader import program_of
from sim.report import reporting
from sim.simulation import run_timing

FORMATS = (".svg", ".png")
"""Accepted suffixes of a plot."""
FUSED = CompilerOptions()
MATERIALIZED = CompilerOptions(materialize=True)

Machines = Sequence[tuple[str, AccelConfig]]
"""Configurations and what they are called."""


def choices(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every combination of settings: KEY=A,B in ``texts`` stands for KEY=A and for KEY=B.

    Raises ConfigError for a key that stands twice.
    """
    split = [text.partition("=") for text in texts]
    keys = [key for key, *_ in split]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"--set {show(key)}: given twice; once, as KEY=A,B, is accepted")
    return itertools.product(
        *([f"{key}{sign}{value}" for value in values.split(",")] for key, sign, values in split)
    )


def check_plot(path: Path | None) -> None:
    """Raise UnsupportedError for a plot whose suffix is not one of FORMATS."""
    if path is not None and path.suffix not in FORMATS:
        raise UnsupportedError(
            f"{path}: format {path.suffix or 'without suffix'!r}; accepted: {', '.join(FORMATS)}"
        )


def write_plot(path: Path, runs: Sequence[ComparisonRow], mhz: float) -> None:
    """Draw the runs into a file. Raises InputError when it cannot be written."""
    from compiler.report.plots import comparison_figure, rendered

    content = rendered(comparison_figure(runs, mhz), path.suffix.removeprefix("."))
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def compare(
    names: Sequence[str],
    machines: Machines,
    options: Sequence[CompilerOptions],
    table: EnergyTable,
    mhz: float,
) -> list[ComparisonRow]:
    """Map every network onto every machine with all options, and time it.

    Raises CompilerError, which names the network and the machine.
    """
    graphs = [completed(load_network(name)) for name in names]
    cases = list(itertools.product(graphs, machines, options))
    runs = []
    with reporting("comparing") as progress:
        for number, (graph, (machine, config), choice) in enumerate(cases):
            progress(number, len(cases))
            with located(f"{graph.name} on {machine}"):
                program = _mapped(graph, config, choice)
            words = (graph.name, machine, "materialize" if choice.materialize else "")
            runs.append(run_of(program, run_timing(program), words, table, mhz))
    return runs


def cycles(graph: Graph, config: AccelConfig, options: CompilerOptions) -> int:
    """Cycles of a graph on one machine. Raises CompilerError."""
    return run_timing(_mapped(graph, config, options)).cycles


def _mapped(graph: Graph, config: AccelConfig, options: CompilerOptions) -> Program:
    compiled = driver.compile(graph, config, options)
    return program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
