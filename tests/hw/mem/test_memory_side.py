"""LOAD, STORE and command fetch in the whole machine: data, cycles and counters as simulated."""

import random

import numpy as np
import pytest

from hw.spec.config import preset, with_values
from hw.spec.isa import Opcode
from hw.spec.regs import CYCLE_COUNTERS, Counter, Fault
from sim.timing import machine as timing
from sim.timing.ctrl.decode_check import decode
from sim.timing.state import parameters
from tests.hw.mem.dma_programs import ADDRESS_RANGES, MEMORY, RESULT, random_program
from tests.hw.mem.machine import START, memory_for, simulate
from tests.support.encode import encode


def _simulated(config, image, addr, size, address_ranges=ADDRESS_RANGES, **errors):
    values = parameters(config, addr, size, address_ranges, memory_bytes=len(image), **errors)
    return timing.run(decode(image, addr, size, config), values, config)


def _image(code):
    image = np.zeros(MEMORY, np.uint8)
    image[: len(code)] = np.frombuffer(code, np.uint8)
    image[0x4000:RESULT] = np.random.default_rng(1).integers(0, 256, RESULT - 0x4000)
    return image


@pytest.mark.parametrize(
    ("bus", "commands"),
    [
        ({}, 6),
        ({"memory.bytes_per_cycle": 1}, 2),
        ({"cols": 8, "bus_bytes": 4}, 2),
        ({"bus_bytes": 8, "memory.bytes_per_cycle": 4}, 3),
    ],
    ids=str,
)
def test_random_programs_take_the_simulated_cycles(bus, commands, seed):
    """A slow bus gets few commands: the RTL does a hundred cycles in a second."""
    rng = random.Random(seed + commands)
    config = with_values(preset("tiny"), {"memory.latency": rng.choice((1, 20, 64)), **bus})
    program = random_program(config, seed + commands, commands)
    memory = memory_for(config, program.image)

    async def bench(machine):
        await machine.configure(program.addr, program.size, ADDRESS_RANGES)
        cycles = await machine.run()
        assert await machine.read("status") == 0b10
        counters = [await machine.read(f"{c.name.lower()}_lo") for c in Counter]
        run = _simulated(config, program.image, program.addr, program.size)
        assert run.fault == Fault.NONE
        assert cycles == run.cycles == await machine.read("cycles_lo")
        assert sum(counters[c] for c in CYCLE_COUNTERS) == cycles
        assert counters == list(run.counters)

    simulate(config, memory, bench)
    if program.expected is not None:
        assert bytes(memory.memory) == program.expected.tobytes()


def test_nothing_is_requested_after_a_reset_of_one_cycle(seed):
    """In a cycle in which command fetch waits for the rest of the program."""
    config = preset("tiny")
    program = random_program(config, seed, 20)
    moment = random.Random(seed).randrange(20, 60)

    async def bench(machine):
        ctx, dut = machine.ctx, machine.dut
        await machine.configure(program.addr, program.size, ADDRESS_RANGES)
        await machine.write("control", START)
        for _ in range(moment):
            await machine.tick()
        ctx.set(machine.rst, 1)
        await ctx.tick()
        ctx.set(machine.rst, 0)
        for _ in range(50):
            assert not ctx.get(dut.m_axi_arvalid) and not ctx.get(dut.m_axi_awvalid)
            await ctx.tick()

    simulate(config, memory_for(config, program.image), bench)


def test_faults_are_reported_and_the_next_run_is_whole():
    config = preset("tiny")
    good = b"".join(
        (
            encode(
                config, Opcode.LOAD, dram_addr=0x4000, scratchpad_addr=3, row_count=1, row_length=40
            ),
            encode(
                config,
                Opcode.STORE,
                dram_addr=RESULT,
                scratchpad_addr=3,
                row_count=1,
                row_length=40,
                wait_load=1,
            ),
            encode(config, Opcode.END, wait_load=1, wait_store=1),
        )
    )
    copy = encode(
        config, Opcode.STORE, dram_addr=RESULT, scratchpad_addr=0, row_count=8, row_length=40
    )
    end = encode(config, Opcode.END, wait_store=2)
    beyond = encode(
        config,
        Opcode.LOAD,
        dram_addr=0x4000,
        scratchpad_addr=config.scratchpad_words,
        row_count=1,
        row_length=9,
    )
    far = encode(
        config, Opcode.STORE, dram_addr=0x4000, scratchpad_addr=0, row_count=1, row_length=9
    )
    zero = encode(config, Opcode.LOAD, dram_addr=0x4000, row_count=0, row_length=9)
    broken = (
        (good[:128], Fault.NO_END, 2),
        (good + b"\5" * 64, None, 0),
        (beyond + end, Fault.SCRATCHPAD_RANGE, 0),
        (copy + far + end, Fault.ADDRESS_RANGE, 1),
        (copy + zero, Fault.ILLEGAL_FIELD, 1),
        (copy + b"\5" * 64, Fault.ILLEGAL_OPCODE, 1),
    )
    image = _image(good)
    memory = memory_for(config, image)

    async def bench(machine):
        for code, fault, index in broken:
            memory.memory[: len(code)] = code
            await machine.configure(0, len(code), ADDRESS_RANGES)
            await machine.run()
            run = _simulated(config, np.frombuffer(bytes(memory.memory), np.uint8), 0, len(code))
            assert (run.fault, run.fault_index) == (fault or 0, index)
            status = await machine.read("status")
            assert status == (0b10 if fault is None else 0b100 | fault << 8)
            assert await machine.read("fault_index") == index
            assert not memory.reads and not memory.writes
        memory.memory[: len(good)] = good
        memory.memory[RESULT:] = bytes(MEMORY - RESULT)
        await machine.configure(0, len(good), ADDRESS_RANGES)
        assert await machine.run() == _simulated(config, image, 0, len(good)).cycles

    simulate(config, memory, bench)
    assert memory.memory[RESULT : RESULT + 160] == memory.memory[0x4000:0x40A0]
    assert not any(memory.memory[RESULT + 160 :])


def test_soft_reset_ends_transfers_and_clears():
    config = preset("tiny")
    code = b"".join(
        (
            encode(
                config,
                Opcode.LOAD,
                dram_addr=0x4000,
                scratchpad_addr=0,
                row_count=1,
                row_length=400,
            ),
            encode(
                config,
                Opcode.STORE,
                dram_addr=RESULT,
                scratchpad_addr=0,
                row_count=1,
                row_length=400,
            ),
            encode(config, Opcode.END, wait_load=1, wait_store=1),
        )
    )
    image = _image(code)
    memory = memory_for(config, image)

    async def bench(machine):
        await machine.configure(0, len(code), ADDRESS_RANGES)
        expected = _simulated(config, image, 0, len(code)).cycles
        for after in (1, 70, 140, 300):
            await machine.write("control", 0b101)
            for _ in range(after):
                await machine.tick()
            await machine.write("control", 0b110)
            while await machine.read("status"):
                pass
            assert not memory.reads and not memory.writes
        memory.writes_turn = False
        assert await machine.run() == expected

    simulate(config, memory, bench)
