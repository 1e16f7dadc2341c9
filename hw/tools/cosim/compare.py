"""A mapped network on the RTL, compared with golden and with the simulator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from compiler.errors import Failure
from compiler.load import load_model
from golden.network import run as golden_run
from hw.spec.isa import Opcode
from hw.spec.regs import CYCLE_COUNTERS, FAULT_DOC, Counter, Fault, bit_of, offset_of
from hw.tools.cosim.design import (
    Design,
)
from hw.tools.cosim.run_spec import (
    MemoryModel,
    RtlResult,
    RunSpec,
)
from hw.tools.cosim.runner import (
    run_rtl,
)
from hw.tools.cosim.simulators import Simulator
from hw.tools.cosim.waves import Waves, of_segments
from hw.tools.verilog_cache import verilog
from sim.host import Host
from sim.program import Program, Segment
from sim.program_reader import MODEL
from sim.progress import reporting
from sim.simulation import (
    SegmentTimes,
    Timing,
    joined,
    segment_times,
)

FAULT, FAULT_CODE_LSB = 1 << bit_of("status", "fault"), bit_of("status", "fault_code")
"""Places of fault and fault code in the status register."""


START = 1 << bit_of("control", "start") | 1 << bit_of("control", "irq_enable")
"""Start, with the interrupt enabled."""


LEAST_MEMORY: dict[Simulator, int] = {"verilator": 1 << 23, "icarus": 1 << 12}
"""Bytes of simulated memory at least: most networks share a simulation that is long to build, and
Icarus, which clears each word in a loop, has few."""


TIMEOUT_FACTOR = 2


TIMEOUT_EXTRA = 100_000
"""A run may take TIMEOUT_FACTOR times the simulated cycles, and that many more."""


class RunFailure(Failure):
    """The run on the RTL ended in a fault, or with wrong results."""


def run_spec(program: Program, segment: Segment, memory: np.ndarray, timeout: int) -> RunSpec:
    """The run of a segment that begins with ``memory`` (Program.memory, uint8 ``[bytes]``); it may
    take ``timeout`` cycles."""
    address_ranges = program.address_ranges
    values = {
        "base": program.base,
        "program_addr": segment.address,
        "program_size": segment.size,
        "read_base": address_ranges.read_base,
        "read_limit": address_ranges.read_limit,
        "write_base": address_ranges.write_base,
        "write_limit": address_ranges.write_limit,
    }
    names = [f"{c.name.lower()}_{half}" for c in Counter for half in ("lo", "hi")]
    return RunSpec(
        image=memory,
        writes=tuple((offset_of(name), value) for name, value in values.items()),
        start=(offset_of("control"), START),
        reads=tuple(offset_of(name) for name in ("status", "fault_index", *names)),
        timeout=timeout,
        memory=MemoryModel(program.config.memory),
        dump=(address_ranges.write_base, address_ranges.write_limit),
        origin=program.base,
    )


def timing_of(program: Program, results: Sequence[RtlResult]) -> Timing:
    """Cycles, counters and layers' times as the RTL has them; ``results`` are by segment."""
    pairs = zip(program.segments, results, strict=True)
    return joined(program.layers, [_times(segment, result) for segment, result in pairs])


def _times(segment: Segment, result: RtlResult) -> SegmentTimes:
    """The times that the log of a run tells. Raises RunFailure for other commands than those of
    the segment."""
    registers = result.registers
    counters = {}
    for counter in Counter:
        name = counter.name.lower()
        low, high = registers[offset_of(f"{name}_lo")], registers[offset_of(f"{name}_hi")]
        counters[name] = high << 32 | low
    starts, ends = (_in_order(segment, result, event) for event in ("start", "done"))
    causes = [(0,) * len(CYCLE_COUNTERS)] * len(segment.commands)
    for event in result.events:
        if event.event == "cycles":
            if event.index >= len(causes):
                raise RunFailure(
                    f"the array works for command {event.index} on the RTL; the program has "
                    f"{len(causes)} commands"
                )
            both = zip(causes[event.index], event.counts, strict=True)
            causes[event.index] = tuple(a + b for a, b in both)
    busy = [row[Counter.BUSY_NETWORK] + row[Counter.BUSY_OTHER] for row in causes]
    spans = tuple(zip(starts, ends, busy, strict=True))
    return SegmentTimes(result.cycles, counters, spans, tuple(causes))


def _in_order(segment: Segment, result: RtlResult, kind: str) -> list[int]:
    """Cycle of each command's start or done: a unit's commands start and end in program order."""
    cycles = [0] * len(segment.commands)
    for opcode in (Opcode.LOAD, Opcode.STORE, Opcode.EXECUTE):
        unit = opcode.name.lower()
        seen = [e.cycle for e in result.events if e.unit == unit and e.event == kind]
        own = [i for i, c in enumerate(segment.commands) if c.opcode == opcode]
        if len(seen) != len(own):
            raise RunFailure(
                f"{len(seen)} {opcode.name} commands have a {kind} on the RTL; the program has "
                f"{len(own)}"
            )
        for index, cycle in zip(own, seen, strict=True):
            cycles[index] = cycle
    return cycles


def run_segments(
    program: Program, host: Host, simulator: Simulator, waves: Waves | None
) -> tuple[np.ndarray, list[RtlResult]]:
    """Run every segment in a simulation of its own; the memory goes from one to the next.

    Returns the memory in the end, uint8 ``[bytes]``, and the segments' results. Raises RunFailure.
    """
    expected = [segment_times(program, segment).cycles for segment in program.segments]
    memory = program.memory(host.values)
    design = _design(program, simulator, memory)
    results: list[RtlResult] = []
    recordings = list(of_segments(waves, expected))
    with reporting(f"co-simulating {program.network}") as progress:
        for number, segment in enumerate(program.segments):
            before = sum(expected[:number])
            result = run_rtl(
                design,
                run_spec(program, segment, memory, _timeout(expected[number])),
                simulator=simulator,
                waves=recordings[number],
                progress=_after(before, progress, sum(expected)),
            )
            _check_fault(segment, result)
            _check_cycles(number, result.cycles, expected[number])
            _carry_on(program, host, segment, memory, result)
            results.append(result)
    return memory, results


def record(program: Program, host: Host, simulator: Simulator, waves: Waves) -> list[Path]:
    """Run up to the end of the window of ``waves``; the files of signals. Raises RunFailure.

    Segments before it run to their ends, without a comparison.
    """
    assert waves.window is not None
    expected = [segment_times(program, segment).cycles for segment in program.segments]
    memory = program.memory(host.values)
    design = _design(program, simulator, memory)
    files: list[Path] = []
    pairs = zip(program.segments, of_segments(waves, expected), strict=True)
    last = waves.window[1]
    with reporting(f"co-simulating {program.network}") as progress:
        for number, (segment, recording) in enumerate(pairs):
            before = sum(expected[:number])
            if last < before:
                break
            spec = run_spec(program, segment, memory, _timeout(expected[number]))
            if last < before + expected[number]:
                spec = dataclasses.replace(spec, stop=last - before)
            result = run_rtl(
                design,
                spec,
                simulator=simulator,
                waves=recording,
                progress=_after(before, progress, last),
            )
            files += [] if recording is None else [recording.path]
            if spec.stop is None:
                _check_fault(segment, result)
                _carry_on(program, host, segment, memory, result)
    return files


def _carry_on(
    program: Program, host: Host, segment: Segment, memory: np.ndarray, result: RtlResult
) -> None:
    """Put what a segment wrote into the memory, and run the host's nodes after it."""
    low, high = program.address_ranges.write_base, program.address_ranges.write_limit
    memory[low:high] = result.dram
    host.run(segment, memory)


def _design(program: Program, simulator: Simulator, memory: np.ndarray) -> Design:
    """The machine of a program, with a memory that holds ``memory``."""
    depth = max(LEAST_MEMORY[simulator], 1 << (len(memory) - 1).bit_length())
    return Design(verilog(program.config), program.config.bus_bytes, depth)


def _timeout(expected: int) -> int:
    """Cycles that a run may take at most which takes ``expected`` in the simulator."""
    return TIMEOUT_FACTOR * expected + TIMEOUT_EXTRA


def _after(
    before: int, progress: Callable[[int, int], None], total: int
) -> Callable[[int, int], None]:
    """The progress of one segment as that of all, ``before`` cycles into ``total``."""
    return lambda _, cycles: progress(before + cycles, total)


def _check_fault(segment: Segment, result: RtlResult) -> None:
    status = result.registers[offset_of("status")]
    if status & FAULT:
        code = Fault(status >> FAULT_CODE_LSB & 0xFF)
        index = segment.first + result.registers[offset_of("fault_index")]
        raise RunFailure(f"fault {code.name} at command {index}: {FAULT_DOC[code]}")


def _check_cycles(segment: int, cycles: int, expected: int) -> None:
    if cycles != expected:
        raise RunFailure(f"segment {segment}: {cycles} cycles on the RTL, {expected} simulated")


def check_values(
    folder: Path, inputs: dict[str, np.ndarray], values: dict[str, np.ndarray]
) -> None:
    """Raise RunFailure with the names of the tensors that golden computes otherwise."""
    expected = golden_run(load_model(folder / MODEL).to_dict(), inputs)
    wrong = [name for name, value in values.items() if not np.array_equal(value, expected[name])]
    if wrong:
        raise RunFailure(f"tensors differ from golden's: {', '.join(wrong)}")
