"""Runs the simulated accelerator: many runs in one simulation process."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import Failure
from hw.tools import verilator
from hw.tools.cosim.design import (
    TOPS,
    Design,
    MemoryKind,
)
from hw.tools.cosim.run_spec import (
    AxiEvent,
    ErrorRegion,
    RtlResult,
    RunSpec,
    TraceEvent,
)
from hw.tools.cosim.simulators import Simulator
from hw.tools.cosim.waves import Waves

Progress = Callable[[int, int], None]
"""Called about twice a second with the run's number and the cycles it has done."""


class RtlError(Failure):
    """A run failed: no interrupt in time, or a breach of AXI."""


def run_rtl(
    design: Design,
    run: RunSpec,
    *,
    memory: MemoryKind = "dram",
    simulator: Simulator = "verilator",
    waves: Waves | None = None,
    check: bool = True,
    progress: Progress | None = None,
) -> RtlResult:
    """Do one run; see :func:`run_rtl_many`."""
    return run_rtl_many(
        design,
        [run],
        memory=memory,
        simulator=simulator,
        waves=waves,
        check=check,
        progress=progress,
    )[0]


def run_rtl_many(
    design: Design,
    runs: Sequence[RunSpec],
    *,
    memory: MemoryKind = "dram",
    simulator: Simulator = "verilator",
    waves: Waves | None = None,
    power_up: int | None = None,
    check: bool = True,
    progress: Progress | None = None,
) -> list[RtlResult]:
    """Do the runs in one simulation process, each from reset with its own image; a result each.

    ``waves`` says what signals to record (slow), of Icarus to FST only. ``power_up`` is a seed:
    Verilator draws what has no initial value, where it is 0 otherwise. With ``check``, a run that
    timed out or broke the AXI protocol raises :class:`RtlError`; without, its result says so in
    ``failure`` and ``violations``. A design that cannot be built raises
    :class:`hw.tools.verilator.ToolError`, a simulation that breaks off (an assertion in the design)
    :class:`hw.tools.verilator.SimulationError`.
    """
    folder = design.build(
        memory,
        simulator=simulator,
        waves=waves,
        x_initial="fast" if power_up is None else "unique",
    )
    with tempfile.TemporaryDirectory(prefix="cosim-") as name:
        work = Path(name)
        write_plan(work, design, runs, memory)
        with _reporting(work / "progress", progress):
            top = TOPS[memory]
            verilator.simulate(
                folder,
                work,
                top,
                "hw.tools.cosim.bench",
                simulator=simulator,
                waves=waves is not None,
                arguments=[*_recording(waves, work, top), *_drawn(power_up)],
            )
        if waves is not None:
            shutil.move(work / waves.path.name, waves.path)
        entries = json.loads((work / "results.json").read_text())
        results = [
            _result(work, number, run, entry, design.data_bytes)
            for number, (run, entry) in enumerate(zip(runs, entries, strict=True))
        ]
    if check:
        _raise_first_failure(results)
    return results


def _recording(waves: Waves | None, work: Path, top: str) -> list[str]:
    """Arguments of a simulation that records into ``work``."""
    return [] if waves is None else waves.arguments(work / waves.path.name, top)


def _drawn(power_up: int | None) -> list[str]:
    """Arguments of Verilator's executables: registers begin with random values of a seed."""
    if power_up is None:
        return []
    return ["+verilator+rand+reset+2", f"+verilator+seed+{power_up}"]


def _raise_first_failure(results: list[RtlResult]) -> None:
    for number, result in enumerate(results):
        if result.failure is not None:
            raise RtlError(f"run {number}: {result.failure}")
        if result.violations:
            raise RtlError(f"run {number}: AXI violation, cycle {result.violations[0]}")


def write_plan(work: Path, design: Design, runs: Sequence[RunSpec], memory: MemoryKind) -> None:
    """Write what a bench reads into ``work``: ``runs.json`` and one image per run.

    Raises ValueError for a run that the design's memory cannot hold.
    """
    width = design.data_bytes
    for number, run in enumerate(runs):
        if max(len(run.image), run.dump_range[1]) > design.depth_bytes:
            raise ValueError(
                f"run {number}: the image and the dump must lie within the memory's "
                f"{design.depth_bytes} bytes"
            )
        words = np.zeros((-(-len(run.image) // width), width), np.uint8)
        words.reshape(-1)[: len(run.image)] = run.image
        if memory == "dram":
            words = words[:, ::-1]
        words.tofile(work / f"image_{number}.bin")
    plan = {
        "external": memory == "cocotbext",
        "size": _round_up(max(max(len(r.image), r.dump_range[1]) for r in runs), 4096),
        "runs": [_plan_entry(run, width, memory) for run in runs],
    }
    (work / "runs.json").write_text(json.dumps(plan))


def _plan_entry(run: RunSpec, data_bytes: int, memory: MemoryKind) -> dict[str, Any]:
    model = run.memory
    if memory == "cocotbext" and (model.read_error or model.write_error or model.silence):
        raise ValueError("the cocotbext memory cannot inject errors or fall silent")
    if memory == "cocotbext" and run.origin:
        raise ValueError(f"the cocotbext memory begins at address 0, not at {run.origin:#x}")
    # Whole words, of which _result drops what lies outside the range.
    lo, hi = run.dump_range[0] // data_bytes, -(-run.dump_range[1] // data_bytes)
    read_error = model.read_error or ErrorRegion(0, 1)
    write_error = model.write_error or ErrorRegion(0, 1)
    return {
        "writes": run.writes,
        "start": run.start,
        "reads": run.reads,
        "timeout": run.timeout,
        "stop": run.stop,
        "axi_log": int(run.axi_log),
        "reset": dataclasses.asdict(run.reset) if run.reset else None,
        "dump": (lo * data_bytes, hi * data_bytes),
        "gap_seed": model.gap_seed,
        "gap_rate": model.gap_rate,
        "settings": {
            "dump_lo": lo,
            "dump_hi": hi,
            "cfg_origin": run.origin,
            "cfg_latency": model.timing.latency,
            "cfg_interval": model.timing.interval(data_bytes),
            "cfg_gap_seed": model.gap_seed,
            "cfg_gap_rate": round(model.gap_rate * 256),
            "cfg_silent_channels": model.silence.mask if model.silence else 0,
            "cfg_silent_after": model.silence.after if model.silence else 0,
            "cfg_silent_cycles": model.silence.cycles if model.silence else 0,
            "cfg_err_read_lo": read_error.lo,
            "cfg_err_read_hi": read_error.hi,
            "cfg_err_read_resp": model.read_error.resp if model.read_error else 0,
            "cfg_err_write_lo": write_error.lo,
            "cfg_err_write_hi": write_error.hi,
            "cfg_err_write_resp": model.write_error.resp if model.write_error else 0,
        },
    }


def _result(
    work: Path, number: int, run: RunSpec, entry: dict[str, Any], data_bytes: int
) -> RtlResult:
    lo, hi = run.dump_range
    skip = lo % data_bytes
    dump = np.fromfile(work / f"dump_{number}.bin", np.uint8)
    events, axi, violations = _parse_log((work / f"run_{number}.log").read_text())
    if entry["violation"] and not violations:
        violations = ["? violation without a line in the log"]
    return RtlResult(
        registers=dict(zip(run.reads, entry["registers"], strict=True)),
        cycles=entry["cycles"],
        dram=dump[skip : skip + hi - lo],
        events=events,
        axi=axi,
        violations=violations,
        quiet=entry["quiet"],
        failure=entry["failure"],
        wall_time=entry["wall_time"],
    )


def _parse_log(text: str) -> tuple[list[TraceEvent], list[AxiEvent], list[str]]:
    """Split a log into events and handshakes, both of the last start, and violations."""
    events: list[TraceEvent] = []
    axi: list[AxiEvent] = []
    violations = []
    for line in text.splitlines():
        cycle, kind, *rest = line.split(" ")
        if kind == "violation":
            violations.append(f"{cycle}: {' '.join(rest)}")
        elif kind == "axi":
            axi.append(AxiEvent(int(cycle), rest[0], tuple(map(int, rest[1:]))))
        elif kind != "run":
            index, *counts = map(int, rest[1:])
            events.append(TraceEvent(int(cycle), kind, rest[0], index, tuple(counts)))
        elif rest == ["start"]:
            events.clear()
            axi.clear()
    return events, axi, violations


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


@contextmanager
def _reporting(path: Path, progress: Progress | None) -> Iterator[None]:
    """Pass on what the bench writes to ``path`` while the body runs."""
    if progress is None:
        yield
        return
    done = threading.Event()

    def poll() -> None:
        while not done.wait(0.5):
            words = path.read_text().split() if path.is_file() else []
            if len(words) == 2:
                progress(int(words[0]), int(words[1]))

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
