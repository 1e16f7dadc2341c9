"""Networks, machines and options side by side, on the simulator's cycles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from compiler import driver, zoo
from compiler.clocks import clock_of
from compiler.codegen.compiled import Compiled
from compiler.codegen.program import image, mapping
from compiler.config_options import DEFAULT_PRESET, read_config, setting
from compiler.errors import CompilerError, ConfigError, UnsupportedError, show
from compiler.ir.graph import Graph
from compiler.ir.randomize import completed
from compiler.load import load_network
from compiler.options import CompilerOptions
from compiler.report.comparison import ComparisonRow, Labels, Outcome, Refusal, run_of
from compiler.report.energy import EnergyTable
from compiler.whole_files import write_file
from compiler.workers import mapped
from hw.spec.config import AccelConfig, preset, title, with_values
from hw.spec.config_keys import ConfigurationError
from hw.tools.area.estimate import estimate
from hw.tools.synth.device import ECP5
from sim.program import Program
from sim.program_reader import program_of, read_program
from sim.progress import reporting
from sim.simulation import run_timing

FORMATS = (".svg", ".png")
"""Accepted suffixes of a plot."""
FUSED = CompilerOptions()
MATERIALIZED = CompilerOptions(materialize=True)


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


def write_plot(path: Path, runs: Sequence[ComparisonRow]) -> None:
    """Draw the runs into a file. Raises InputError when it cannot be written."""
    from compiler.report.plots import comparison_figure, rendered

    write_file(path, rendered(comparison_figure(runs), path.suffix.removeprefix(".")))


@dataclass(frozen=True)
class NamedMachine:
    """A configuration and what it is called, or why there is none."""

    label: str
    config: AccelConfig | None
    reason: str = ""


def machines(
    presets: Sequence[str], files: Sequence[Path], settings: Sequence[str]
) -> list[NamedMachine]:
    """Presets and configuration files with every combination of settings (see ``choices``).

    Raises ConfigurationError for a preset, a file or a key; a combination of values that no machine
    has is one without a configuration.
    """
    bases = [(name, preset(name)) for name in presets]
    bases += [(str(path), read_config(path)) for path in files]
    return [
        _machine(name, config, texts)
        for name, config in bases or [(DEFAULT_PRESET, preset(DEFAULT_PRESET))]
        for texts in choices(settings)
    ]


def _machine(name: str, config: AccelConfig, texts: tuple[str, ...]) -> NamedMachine:
    label = " ".join((name, *texts))
    try:
        return NamedMachine(label, with_values(config, dict(map(setting, texts))))
    except ConfigurationError as error:
        return NamedMachine(label, None, str(error))


@dataclass(frozen=True)
class Figures:
    """The table of energies, the clock in MHz as --clock has it, or None for the machine's, and the
    FPGA whose resources are shown."""

    energies: EnergyTable
    clock: str | None = None
    target: str = ECP5.name


@dataclass(frozen=True)
class Case:
    """A network on a machine with options, or a folder that was mapped before."""

    labels: Labels
    graph: Graph | None
    config: AccelConfig | None
    options: CompilerOptions
    reason: str = ""
    folder: Path | None = None


def compare(cases: Sequence[Case], figures: Figures, jobs: int = 1) -> list[Outcome]:
    """Map the networks onto their machines in so many processes, and time them.

    Raises CompilerError if nothing maps, or a process was ended from outside.
    """
    outcomes: list[Outcome] = []
    with reporting("comparing") as progress, mapped(jobs) as workers:
        for outcome in workers(partial(_outcome, figures), cases):
            outcomes.append(outcome)
            progress(len(outcomes), len(cases))
    first = outcomes[0]
    if isinstance(first, Refusal) and all(isinstance(x, Refusal) for x in outcomes):
        raise UnsupportedError(f"{first.labels}: {first.reason}")
    return outcomes


def cases(
    networks: Sequence[str],
    found: Sequence[NamedMachine],
    options: Sequence[CompilerOptions],
    calibration: Path | None = None,
) -> list[Case]:
    """All networks on all machines with all options; a mapped folder is one case.

    Networks are model files, names of built-in networks and mapped folders. A ``calibration``
    serves all model files. Raises CompilerError for a network that cannot be read.
    """
    made = []
    for name in networks:
        if Path(name).is_dir():
            made.append(_mapped_folder(name))
            continue
        built_in = name in zoo.names()
        graph = completed(load_network(name, None if built_in else calibration))
        for machine, choice in itertools.product(found, options):
            labels = Labels(graph.name, machine.label, "materialize" if choice.materialize else "")
            made.append(Case(labels, graph, machine.config, choice, machine.reason))
    return made


def _mapped_folder(name: str) -> Case:
    program = read_program(Path(name))
    return Case(Labels(name, title(program.config)), None, None, FUSED, folder=Path(name))


def _outcome(figures: Figures, case: Case) -> Outcome:
    try:
        if case.folder is not None:
            program = read_program(case.folder)
        elif case.graph is None or case.config is None:
            return Refusal(case.labels, case.reason)
        else:
            program = _program(driver.compile(case.graph, case.config, case.options))
    except CompilerError as error:
        return Refusal(case.labels, str(error))
    clock = clock_of(program.config, figures.clock)
    return run_of(
        program,
        run_timing(program),
        case.labels,
        figures.energies,
        clock,
        figures.target,
        estimate(program.config, figures.target).resources,
    )


def cycles(graph: Graph, config: AccelConfig, options: CompilerOptions) -> int:
    """Cycles of a graph on one machine. Raises CompilerError."""
    return cycles_of(driver.compile(graph, config, options))


def cycles_of(compiled: Compiled) -> int:
    """Cycles of a compiled network."""
    return run_timing(_program(compiled)).cycles


def _program(compiled: Compiled) -> Program:
    return program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
