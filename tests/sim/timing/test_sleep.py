"""The memory side may sleep, and calm cycles pass at once: cycles, counters and commands' times are
as when everything always steps."""

import dataclasses
import random

import numpy as np
import pytest

from compiler import driver, zoo
from compiler.codegen.program import write_program
from compiler.ir.randomize import randomize
from hw.spec.config import preset, with_values
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.program_reader import read_program
from sim.timing.ctrl.decode_check import decode
from sim.timing.machine import run
from sim.timing.state import (
    HANDSHAKES,
    parameters,
)
from tests.hw.mem import dma_programs
from tests.support import fault_cases, fault_programs
from tests.support.encode import encode
from tests.support.programs import random_program

MEMORIES = [(1, 1), (7, 4), (20, 2), (64, 1), (150, 4), (400, 1)]
"""Cycles of latency, and beats' distance."""


def both(config, image, addr, size, address_ranges, **memory):
    """The run, which must be the same with sleep and without."""
    commands = decode(image, addr, size, config)
    setup = parameters(config, addr, size, address_ranges, **memory)
    sleeping = run(commands, setup, config)
    stepping = run(commands, setup, config, sleeps=False)
    for name, one, other in zip(sleeping._fields, sleeping, stepping, strict=True):
        assert np.array_equal(one, other), name
    return sleeping


def whole(program):
    """The run of a program, which must be done."""
    address_ranges = dataclasses.astuple(program.address_ranges)
    (segment,) = program.segments
    result = both(program.config, program.image, segment.address, segment.size, address_ranges)
    assert result.fault == Fault.NONE


@pytest.mark.parametrize("name", ["tiny", "ecp5_25", "ecp5", "edge256"])
@pytest.mark.parametrize("latency, distance", MEMORIES)
def test_random_programs(name, latency, distance, seed):
    config = preset(name)
    settings = {"latency": latency, "bytes_per_cycle": config.bus_bytes // distance}
    for number in range(10):
        depth = random.Random(seed + number).choice((2, 4, 8))
        whole(
            random_program(
                with_values(config, {"memory": settings, "queue_depth": depth}), seed + number
            )
        )


def test_random_transfers(seed):
    for number in range(60):
        rng = random.Random(seed + number)
        latency, distance = rng.choice(MEMORIES)
        config = with_values(
            preset("tiny"), {"memory": {"latency": latency, "bytes_per_cycle": 4 // distance}}
        )
        program = dma_programs.random_program(config, seed + number, rng.randint(1, 10))
        both(config, program.image, program.addr, program.size, dma_programs.ADDRESS_RANGES)


def test_long_bursts(seed):
    """Words that stream into the scratchpad, from and to any place, and memory that fails among
    them."""
    for number in range(80):
        rng = random.Random(seed + number)
        config = with_values(fault_programs.CONFIG, {"memory": {"latency": rng.choice((1, 7, 64))}})
        loads = [encode(config, Opcode.LOAD, **long_load(rng)) for _ in range(rng.randint(1, 4))]
        code = b"".join(loads) + encode(config, Opcode.END, wait_load=len(loads))
        low = fault_programs.DATA + rng.randrange(0, 0x800)
        errors = rng.choice(
            (
                {},
                {},
                {"read_error": (low, low + 4, 2)},
                {"memory_bytes": low & ~3},
            )
        )
        both(
            config,
            fault_programs.memory(code),
            fault_programs.PROGRAM,
            len(code),
            fault_programs.ADDRESS_RANGES,
            **errors,
        )


def long_load(rng):
    """Fields of a LOAD, perhaps across a burst boundary or beyond the scratchpad's end."""
    word, length = fault_programs.WORD, rng.randint(1, 200)
    end = fault_programs.BEYOND + rng.choice((-1, 9)) - length
    return {
        "dram_addr": fault_programs.DATA + word * rng.randrange(0, 0x180),
        "dram_stride": word * length,
        "scratchpad_stride": rng.randint(1, 20),
        "row_count": rng.randint(1, 3),
        "scratchpad_addr": rng.choice((rng.randrange(0, 900), rng.randrange(0, 900), end)),
        "row_length": length,
        "wait_load": rng.choice((0, 0, 1)),
    }


def test_faults():
    for case in [*fault_cases.fault_cases(), *fault_cases.timeouts()]:
        image = fault_programs.memory(case.code)
        errors = {name: dataclasses.astuple(region) for name, region in case.errors.items()}
        both(
            fault_programs.CONFIG,
            image,
            case.addr,
            case.program_size,
            case.address_ranges,
            **errors,
        )


def test_a_memory_that_stops_answering(seed):
    case = fault_cases.timeouts()[0]
    image = fault_programs.memory(case.code)
    for channel, events in HANDSHAKES.items():
        silence = events, random.Random(f"{seed} {channel}").randrange(100)
        both(
            fault_programs.CONFIG,
            image,
            case.addr,
            case.program_size,
            case.address_ranges,
            silence=silence,
        )


@pytest.mark.parametrize(
    "preset_name, name",
    [
        ("tiny", "mobilenet_v1_025"),
        ("edge256", "mobilenet_v1_025"),
        ("edge256", "mobilenet_v2"),
        pytest.param("edge256", "mobilenet_v1", marks=pytest.mark.full),
        pytest.param("edge256", "efficientnet_lite0", marks=pytest.mark.full),
        pytest.param("tiny", "mobilenet_v1", marks=pytest.mark.full),
        pytest.param("tiny", "mobilenet_v2", marks=pytest.mark.full),
    ],
)
def test_networks(preset_name, name, tmp_path):
    graph = randomize(zoo.build(name), 0)
    write_program(driver.compile(graph, preset(preset_name)), tmp_path)
    whole(read_program(tmp_path))


@pytest.mark.parametrize(
    "fields",
    [
        (Opcode.LOAD, {"dram_addr": 0}),
        (Opcode.LOAD, {"dram_addr": fault_programs.ADDRESS_RANGES[1], "unpack": 1, "channels": 3}),
        (Opcode.LOAD, {"dram_addr": fault_programs.DATA, "scratchpad_addr": fault_programs.BEYOND}),
        (Opcode.STORE, {"dram_addr": fault_programs.DATA}),
        (
            Opcode.STORE,
            {"dram_addr": fault_programs.RESULT, "scratchpad_addr": fault_programs.BEYOND},
        ),
    ],
)
def test_a_fault_when_all_else_is_quiet(fields):
    opcode, values = fields
    late = (opcode, {"row_count": 1, "row_length": 9, "wait_execute": 2, "wait_store": 2} | values)
    code = fault_programs.encode([*fault_programs.whole_program()[:-1], late])
    code += encode(fault_programs.CONFIG, Opcode.END, wait_load=4, wait_store=3)
    image = fault_programs.memory(code)
    result = both(
        fault_programs.CONFIG,
        image,
        fault_programs.PROGRAM,
        len(code),
        fault_programs.ADDRESS_RANGES,
    )
    assert result.fault in (Fault.ADDRESS_RANGE, Fault.SCRATCHPAD_RANGE)
    assert result.fault_index == fault_programs.END
