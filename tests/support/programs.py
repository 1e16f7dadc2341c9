"""Random programs, command by command: LOADs of a random pool, random EXECUTEs, STOREs of what they left."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode, encode
from tests.sim import commands

DATA = 1 << 16
"""Memory address of the pool's first contents; results follow behind."""
POOL_WORDS = 8192
RESULTS = (commands.OUTPUT_WORD, commands.RESIDUAL_WORD)
"""Pool words that EXECUTEs write and STOREs save."""


@dataclass(frozen=True)
class RandomProgram:
    """A memory image with a program at address 0, and its windows (read base, limit, write base, limit)."""

    image: np.ndarray
    program_size: int
    windows: tuple[int, int, int, int]
    seed: int


def random_program(config: AccelConfig, seed: int, executes: int = 3) -> RandomProgram:
    """A program that has no hazards between its EXECUTEs, whatever the timing; the same for the same seed."""
    rng = random.Random(seed)
    word = config.word_bytes
    pool = commands.random_state(rng, config).pool[:POOL_WORDS]
    results = DATA + pool.size
    size = results + (RESULTS[1] - RESULTS[0]) * word
    code = b"".join(_loads(rng, word)) + b"".join(_executes(rng, config, executes))
    code += b"".join(_stores(rng, word, results, executes))
    code += encode(Opcode.END, wait_load=LOADS, wait_execute=executes, wait_store=STORES)
    image = np.zeros(size, np.uint8)
    image[: len(code)] = np.frombuffer(code, np.uint8)
    image[DATA:results] = pool.reshape(-1).view(np.uint8)
    return RandomProgram(image, len(code), (0, results, results, size), seed)


LOADS, STORES = 4, 3


def _cuts(rng, low: int, high: int, parts: int) -> list[tuple[int, int]]:
    edges = [low, *sorted(rng.sample(range(low + 1, high), parts - 1)), high]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _loads(rng, word):
    for low, high in _cuts(rng, 0, POOL_WORDS, LOADS):
        yield encode(Opcode.LOAD, dram_addr=DATA + low * word, pool_addr=low, runs=1, length=high - low)


def _executes(rng, config, count):
    for i in range(count):
        fields = commands.random_execute(rng, config)
        fields.pop("opcode")
        channels = 1 if fields["depthwise"] else (fields["in_blocks"] - 1) * config.cols + fields["last_channels"]
        taps = (fields["groups"] - 1) * fields["group_taps"] + fields["last_taps"]
        words = fields["kernel_rows"] * taps * channels << fields["array_shape"]
        fields["weight_lines"] = -(-words // 8)
        rows, columns = divmod(config.rows >> fields["array_shape"], fields["out_width"])
        fields["tile_x"], fields["tile_y"] = columns * fields["col_stride"], rows * fields["wrap_y"]
        fields["tile_row"] = fields["tile_y"] * fields["in_row"]
        fields["resident"] = int(not fields["ones"] and fields["weight_lines"] <= 8 and rng.random() < 0.8)
        fields |= {"wait_load": LOADS, "wait_execute": rng.randint(0, i)}
        yield encode(Opcode.EXECUTE, **fields)


def _stores(rng, word, results, executes):
    for low, high in _cuts(rng, *RESULTS, STORES):
        yield encode(Opcode.STORE, dram_addr=results + (low - RESULTS[0]) * word, pool_addr=low, runs=1,
                     length=high - low, wait_execute=executes)
