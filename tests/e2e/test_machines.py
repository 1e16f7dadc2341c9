"""A program runs on the machines that it means the same on, and stops on all others."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.ir.graph import Graph
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from golden.network import run as golden_run
from hw.spec.config import AccelConfig, preset, to_dict, with_values
from hw.spec.regs import Counter, Fault, offset_of
from hw.tools.cosim.compare import (
    TIMEOUT_EXTRA,
    run_spec,
)
from hw.tools.cosim.runner import run_rtl_many
from sim.program_reader import (
    Program,
    program_of,
)
from sim.simulation import simulate
from sim.timing import machine
from sim.timing.ctrl.decode_check import decode
from sim.timing.state import parameters
from tests.e2e.cases import Case, compare, design
from tests.e2e.fault_runs import FAULT
from tests.e2e.refusals import RUN_COMMANDS, refused, run, snapshot

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

TINY = preset("tiny")
OTHERS = {
    "line_words": with_values(TINY, {"line_words": 4}),
    "ecp5": preset("ecp5"),
    "cols": with_values(TINY, {"cols": 8, "requant_lanes": 8}),
    "rows": with_values(TINY, {"rows": 16}),
}
"""Machines whose programs ``tiny`` does not run."""
ALIKE = {
    "queue": {"queue_depth": 16},
    "memory": {"memory.latency": 3, "memory.bytes_per_cycle": 1},
    "name": {"name": "mine"},
    "fewer lines": {"scratchpad_bytes": 500 * TINY.line_bytes},
    "more lines": {"scratchpad_bytes": 2 * TINY.scratchpad_bytes},
}
"""Machines whose programs ``tiny`` runs, small ones; it has other lines than the last two."""
WIDE = with_values(TINY, {"rows": 32, "requant_lanes": 8})
"""More rows, and twice the post-processor's lanes."""


def convolutions() -> Graph:
    net = GraphBuilder("small", (6, 6, 4))
    first = net.conv("first", "input", 8, 3)
    return randomize(net.finish(net.add("sum", net.depthwise("second", first, 3), first)))


def classifier() -> Graph:
    """One pixel: every layer is one tile on any rows."""
    net = GraphBuilder("classifier", (1, 1, 12))
    first = net.fully_connected("first", "input", 20, activation="relu")
    return randomize(net.finish(net.fully_connected("second", first, 9)))


def roomy() -> Graph:
    """A network whose maps fill more lines than ``tiny`` has, on a machine that has them."""
    net = GraphBuilder("roomy", (56, 56, 16))
    first = net.conv("first", "input", 16, 1)
    return randomize(net.finish(net.add("sum", net.conv("second", first, 16, 1), first)))


def on_tiny(graph: Graph, config: AccelConfig, seed: int) -> Case:
    """The network, compiled for ``config``, as a program of ``tiny``."""
    compiled = compile(graph, config)
    content = mapping(compiled) | {"config": to_dict(TINY)}
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), content)
    shape = graph.tensors["input"].shape
    inputs = {"input": np.random.default_rng(seed).integers(-128, 128, shape, np.int8)}
    return Case(program, seed, config.name, inputs, golden_run(graph.to_dict(), inputs))


def timed(program: Program) -> machine.RunResult:
    """The run of the only segment, as simulated."""
    (segment,) = program.segments
    address_ranges = dataclasses.astuple(program.address_ranges)
    setup = parameters(program.config, segment.address, segment.size, address_ranges)
    commands = decode(program.image, segment.address, segment.size, program.config)
    return machine.run(commands, setup, program.config)


@pytest.fixture(scope="module")
def foreign(seed) -> dict[str, Case]:
    found = {name: on_tiny(convolutions(), config, seed) for name, config in OTHERS.items()}
    return found | {"lines": on_tiny(roomy(), with_values(TINY, ALIKE["more lines"]), seed)}


def test_another_machines_program_stops_before_its_first_command(foreign, seed):
    specs = {}
    for name, case in foreign.items():
        (segment,) = case.program.segments
        memory = case.program.memory(case.inputs)
        specs[name] = run_spec(case.program, segment, memory, TIMEOUT_EXTRA)
    results = run_rtl_many(design("tiny"), list(specs.values()), check=False)
    for name, result in zip(specs, results, strict=True):
        registers = result.registers
        assert registers[offset_of("status")] == FAULT | Fault.WRONG_MACHINE << 8, name
        assert registers[offset_of("fault_index")] == 0
        assert registers[offset_of("commands_lo")] == registers[offset_of("write_beats_lo")] == 0
        program = foreign[name].program
        before = program.memory(foreign[name].inputs)
        low, high = program.address_ranges.write_base, program.address_ranges.write_limit
        np.testing.assert_array_equal(result.dram, before[low:high])
        assert result.quiet and not result.violations
        simulated = timed(program)
        assert (simulated.fault, simulated.fault_index) == (Fault.WRONG_MACHINE, 0)
        counters = [registers[offset_of(f"{c.name.lower()}_lo")] for c in Counter]
        assert (result.cycles, counters) == (simulated.cycles, simulated.counters.tolist()), name


def test_the_simulator_stops_likewise(foreign):
    for name, case in foreign.items():
        found = simulate(case.program, case.inputs)
        assert (found.fault.fault, found.fault.index) == (Fault.WRONG_MACHINE, 0), name
        assert case.program.fault.fault == Fault.WRONG_MACHINE and not case.program.commands
        assert found.timing is None and not found.tensors


def test_machines_that_mean_the_same_run_each_others_programs(seed):
    cases = [on_tiny(convolutions(), with_values(TINY, values), seed) for values in ALIKE.values()]
    assert compare("tiny", cases) == []


def test_fewer_rows_run_what_is_one_tile_on_any(seed):
    assert compare("tiny", [on_tiny(classifier(), WIDE, seed)]) == []
    found = simulate(on_tiny(convolutions(), WIDE, seed).program)
    assert found.fault.fault == Fault.WRONG_MACHINE


def test_a_program_asks_for_the_lines_that_it_may_read():
    """A line that begins with the last word in use reaches into the next one."""
    compiled = compile(convolutions(), TINY)
    (segment,) = mapping(compiled)["segments"]
    last = segment["fingerprint"] >> 16
    spans = [s for c in compiled.commands for s in (*c.scratchpad_reads, *c.scratchpad_writes)]
    words = max(np.arange(TINY.scratchpad_words)[s.words()].max() for s in spans) + 1
    assert words <= (last + 1) * TINY.line_words < words + 2 * TINY.line_words


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_user_is_told_of_both_machines(folder, capsys, command):
    path = folder / "mapping.json"
    content = json.loads(path.read_text())
    content["config"] = to_dict(OTHERS["line_words"])
    path.write_text(json.dumps(content))
    before = snapshot(folder.parent)
    assert run(command, folder) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and snapshot(folder.parent) == before
    line = captured.err.splitlines()[-1]
    assert line.startswith("error: ") and "fault WRONG_MACHINE at command 0" in line
    for_, here = line.split("it is for ")[1].split("; here are ")
    sizes = "cols 4, rows {}, line_words {}, {} scratchpad lines"
    assert re.search(sizes.format("any", 8, r"\d+"), for_) and sizes.format(4, 4, 3840) in here


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_mapping_of_another_version_is_refused(folder, capsys, command):
    path = folder / "mapping.json"
    content = json.loads(path.read_text())
    content["version"] = 2
    path.write_text(json.dumps(content))
    parts = (str(path), "version 2 of the program format", "6 is accepted", "map the model again")
    refused(capsys, folder.parent, parts, command, folder)


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_mapping_with_the_program_of_another_is_refused(folder, capsys, command):
    path = folder / "mapping.json"
    content = json.loads(path.read_text())
    found = content["segments"][0]["fingerprint"]
    stated = content["segments"][0]["fingerprint"] = found + (1 << 16)
    path.write_text(json.dumps(content))
    assert found & 0xFFFF == 0x1203
    parts = (str(path), f"fingerprint {stated:#010x}", f"program.bin has {found:#010x}")
    refused(capsys, folder.parent, parts, command, folder)


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_memory_that_ends_beyond_all_addresses_is_refused(folder, capsys, command):
    path = folder / "mapping.json"
    content = json.loads(path.read_text())
    content["base"] = (1 << 32) - 4096
    path.write_text(json.dumps(content))
    refused(capsys, folder.parent, (str(path), f"base {content['base']:#x}"), command, folder)


@pytest.mark.parametrize("key", ["program_addr", "program_size", "base"])
@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_misaligned_program_is_that_fault_and_no_other(folder, capsys, command, key):
    path = folder / "mapping.json"
    content = json.loads(path.read_text())
    (content if key == "base" else content["segments"][0])[key] += 4
    path.write_text(json.dumps(content))
    assert run(command, folder) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ") and "fault MISALIGNED at command 0" in line
