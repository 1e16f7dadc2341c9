"""The C driver: compiled for bare metal, and run against the RTL of ``tiny``."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from golden.network import run as golden_run
from hw.spec import isa
from hw.spec.config import preset
from hw.spec.docgen import c_header
from hw.spec.fingerprint import command_fields, fingerprint
from hw.spec.isa import Opcode
from hw.spec.regs import PROGRAM_ALIGN, Counter, Fault
from hw.tools import (
    integration,
    verilator,
)
from hw.tools.cosim.compare import (
    TIMEOUT_EXTRA,
    run_spec,
)
from hw.tools.cosim.design import TOPS
from hw.tools.cosim.runner import write_plan
from sim.program_reader import (
    Program,
    program_of,
)
from sim.simulation import run_timing
from tests.e2e.cases import design

CONFIG = preset("tiny")
SOURCES = Path(integration.__file__).parent
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffreestanding", "-O2")
BASE = 0x8000_0000
"""Byte address of the memory image."""
BAD = 1 << 20
"""Place in it of the program with an illegal command, beyond the network's memory."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A folder with the driver and the register header."""
    folder = tmp_path_factory.mktemp("driver")
    for name in ("accel.c", "accel.h"):
        (folder / name).write_text((SOURCES / name).read_text())
    (folder / "regs.h").write_text(c_header())
    return folder


@pytest.fixture(scope="module")
def library(sources) -> Path:
    """The driver as a shared library that needs nothing from any other."""
    path = sources / "accel.so"
    options = ("-shared", "-fPIC", "-nostdlib", "-Wl,-z,defs")
    subprocess.run(["gcc", *FLAGS, *options, "-o", path, sources / "accel.c"], check=True)
    return path


def constants(text: str) -> dict[str, int]:
    """What ``accel.h`` calls its results."""
    found = re.findall(r"^    (ACCEL_\w+) = (-?\d+)", text, re.MULTILINE)
    return {name: int(value) for name, value in found}


RESULTS = constants((SOURCES / "accel.h").read_text())
OK, IDLE, RUNNING = (RESULTS[f"ACCEL_{name}"] for name in ("OK", "IDLE", "RUNNING"))


@dataclass(frozen=True)
class Network:
    """A small network mapped on ``tiny``, its input and golden's tensors."""

    program: Program
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def network(seed) -> Network:
    net = GraphBuilder("small", (6, 6, 4))
    first = net.conv("first", "input", 8, 3)
    graph = randomize(net.finish(net.add("sum", net.depthwise("second", first, 3), first)))
    compiled = compile(graph, CONFIG)
    memory = np.frombuffer(image(compiled), np.uint8)
    values = np.random.default_rng(seed).integers(-128, 128, (1, 6, 6, 4), dtype=np.int8)
    inputs = {"input": values}
    return Network(
        program_of(Path(), memory, mapping(compiled)), inputs, golden_run(graph.to_dict(), inputs)
    )


def bad_program(program: Program) -> bytes:
    """The first command of a program, and one whose opcode does not exist."""
    first = program.commands[0]
    fields = {name: value for name, value in first.fields.items() if name != "opcode"}
    illegal = next(code for code in range(16) if code not in set(Opcode))
    code = isa.encode(first.opcode, **fields) + illegal.to_bytes(4, "little")
    return code.ljust(-(-len(code) // PROGRAM_ALIGN) * PROGRAM_ALIGN, b"\0")


OTHER = isa.encode(Opcode.END, **command_fields(preset("ecp5")))
"""A program for another machine."""
OWN = fingerprint(CONFIG)
FINGERPRINTS = {
    "own": (OWN, True), "any rows": (OWN & ~0xF0, True), "one line": (OWN & 0xFFFF, True),
    "a line more": (OWN + (1 << 16), False), "all lines": (OWN | 0xFFFF0000, False),
    "no line words": (OWN & ~0xF, False), "no cols": (OWN & ~0xF00, False),
    "no format": (OWN & ~0xF000, False), "other rows": (OWN ^ 0x70, False), "nothing": (0, False),
}  # fmt: skip
"""Fingerprints, and whether ``tiny`` runs programs with them."""


@pytest.fixture(scope="module")
def seen(network, library, tmp_path_factory) -> dict:
    """What the driver saw, and ``tensors`` that the last run left in memory."""
    work = tmp_path_factory.mktemp("run")
    program = dataclasses.replace(network.program, base=BASE)
    (segment,) = program.segments
    bad = bad_program(program)
    memory = np.zeros(BAD + len(bad) + len(OTHER), np.uint8)
    used = program.memory(network.inputs)
    memory[: len(used)] = used
    memory[BAD:] = np.frombuffer(bad + OTHER, np.uint8)
    spec = run_spec(program, segment, memory, TIMEOUT_EXTRA)
    write_plan(work, design("tiny"), [spec], "dram")
    address_ranges = program.address_ranges
    limits = [
        address_ranges.read_base,
        address_ranges.read_limit,
        address_ranges.write_base,
        address_ranges.write_limit,
    ]
    plan = {
        "library": str(library),
        "good": [BASE, segment.address, segment.size, *limits],
        "code": program.image[segment.address :][:PROGRAM_ALIGN].tolist(),
        "other code": list(OTHER),
        "fingerprints": [value for value, _ in FINGERPRINTS.values()],
        "bad": [BASE, BAD, len(bad), limits[0], len(memory), *limits[2:]],
        "other": [BASE, BAD + len(bad), len(OTHER), limits[0], len(memory), *limits[2:]],
    }
    (work / "driver.json").write_text(json.dumps(plan))
    folder = design("tiny").build()
    verilator.simulate(folder, work, TOPS["dram"], "tests.hw.tools.integration.driver_bench")
    written = np.fromfile(work / "dump_0.bin", np.uint8)
    memory[address_ranges.write_base : address_ranges.write_limit] = written[
        : address_ranges.write_limit - address_ranges.write_base
    ]
    return json.loads((work / "seen.json").read_text()) | {"tensors": program.tensors(memory)}


def test_the_driver_is_cpp_too(sources):
    flags = [flag for flag in FLAGS if not flag.startswith("-std")]
    source = sources / "accel.c"
    subprocess.run(["g++", "-x", "c++", "-std=c++98", *flags, "-fsyntax-only", source], check=True)


def test_memory_mapped_access(library):
    words = (ctypes.c_uint32 * 3)(1, 2, 3)
    driver = ctypes.CDLL(str(library))
    driver.accel_mmio_read.restype = ctypes.c_uint32
    address = ctypes.addressof(words)
    assert driver.accel_mmio_read(ctypes.c_size_t(address + 4)) == 2
    driver.accel_mmio_write(ctypes.c_size_t(address + 8), ctypes.c_uint32(0xFFFFFFFF))
    assert list(words) == [1, 2, 0xFFFFFFFF]


@pytest.mark.xdist_group("accelerator_tiny")
class TestOnTheRtl:
    def test_a_run_ends_with_its_interrupt(self, seen, network):
        assert seen["probe"] == OK
        assert seen["answered"] == [OK, 0, 0] and not seen["irq"]
        assert seen["second answer"] == [IDLE, 0, 0]
        assert seen["tensors"]
        for name, value in seen["tensors"].items():
            np.testing.assert_array_equal(value, network.expected[name], name)

    def test_counters_are_those_of_the_simulator(self, seen, network):
        timing = run_timing(network.program)
        assert seen["cycles"] == seen["polled cycles"] == timing.cycles
        names = [counter.name.lower() for counter in Counter]
        assert dict(zip(names, seen["counters"], strict=True)) == timing.counters
        assert seen["no counter"] == 0

    def test_polling_needs_no_interrupt(self, seen):
        assert seen["waited"] == [OK, 0, 0] and not seen["irq disabled"]

    def test_a_fault_is_told_and_answered(self, seen):
        fault = [RESULTS["ACCEL_ERROR_FAULT"], Fault.ILLEGAL_OPCODE, 1]
        assert seen["faulty start"] == OK
        assert seen["fault"] == seen["fault answered"] == fault
        assert not seen["irq answered"] and seen["after the fault"] == [IDLE, 0, 0]

    def test_a_soft_reset_recovers(self, seen):
        assert seen["reset"] == OK and not seen["irq reset"]
        assert seen["after the reset"] == [IDLE, 0, 0]

    def test_a_soft_reset_ends_a_run(self, seen):
        assert seen["early"] == [RUNNING, 0, 0]
        assert seen["impatient"] == [RESULTS["ACCEL_ERROR_TIMEOUT"], 0, 0]
        assert seen["early reset"] == OK and seen["early reset done"] == [IDLE, 0, 0]

    def test_a_start_that_cannot_be_is_refused(self, seen):
        assert seen["fresh"] == seen["still fresh"] == [IDLE, 0, 0]
        for place in ("odd base", "odd address", "odd size", "no size"):
            assert seen[place] == RESULTS["ACCEL_ERROR_PROGRAM"], place
        for place in ("high address", "high read limit", "high write limit"):
            assert seen[place] == RESULTS["ACCEL_ERROR_PROGRAM"], place
        assert seen["other code"] == RESULTS["ACCEL_ERROR_MACHINE"]
        assert seen["second start"] == RESULTS["ACCEL_ERROR_BUSY"]

    def test_another_machines_program_is_refused_unseen_too(self, seen):
        assert seen["foreign start"] == OK
        assert seen["foreign"] == [RESULTS["ACCEL_ERROR_FAULT"], Fault.WRONG_MACHINE, 0]

    def test_the_driver_knows_which_programs_run(self, seen):
        answers = {True: OK, False: RESULTS["ACCEL_ERROR_MACHINE"]}
        assert seen["accepts"] == [answers[runs] for _, runs in FINGERPRINTS.values()]

    def test_the_bus_is_used_by_its_rules(self, seen):
        assert not seen["violation"]
