"""Machines whose memory bus and words differ, drawn at random: RTL and simulator agree."""

from __future__ import annotations

import random

import pytest

from hw.spec.config import BUS_BYTES, LANE_GROUPS, AccelConfig
from hw.spec.external_memory import Memory
from hw.tools.cosim.compare import LEAST_MEMORY
from hw.tools.cosim.design import Design
from hw.tools.verilog_cache import verilog
from tests.e2e.cases import Case, compare, mapped_case
from tests.support.programs import SCRATCHPAD_WORDS, random_program
from tests.support.random_layers import random_layer

MACHINES, PROGRAMS = 20, 10


def random_machine(seed: int) -> AccelConfig:
    """A small machine of any shape, with a bus narrower or wider than a word."""
    rng = random.Random(seed)
    rows, cols = rng.choice((4, 4, 8, 16)), rng.choice((4, 8, 16))
    bus = rng.choice([width for width in BUS_BYTES if width != cols])
    line_words = rng.choice((4, 8))
    words = rng.choice((1, 2)) if rows >= 2 * LANE_GROUPS else 1
    return AccelConfig(
        name=f"random{seed}",
        rows=rows,
        cols=cols,
        bus_bytes=bus,
        line_words=line_words,
        scratchpad_bytes=(SCRATCHPAD_WORDS + 360) * cols,
        requant_lanes=words * cols,
        address_lanes=rows // rng.choice((1, 2, 4)),
        queue_depth=rng.choice((2, 4, 5)),
        memory=Memory(rng.choice((1, 20, 64)), bus // rng.choice((1, 1, 2))),
    )


@pytest.mark.full
@pytest.mark.parametrize("number", range(MACHINES))
def test_the_rtl_does_what_the_simulator_says(number, seed):
    first = seed + number * PROGRAMS
    config = random_machine(first)
    print(config)
    machine = Design(verilog(config), config.bus_bytes, LEAST_MEMORY["verilator"])
    seeds = range(first, first + PROGRAMS // 2)
    cases = [
        Case(random_program(config, s), s, f"program, seed {s}, of this machine") for s in seeds
    ]
    cases += [
        mapped_case(random_layer(config, s), s, f"layer, seed {s}, of this machine") for s in seeds
    ]
    assert not compare(config.name, cases, machine=machine)
