"""Machines whose output beats enter the requantiser in halves: RTL, simulator and golden agree."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.spec.config import AccelConfig, preset, with_values
from hw.spec.external_memory import Memory
from hw.spec.regs import Counter, Fault, offset_of
from hw.tools.cosim.compare import LEAST_MEMORY
from hw.tools.cosim.design import Design
from hw.tools.verilog_cache import verilog
from tests.e2e.cases import (
    GAP_RATE,
    Case,
    branches_case,
    compare,
    layer_case,
    mapped_case,
    program_case,
)
from tests.e2e.fault_runs import DONE, GOOD, check_clean, on_rtl, spec, status, timed
from tests.e2e.test_restarts import RESTARTS, restart
from tests.support.fault_cases import fault_cases, timeouts
from tests.support.fault_programs import memory
from tests.support.programs import SCRATCHPAD_WORDS, random_program
from tests.support.random_cascades import random_cascade
from tests.support.random_layers import random_layer

HALF = with_values(preset("tiny"), {"requant_lanes": 2})
"""Lines of eight words; it runs the programs of ``tiny``."""
ECP5_25 = pytest.mark.xdist_group("accelerator_ecp5_25")
MINE = pytest.mark.xdist_group("accelerator_half")
MACHINES, PROGRAMS = 20, 10


def design(config: AccelConfig) -> Design:
    """The RTL of a machine."""
    return Design(verilog(config), config.bus_bytes, LEAST_MEMORY["verilator"])


def cases(config: AccelConfig, seeds: range) -> list[Case]:
    """A random program, layer and cascade for each seed."""
    return [
        case
        for s in seeds
        for case in (
            Case(random_program(config, s), s, f"program, seed {s}, of this machine"),
            mapped_case(random_layer(config, s), s, f"layer, seed {s}, of this machine"),
            mapped_case(random_cascade(config, s), s, f"cascade, seed {s}, of this machine"),
        )
    ]


@ECP5_25
@pytest.mark.parametrize("gap_rate", [0.0, GAP_RATE])
def test_on_ecp5_25(gap_rate, seed):
    seeds = range(seed, seed + 10)
    found = [
        make("ecp5_25", s) for s in seeds for make in (program_case, layer_case, branches_case)
    ]
    assert compare("ecp5_25", found, gap_rate) == []


@MINE
def test_with_lines_of_eight_words(seed):
    found = cases(HALF, range(seed, seed + 10))
    assert compare(HALF.name, found, machine=design(HALF)) == []


@MINE
def test_a_fault_ends_the_run_in_the_simulated_cycle():
    found = {case.name: case for case in [*fault_cases(), *timeouts()]}
    results = on_rtl({name: spec(case) for name, case in found.items()}, design(HALF))
    for name, case in found.items():
        run, result = timed(case, config=HALF), results[name]
        if run.fault != Fault.NONE:
            counters = [result.registers[offset_of(f"{c.name.lower()}_lo")] for c in Counter]
            assert (result.cycles, counters) == (run.cycles, run.counters.tolist()), name
        check_clean(result, case.address_ranges)


@MINE
def test_a_run_after_a_fault_is_as_a_fresh_one():
    runs = {
        (name, again): restart(case, again) for name, case in RESTARTS.items() for again in (0, 1)
    }
    results = on_rtl(runs, design(HALF))
    for name in RESTARTS:
        fresh, result = results[name, 0], results[name, 1]
        assert status(fresh) == (DONE, Fault.NONE, 0)
        check_clean(result)
        assert (result.registers, result.cycles) == (fresh.registers, fresh.cycles), name
        changed = fresh.dram != memory(RESTARTS[name].code, GOOD.code)
        np.testing.assert_array_equal(result.dram[changed], fresh.dram[changed])


def random_machine(seed: int) -> AccelConfig:
    """A small machine of any shape with half as many lanes as columns."""
    rng = random.Random(seed)
    rows, cols = rng.choice((4, 4, 8, 16)), rng.choice((4, 4, 8, 16))
    bus = rng.choice((cols, cols, 4, 8))
    return AccelConfig(
        name=f"half{seed}",
        rows=rows,
        cols=cols,
        bus_bytes=bus,
        line_words=rng.choice((4, 8)),
        scratchpad_bytes=(SCRATCHPAD_WORDS + 360) * cols,
        requant_lanes=cols // 2,
        address_lanes=rows // rng.choice((1, 2, 4)),
        queue_depth=rng.choice((2, 4, 5)),
        memory=Memory(rng.choice((1, 20, 64)), bus // rng.choice((1, 1, 2))),
    )


@pytest.mark.full
@pytest.mark.parametrize("number", range(MACHINES))
def test_on_random_machines(number, seed):
    first = seed + number * PROGRAMS
    config = random_machine(first)
    print(config)
    found = cases(config, range(first, first + PROGRAMS))
    assert compare(config.name, found, machine=design(config)) == []
