"""Random programs of LOADs and STOREs, and what they leave in memory."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from tests.support.encode import encode

DATA, RESULT, MEMORY = 0x4000, 0xA000, 0x10000
"""Byte addresses: programs lie from 0 on, what LOADs read from DATA on, what STOREs write from
RESULT on; all of it below MEMORY."""
ADDRESS_RANGES = (0, RESULT, RESULT, MEMORY)


@dataclass
class DmaProgram:
    """A memory image with a program at ``addr``, and the memory that its run leaves.

    ``expected`` is None where the program ends before its commands are complete.
    """

    image: np.ndarray
    addr: int
    size: int
    expected: np.ndarray | None


@dataclass
class _Builder:
    rng: random.Random
    config: AccelConfig
    memory: np.ndarray
    code: list[bytes] = field(default_factory=list)
    loads: list[dict] = field(default_factory=list)
    stores: int = 0
    scratchpad_next: int = 0
    result_next: int = RESULT
    scratchpad: dict[int, bytes] = field(default_factory=dict)

    def waits(self, load: int = 0) -> dict[str, int]:
        return {
            "wait_load": max(load, self.rng.choice((0, len(self.loads)))),
            "wait_store": self.rng.choice((0, 0, self.stores)),
        }

    def load(self) -> None:
        """A LOAD into scratchpad words that no other command touches, which may share lines."""
        rng, cols = self.rng, self.config.cols
        unpack = rng.random() < 0.6
        runs = rng.choice((1, 1, 2, 3, 7))
        length = rng.choice((1, 2, 5, 8, 9, 30, 70))
        channels = rng.choice((1, 3, 5, cols, cols + 1, 2 * cols + 3)) if unpack else cols
        planes = -(-channels // cols)
        plane = length * runs + rng.randint(0, 9)
        stride = length + rng.randint(0, 3)
        first = self.scratchpad_next + rng.randint(0, 5)
        size = length * channels
        addr = rng.randint(DATA, RESULT - (size + 64) * runs - 64)
        if rng.random() < 0.3:
            addr = (addr & ~4095 | 4096 - rng.randint(1, 9) * cols) - 4096 * (addr > RESULT - 8192)
            addr = max(addr, DATA)
        gap = rng.randint(0, 50)
        if not unpack:
            addr, gap = addr // cols * cols, gap // cols * cols
        fields = dict(
            dram_addr=addr,
            dram_stride=size + gap,
            scratchpad_addr=first,
            scratchpad_stride=stride,
            row_count=runs,
            row_length=length,
            unpack=unpack,
            flip=unpack and rng.random() < 0.5,
            channels=channels if unpack else 0,
            plane=plane + runs * 3 if unpack else 0,
        )
        if first + (planes + 1) * (plane + runs * 3) >= self.config.scratchpad_words:
            return
        self.code.append(encode(self.config, Opcode.LOAD, **fields, **self.waits()))
        self.scratchpad_next = first + planes * (plane + runs * 3)
        self.loads.append(fields | {"planes": planes})
        self._fill_scratchpad(fields, channels)

    def _fill_scratchpad(self, f: dict, channels: int) -> None:
        cols = self.config.cols
        for run in range(f["row_count"]):
            for pixel in range(f["row_length"]):
                at = f["dram_addr"] + run * f["dram_stride"] + pixel * channels
                data = self.memory[at : at + channels] ^ (0x80 if f["flip"] else 0)
                for chunk in range(-(-channels // cols)):
                    word = (
                        f["scratchpad_addr"]
                        + run * f["scratchpad_stride"]
                        + chunk * f["plane"]
                        + pixel
                    )
                    part = bytes(data[chunk * cols : (chunk + 1) * cols])
                    self.scratchpad[word] = part.ljust(cols, b"\0")

    def store(self) -> None:
        """A STORE of one plane of an earlier LOAD, into memory that nothing else touches."""
        if not self.loads:
            return
        rng, cols = self.rng, self.config.cols
        index = rng.randrange(len(self.loads))
        source = self.loads[index]
        length, runs = source["row_length"], source["row_count"]
        stride = (length + rng.choice((0, 0, 1, 4))) * cols
        addr = self.result_next + rng.choice((0, 0, 1, 7)) * cols
        if addr + runs * stride > MEMORY:
            return
        plane = rng.randrange(source["planes"])
        first = source["scratchpad_addr"] + plane * source["plane"]
        self.code.append(
            encode(
                self.config,
                Opcode.STORE,
                dram_addr=addr,
                dram_stride=stride,
                scratchpad_addr=first,
                scratchpad_stride=source["scratchpad_stride"],
                row_count=runs,
                row_length=length,
                **self.waits(index + 1),
            )
        )
        self.stores += 1
        self.result_next = addr + runs * stride
        for run in range(runs):
            for i in range(length):
                at = addr + run * stride + i * cols
                word = self.scratchpad[first + run * source["scratchpad_stride"] + i]
                self.memory[at : at + cols] = np.frombuffer(word, np.uint8)


def random_program(config: AccelConfig, seed: int, commands: int = 12) -> DmaProgram:
    """A random program; the same for the same seed."""
    rng = random.Random(seed)
    image = np.frombuffer(rng.randbytes(MEMORY), np.uint8).copy()
    build = _Builder(rng, config, image.copy())
    for _ in range(commands):
        rng.choice((build.load, build.load, build.store))()
    whole = rng.random() < 0.9
    waits = {"wait_load": len(build.loads), "wait_store": build.stores}
    code = b"".join(build.code) + encode(config, Opcode.END, **(waits if whole else {}))
    addr = rng.choice((0, 64, 4096 - 192))
    size = len(code) + rng.choice((0, 0, 64, 1024))
    for memory in (image, build.memory):
        memory[addr : addr + len(code)] = np.frombuffer(code, np.uint8)
    return DmaProgram(image, addr, size, build.memory if whole else None)
