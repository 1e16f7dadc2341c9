"""What unit tests of the hardware share: configurations, simulator, commands, the scratchpad's
reads."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import pytest
from amaranth.sim import Simulator

from hw import command_layouts
from hw.spec.config import AccelConfig, preset, with_values
from hw.spec.timing import READ_LATENCY
from tests.sim.commands import random_execute

TINY = preset("tiny")
WIDE = AccelConfig(name="wide", rows=8, cols=4, scratchpad_bytes=64 * 32, requant_lanes=8)
"""Two words leave the post-processor per cycle, and two lanes share a weight port."""
NARROW = AccelConfig(
    name="narrow", rows=8, cols=4, line_words=4, scratchpad_bytes=128 * 16, requant_lanes=8
)
"""As WIDE, with lines of half the words."""
BROAD = AccelConfig(
    name="broad", rows=8, cols=32, line_words=4, scratchpad_bytes=64 * 128, requant_lanes=64
)
"""Eight parts of a lookup table in a word: more than the requantiser's stages hide."""
HALF = with_values(TINY, {"name": "half", "requant_lanes": 2})
"""Beats enter the requantiser in halves."""
HALF_NARROW = with_values(HALF, {"name": "half_narrow", "rows": 8, "line_words": 4})
"""The same, whose residual beats are further apart than its lines are long."""
all_configs = pytest.mark.parametrize(
    "config", [TINY, WIDE, NARROW, HALF, HALF_NARROW], ids=lambda config: config.name
)


def simulate(dut, bench) -> None:
    """Run ``bench(ctx)`` on ``dut`` from reset."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def execute_command(fields: dict[str, int], index: int = 0):
    """The value of a decoded EXECUTE; fields not named are 0."""
    return command_layouts.EXECUTE.const(fields | {"index": index})


def random_command(rng: random.Random, config: AccelConfig) -> dict[str, int]:
    """The fields of a random EXECUTE, with those that follow from the array's size."""
    fields = random_execute(rng, config)
    rows, columns = divmod(config.shape_pixels(fields["array_shape"]), fields["out_width"])
    fields["pixel_group_x"] = columns * fields["col_stride"]
    fields["pixel_group_y"] = rows * fields["wrap_y"]
    fields["pixel_group_row"] = fields["pixel_group_y"] * fields["in_row"]
    return fields


def split(value: int, bits: int, count: int) -> list[int]:
    """``value`` cut into ``count`` pieces of ``bits`` bits, the lowest first."""
    return [value >> bits * i & (1 << bits) - 1 for i in range(count)]


def join(pieces: list[int], bits: int) -> int:
    """The reverse of ``split``."""
    return sum(piece << bits * i for i, piece in enumerate(pieces))


class LineReads:
    """The scratchpad's read port: the line requested in cycle t is there in t + READ_LATENCY.

    ``word(a)`` is what word address ``a`` holds. ``line`` and then ``request`` are called once a
    cycle.
    """

    def __init__(self, config: AccelConfig, word: Callable[[int], int]) -> None:
        self._bits, self._words = config.word_bytes * 8, config.line_words
        self._word = word
        self._flight = deque([None] * READ_LATENCY)
        self._line = 0

    def line(self) -> int:
        """The line register in this cycle; it keeps its value when nothing was requested."""
        address = self._flight.popleft()
        if address is not None:
            pieces = [0] * self._words
            for a in range(address, address + self._words):
                pieces[a % self._words] = self._word(a)
            self._line = join(pieces, self._bits)
        return self._line

    def request(self, address: int | None) -> None:
        """The word address granted in this cycle, if any."""
        self._flight.append(address)


def scrambled(address: int) -> int:
    """A 32-bit word that differs from address to address in every byte."""
    return (address + 1) * 0x9E3779B1 >> 3 & 0xFFFFFFFF
