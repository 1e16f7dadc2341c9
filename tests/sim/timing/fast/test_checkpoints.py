"""Resumed runs are those of the whole program, from any other program that begins alike."""

import dataclasses

import numpy as np
import pytest

from hw.spec.config import preset
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
from tests.support.programs import random_program


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
