"""Waits: no command reads too early or overwrites too soon, however the units drift apart."""

from __future__ import annotations

import dataclasses

import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.options import CompilerOptions
from hw.spec.config import PRESETS, with_values
from hw.spec.isa import Opcode
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import random_graph

CONFIGS = (
    with_values(PRESETS["tiny"], {"scratchpad_bytes": 160 * PRESETS["tiny"].line_bytes}),
    with_values(PRESETS["ecp5"], {"scratchpad_bytes": 260 * PRESETS["ecp5"].line_bytes}),
    with_values(PRESETS["edge256"], {"scratchpad_bytes": 220 * PRESETS["edge256"].line_bytes}),
    PRESETS["edge256"],
)


each_config = pytest.mark.parametrize(
    "config", CONFIGS, ids=lambda c: f"{c.name}-{c.scratchpad_lines}"
)
both_ways = pytest.mark.parametrize("materialize", (False, True))


def check(config, materialize, first, count):
    """Look for hazards in ``count`` random programs, of which at least one must be possible."""
    checked = 0
    for number in range(first, first + count):
        try:
            compiled = compile(random_graph(number), config, CompilerOptions(materialize))
        except AllocationError:
            continue
        found = hazards(encode_commands(compiled.commands, config), config)
        assert not found, f"seed {number}: {found[:3]}"
        checked += 1
    assert checked


@each_config
@both_ways
def test_random_programs_have_no_hazards(config, materialize, seed):
    check(config, materialize, seed, 4)


@pytest.mark.full
@each_config
@both_ways
def test_many_random_programs_have_no_hazards(config, materialize, seed):
    check(config, materialize, seed + 4, 40)


def test_the_check_finds_a_missing_wait():
    config = CONFIGS[2]
    compiled = compile(random_graph(6), config)
    commands = list(compiled.commands)
    place = next(i for i, c in enumerate(commands) if c.opcode == Opcode.EXECUTE)
    commands[place] = dataclasses.replace(commands[place], waits=(0, 0, 0))
    assert hazards(encode_commands(commands, config), config)
    assert not hazards(encode_commands(compiled.commands, config), config)


def test_waits_refer_to_earlier_commands_and_end_waits_for_all():
    compiled = compile(random_graph(3), CONFIGS[0])
    counts = dict.fromkeys((Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE), 0)
    for command in compiled.commands:
        assert all(w <= n for w, n in zip(command.waits, counts.values(), strict=True))
        if command.opcode == Opcode.END:
            assert command.waits == tuple(counts.values())
        else:
            counts[command.opcode] += 1
