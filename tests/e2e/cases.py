"""Programs on the simulator and on the RTL: what must be equal, and how to repeat one alone.

``python -m tests.e2e.cases layer tiny 12345`` runs one random program and says what differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from compiler.codegen.program import image, mapping
from golden.network import run as golden_run
from hw.spec.config import PRESETS, preset
from hw.spec.isa import Opcode
from hw.spec.regs import offset_of
from hw.tools.cosim.compare import (
    LEAST_MEMORY,
    TIMEOUT_EXTRA,
    TIMEOUT_FACTOR,
    run_spec,
    timing_of,
)
from hw.tools.cosim.design import (
    TOPS,
    Design,
    MemoryKind,
    Simulator,
)
from hw.tools.cosim.run_spec import (
    MemoryModel,
    RtlResult,
    RunSpec,
)
from hw.tools.cosim.runner import run_rtl_many
from hw.tools.verilog_cache import verilog
from sim.host import Host
from sim.host_golden import model_compute
from sim.program_reader import (
    Program,
    Segment,
    program_of,
)
from sim.simulation import (
    run_segment,
    run_timing,
    segment_times,
)
from tests.support.programs import random_program
from tests.support.random_branches import random_branches
from tests.support.random_cascades import random_cascade
from tests.support.random_layers import RandomLayer, random_layer
from tests.support.random_spread import random_spread

DEPTH_BYTES: dict[Simulator, int] = {"verilator": LEAST_MEMORY["verilator"], "icarus": 1 << 16}
"""Memory of a simulated design; one size for all, and for `hw cosim`, so that each is built
once."""
DONE = 0b10
"""Status of a run that ended without a fault."""
GAP_FACTOR = 20
"""Times the simulated cycles that gaps on every channel may take."""
GAP_RATE = 0.4


@dataclass(frozen=True)
class Case:
    """A program and its inputs. ``expected`` are golden's tensors, ``command`` runs it alone.

    ``graph`` is the network in golden's form, for the host's nodes.
    """

    program: Program
    seed: int
    command: str
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    expected: dict[str, np.ndarray] = field(default_factory=dict)
    graph: dict = field(default_factory=lambda: {"nodes": []})


@dataclass(frozen=True)
class Step:
    """A segment on the simulator: the memory that it begins with, and that it leaves."""

    segment: Segment
    before: np.ndarray
    after: np.ndarray


def simulated(case: Case) -> tuple[list[Step], dict[str, np.ndarray]]:
    """The segments of a run on the simulator, with the host between them, and all tensors."""
    host = Host(case.program, case.inputs, model_compute(case.graph))
    memory, steps = case.program.memory(case.inputs), []
    for segment in case.program.segments:
        (after,) = run_segment(case.program, segment, [memory])
        steps.append(Step(segment, memory, after.copy()))
        host.run(segment, after)
        memory = after
    return steps, host.tensors(memory)


def layer_case(name: str, seed: int) -> Case:
    """A random network of tests.support.random_layers, mapped onto the preset ``name``."""
    return mapped_case(random_layer(preset(name), seed), seed, _command("layer", name, seed))


def cascade_case(name: str, seed: int) -> Case:
    """A random network of tests.support.random_cascades, mapped onto the preset ``name``."""
    return mapped_case(random_cascade(preset(name), seed), seed, _command("chain", name, seed))


def branches_case(name: str, seed: int) -> Case:
    """A random network of tests.support.random_branches, mapped onto the preset ``name``."""
    return mapped_case(random_branches(preset(name), seed), seed, _command("branches", name, seed))


def spread_case(name: str, seed: int) -> Case:
    """A random network of tests.support.random_spread, mapped onto the preset ``name``."""
    return mapped_case(random_spread(preset(name), seed), seed, _command("spread", name, seed))


def mapped_case(layer: RandomLayer, seed: int, command: str) -> Case:
    """A random network as a case; ``command`` runs it alone."""
    compiled = layer.compile()
    memory = np.frombuffer(image(compiled), np.uint8)
    program = program_of(Path(), memory, mapping(compiled))
    # A program for a small scratchpad runs on the whole one, whose RTL is built once.
    program = dataclasses.replace(program, config=layer.config)
    graph = layer.graph.to_dict()
    expected = golden_run(graph, layer.inputs)
    return Case(program, seed, command, layer.inputs, expected, graph)


def program_case(name: str, seed: int) -> Case:
    """A random program of tests.support.programs for the preset ``name``."""
    return Case(random_program(preset(name), seed), seed, _command("program", name, seed))


KINDS = {
    "branches": branches_case,
    "chain": cascade_case,
    "layer": layer_case,
    "program": program_case,
    "spread": spread_case,
}


def _command(kind: str, name: str, seed: int) -> str:
    return f"python -m tests.e2e.cases {kind} {name} {seed}"


@functools.cache
def design(name: str, simulator: Simulator = "verilator") -> Design:
    """The RTL of a preset; for Icarus with a small memory."""
    config = preset(name)
    return Design(verilog(config), config.bus_bytes, DEPTH_BYTES[simulator])


def compare(
    name: str,
    cases: Sequence[Case],
    gap_rate: float = 0.0,
    memory: MemoryKind = "dram",
    simulator: Simulator = "verilator",
    machine: Design | None = None,
    power_up: int | None = None,
) -> list[str]:
    """Run the cases on golden, the simulator and the RTL of a preset; a line for each difference.

    With gaps, or another memory than that of the simulator, times are not compared. ``machine``
    stands in for the preset's RTL, ``power_up`` is a seed of its registers.
    """
    timed = not gap_rate and memory == "dram"
    runs = [simulated(case) for case in cases]
    todo = [
        _spec(case, step, gap_rate)
        for case, (steps, _) in zip(cases, runs, strict=True)
        for step in steps
    ]
    done = run_rtl_many(
        machine or design(name, simulator),
        todo,
        memory=memory,
        simulator=simulator,
        power_up=power_up,
        check=False,
    )
    results = iter(done)
    options = f" --gaps {gap_rate}" * bool(gap_rate) + f" --memory {memory}" * (memory != "dram")
    faults = []
    for case, (steps, tensors) in zip(cases, runs, strict=True):
        own = list(islice(results, len(steps)))
        found = [*_wrong_values(case, tensors), *_differences(case, steps, own, timed)]
        if found:
            faults += [*found, f"  repeat with: {case.command}{options}"]
    return faults


def specs(case: Case) -> list[RunSpec]:
    """The runs of a case, a segment each."""
    return [_spec(case, step, 0.0) for step in simulated(case)[0]]


def _spec(case: Case, step: Step, gap_rate: float) -> RunSpec:
    cycles = segment_times(case.program, step.segment).cycles
    factor = GAP_FACTOR if gap_rate else TIMEOUT_FACTOR
    timeout = factor * cycles + TIMEOUT_EXTRA
    spec = run_spec(case.program, step.segment, step.before, timeout)
    if not gap_rate:
        return spec
    model = MemoryModel(gap_seed=case.seed % (1 << 31), gap_rate=gap_rate)
    return dataclasses.replace(spec, memory=model)


def _wrong_values(case: Case, tensors: dict[str, np.ndarray]) -> Iterator[str]:
    """What the machine stored against golden. The host's own results are golden's code on what the
    machine stored, and say nothing."""
    host = {node.name for node in case.program.host}
    made = {name for n in case.graph["nodes"] if n["name"] in host for name in n["outputs"]}
    for name in set(tensors) - set(case.inputs) - made:
        values, expected = tensors[name], case.expected[name]
        if not np.array_equal(values, expected):
            count = np.count_nonzero(values != expected)
            yield f"tensor {name}: {count} of {values.size} values, simulator against golden"


def _differences(
    case: Case, steps: list[Step], results: list[RtlResult], timed: bool
) -> Iterator[str]:
    address_ranges = case.program.address_ranges
    for number, (step, result) in enumerate(zip(steps, results, strict=True)):
        where = f"segment {number}: "
        if result.failure is not None:
            yield f"{where}RTL: {result.failure}"
            return
        status = result.registers[offset_of("status")]
        if status != DONE:
            index = result.registers[offset_of("fault_index")]
            yield f"{where}RTL: status {status:#x} at command {index}"
            return
        yield from result.violations
        if not result.quiet:
            yield f"{where}RTL: a burst was under way at the interrupt"
        stored = step.after[address_ranges.write_base : address_ranges.write_limit]
        wrong = np.flatnonzero(stored != result.dram)
        if len(wrong):
            first = address_ranges.write_base + wrong[0]
            yield f"{where}memory: {len(wrong)} bytes from {first}, simulator and RTL"
    if timed:
        yield from _times(case.program, results)


def _times(program: Program, results: list[RtlResult]) -> Iterator[str]:
    simulated, found = run_timing(program), timing_of(program, results)
    if simulated.cycles != found.cycles:
        yield f"cycles: simulator {simulated.cycles}, RTL {found.cycles}"
    for name, value in simulated.counters.items():
        if value != found.counters[name]:
            yield f"{name}: simulator {value}, RTL {found.counters[name]}"
    for command, ours, theirs in zip(program.commands, simulated.spans, found.spans, strict=True):
        # The trace does not tell END.
        if ours != theirs and command.opcode != Opcode.END:
            yield (
                f"command {command.index} ({command.opcode.name}), start, end and busy: "
                f"simulator {ours}, RTL {theirs}"
            )
            break
    for ours, theirs in zip(simulated.layers, found.layers, strict=True):
        if ours != theirs:
            yield f"layer {ours.name}: simulator {ours}, RTL {theirs}"


def main() -> None:
    """Run one case and print what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.cases", description=main.__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("seed", type=int)
    parser.add_argument("--gaps", type=float, default=0.0, metavar="RATE")
    parser.add_argument("--memory", choices=TOPS, default="dram")
    arguments = parser.parse_args()
    case = KINDS[arguments.kind](arguments.preset, arguments.seed)
    for node in case.program.layers:
        print(node)
    faults = compare(arguments.preset, [case], arguments.gaps, arguments.memory)
    print("\n".join(faults) or "equal")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
