"""From a graph to a mapped folder: compiled, simulated, and with a report for people."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler import compare, driver
from compiler.clocks import clock_of
from compiler.codegen.c_header import write_header
from compiler.codegen.compiled import Compiled
from compiler.codegen.program import MODEL, write_program
from compiler.errors import AllocationError, InputError, UnsupportedError, located
from compiler.frontend import write_model
from compiler.ir.graph import Graph
from compiler.map_cache import MapCache, content_key
from compiler.notes import note, step
from compiler.options import CompilerOptions
from compiler.report import (
    REPORT,
    Report,
    View,
    as_data,
    order,
    print_report,
    remove_figures,
    report_of,
    write_csv,
    write_report,
)
from compiler.schedule.planner import Planner
from hw.spec.config import AccelConfig
from sim.program_reader import read_program
from sim.progress import reporting
from sim.simulation import run_timing


@dataclass(frozen=True)
class Extras:
    """Optional parts of a report: the cycles with every tensor stored, its figures as files, and
    the record of the search."""

    unfused: bool = False
    plots: bool = False
    explain: bool = False


@dataclass(frozen=True)
class Job:
    """A mapping to make: graph, machine and options. ``source`` is the graph's name in messages."""

    graph: Graph
    config: AccelConfig
    options: CompilerOptions
    extras: Extras
    source: str


def map_graph(
    graph: Graph,
    config: AccelConfig,
    options: CompilerOptions,
    folder: Path,
    quiet: bool,
    extras: Extras = Extras(),
    cache: MapCache | None = None,
    source: Path | None = None,
    view: View | None = None,
    table: Path | None = None,
    header: Path | None = None,
) -> dict[str, Any]:
    """Compile, simulate the timing, and write the folder whole or not at all.

    With a ``cache``, what was mapped before is taken from there. Returns the run as
    ``report.as_data`` gives it. Unless ``quiet``, prints of it what the ``view`` has; a ``table``
    is a file for the layers as CSV, ``header`` one for C. Raises CompilerError, which names
    ``source``, the graph's file, and ConfigError for a key that no layer has.
    """
    view = view or View(clock_of(config))
    job = Job(graph, config, options, extras, str(source or graph.name))
    own = folder / MODEL
    if source is not None and own.exists() and source.samefile(own):
        raise InputError(f"{source}: would be overwritten; another folder than its own is accepted")
    for file in (table, header):
        if file is not None and not (file.parent.is_dir() or file.parent == folder):
            raise InputError(f"{file}: no folder {file.parent}")
    with _whole_folder(folder) as work:
        report = _map_into(work, job) if cache is None else _map_cached(cache, work, job)
        data = as_data(report, view.clock)
        numbers = order(data["layers"], view.sort)
    if table is not None:
        write_csv(table, data["layers"], numbers)
    if header is not None:
        write_header(header, folder)
    if not quiet:
        print(f"report: {folder / REPORT}")
        print_report(report, view)
    return data


def _map_into(work: Path, job: Job) -> Report:
    """Write all files of a mapping into ``work``."""
    graph, config = job.graph, job.config
    with reporting(f"mapping {graph.name}") as progress:
        progress(0, 2)
        planner = Planner(record=job.extras.explain)
        with located(job.source), step("compiling"):
            compiled = driver.compile(graph, config, job.options, planner)
        with step("writing the program"):
            write_program(compiled, work)
            write_model(graph, work / MODEL)
        progress(1, 2)
        program = read_program(work)
        unfused = None
        if job.extras.unfused:
            options = dataclasses.replace(job.options, materialize=True, memory=None)
            unfused = compare.cycles(graph, config, options)
        with step("simulating the cycles"):
            timing = run_timing(program)
        costs = _costs(job, compiled)
        report = report_of(
            compiled, program, timing, unfused, explain=job.extras.explain, costs=costs
        )
        with step("writing the report"):
            write_report(report, work, job.extras.plots)
    return report


def _costs(job: Job, compiled: Compiled) -> dict[str, int | None]:
    """Figures of what --host and --memory change: the cycles and runs of the machine without nodes
    sent to the host, None if it does not map then, and the bytes of memory of so many at most."""
    costs: dict[str, int | None] = {}
    if job.options.host:
        costs["cycles_without_host"] = costs["runs_without_host"] = None
        usual = dataclasses.replace(job.options, host=(), memory=None)
        with suppress(UnsupportedError, AllocationError):
            other = driver.compile(job.graph, job.config, usual)
            costs["cycles_without_host"] = compare.cycles_of(other)
            costs["runs_without_host"] = len(other.segments)
    if job.options.memory is not None:
        costs["memory_bytes"] = compiled.memory.write_limit
        costs["memory_limit"] = job.options.memory
    return costs


def _map_cached(cache: MapCache, work: Path, job: Job) -> Report:
    """Map as ``_map_into`` does, from the cache where it has the mapping. A cache on a full or
    read-only disk is one without entries."""
    key = content_key(job.graph, job.config, job.options, job.extras)
    try:
        known = cache.fetch(key, work)
    except OSError as error:
        known = None
        note(f"cache {cache.folder}: cannot be read: {error.strerror}")
    if known is not None:
        note(f"{job.graph.name}: mapped before, from the cache (--no-cache)")
        return Report(program=read_program(work), **known)
    report = _map_into(work, job)
    try:
        cache.keep(key, work, {k: v for k, v in vars(report).items() if k != "program"})
    except OSError as error:
        note(f"cache {cache.folder}: cannot be written: {error.strerror}")
    return report


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move to ``folder`` when the body succeeds.

    Figures of an earlier report there are removed, all other files stay.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; a folder, or a new name, is accepted")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
            yield Path(name)
            folder.mkdir(exist_ok=True)
            remove_figures(folder)
            for path in Path(name).iterdir():
                os.replace(path, folder / path.name)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from error
