"""Resumed runs are those of the whole program, from any other program that begins alike."""

import dataclasses
import random

import numpy as np
import pytest

from compiler.estimator import Estimator
from hw.spec.config import preset, with_values
from hw.spec.isa import FIELDS, Opcode
from hw.spec.timing import BURST_BOUNDARY
from sim.timing.ctrl.decode_check import (
    Commands,
    assembled,
    decode,
)
from sim.timing.fast.checkpoints import (
    SPACING,
    PrefixCache,
)
from sim.timing.machine import run
from sim.timing.state import parameters
from tests.sim.timing.test_sleep import MEMORIES
from tests.support.mutated_networks import Block, mutated, network
from tests.support.programs import random_program

BLOCKS = (Block(1, 8, 1), Block(4, 16, 2), Block(4, 16, 1))
EVERYWHERE = (0, 1 << 32, 0, 1 << 32)


def programs(name, seed, count):
    """Random programs of more than SPACING commands, each with its commands."""
    for number in range(seed, seed + 50 * count):
        program = random_program(preset(name), number)
        (segment,) = program.segments
        commands = decode(program.image, segment.address, segment.size, program.config)
        if len(commands.opcodes) > 2 * SPACING:
            yield program, segment, commands
            count -= 1
        if not count:
            return


def assert_same(one, other):
    for name, a, b in zip(one._fields, one, other, strict=True):
        assert np.array_equal(a, b), name


def moved(commands: Commands) -> Commands:
    """The program with its memory some bursts' bounds further on."""
    fields = commands.fields.copy()
    for opcode in (Opcode.LOAD, Opcode.STORE):
        column = [field.name for field in FIELDS[opcode]].index("dram_addr")
        fields[commands.opcodes == opcode, column] += 3 * BURST_BOUNDARY
    return commands._replace(fields=fields)


@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_random_programs(name, seed):
    print(f"seed {seed}")
    for program, segment, commands in programs(name, seed, 8):
        address_ranges = dataclasses.astuple(program.address_ranges)
        setup = parameters(program.config, segment.address, segment.size, address_ranges)
        whole = run(commands, setup, program.config)
        resumer = PrefixCache(program.config)
        assert_same(resumer.run(commands, segment.address), whole)
        assert resumer.restored == 0
        assert_same(resumer.run(moved(commands), segment.address), whole)
        assert resumer.restored >= SPACING


@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_longer_and_shorter_programs(name, seed):
    """A program and its first part, which ends elsewhere, in both orders."""
    print(f"seed {seed}")
    for program, segment, commands in programs(name, seed, 4):
        rows = [(c.opcode, c.fields) for c in segment.commands]
        cut = assembled([*rows[: len(rows) * 2 // 3], rows[-1]], program.config)
        ends = [cut.opcodes == op for op in (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)]
        for column, count in enumerate(int(end.sum()) for end in ends):
            cut.fields[-1, 1 + column] = count
        for order in ((commands, cut), (cut, commands)):
            resumer = PrefixCache(program.config)
            for each in order:
                assert_same(resumer.run(each, 0), PrefixCache(program.config).run(each, 0))


@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_assembled_commands_are_those_decoded(name, seed):
    for program, segment, commands in programs(name, seed, 4):
        found = assembled([(c.opcode, c.fields) for c in segment.commands], program.config)
        assert_same(found, commands)


@pytest.mark.parametrize("name", ("tiny", "ecp5_25", "ecp5", "edge256"))
def test_networks_that_differ_in_a_block(name, seed):
    """Networks on machines with random memories and queues, against runs from the start in which
    every unit steps in every cycle."""
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(3):
        config = random_machine(name, draw)
        estimator, blocks = Estimator(config), BLOCKS
        for _ in range(6):
            blocks = mutated(blocks, draw)
            compiled, _ = estimator.timed(network(blocks, size=24, stem=8, head=32, classes=10))
            ((address, size),) = compiled.memory.programs
            rows = [(c.opcode, c.all_fields) for c in compiled.segments[0].commands]
            commands = assembled(rows, config)
            setup = parameters(config, address, size, EVERYWHERE)
            whole = run(commands, setup, config, sleeps=False)
            assert_same(estimator.prefixes.run(commands, address), whole)
        assert estimator.prefixes.restored


def random_machine(name, draw):
    """The preset with another memory and another depth of the queues."""
    latency, distance = draw.choice(MEMORIES)
    config = preset(name)
    memory = {"latency": latency, "bytes_per_cycle": config.bus_bytes // distance}
    return with_values(config, {"memory": memory, "queue_depth": draw.choice((2, 4, 8))})
