"""Random programs, command by command, that have no hazards whatever the timing.

LOADs of all forms fill the scratchpad, EXECUTEs read what LOADs or earlier EXECUTEs left, STOREs
save it and LOADs bring back what STOREs saved. Each command waits for those that it depends on, and
now and then for others.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.external_memory import Memory
from hw.spec.isa import Opcode
from sim.program_reader import (
    Program,
    Segment,
    decode_program,
)
from sim.values.memories import AddressRanges
from tests.sim import commands
from tests.support.encode import encode

DATA = 1 << 16
"""Memory address of the scratchpad's first contents; what STOREs write follows behind."""
AREA = 1536
"""Words of an area of the scratchpad that holds a map."""
FIRST_AREA = 1024
"""Before it lie parameters and tables."""
AREAS = 3
WEIGHTS = FIRST_AREA + AREAS * AREA
"""Word address of the weights, as many as the EXECUTEs need."""
SCRATCHPAD_WORDS = 12800
"""Words of the scratchpad that the programs use."""
UNITS = (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)

Span = tuple[str, int, int]
"""``scratchpad`` or ``memory``, first word or byte, and the one behind the last."""


def random_program(config: AccelConfig, seed: int) -> Program:
    """The program of a seed, mapped at address 0; the same for the same arguments."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        latency, share = rng.choice((1, 7, 20, 64, 150)), rng.choice((1, 2, 4))
        config = dataclasses.replace(config, memory=Memory(latency, config.bus_bytes // share))
    code, size = _Writer(rng, config).run()
    image = np.zeros(size, np.uint8)
    image[: len(code)] = np.frombuffer(code, np.uint8)
    scratchpad = (
        commands.random_state(rng, config).scratchpad[:SCRATCHPAD_WORDS].reshape(-1).view(np.uint8)
    )
    results = DATA + scratchpad.size
    image[DATA:results] = scratchpad
    decoded, fault = decode_program(image, 0, len(code), config)
    assert fault is None
    return Program(
        folder=Path(),
        config=config,
        image=image,
        address_ranges=AddressRanges(0, results, results, size),
        segments=(Segment(0, len(code), decoded),),
        macs=0,
        model_macs=0,
        layers=(),
        graph={"name": f"program{seed}", "inputs": []},
        places={},
        not_stored=(),
        random_weights=False,
        random_calibration=False,
        elements=0,
    )


@dataclass(frozen=True)
class _Access:
    """A command's number among those of its unit, and what it reads and writes."""

    unit: Opcode
    number: int
    reads: list[Span]
    writes: list[Span]


@dataclass
class _Writer:
    """Appends commands; STOREs wrote the spans ``saved``, the memory from ``free`` on is unused."""

    rng: random.Random
    config: AccelConfig
    code: list[bytes] = field(default_factory=list)
    accesses: list[_Access] = field(default_factory=list)
    saved: list[Span] = field(default_factory=list)
    free: int = 0

    def run(self) -> tuple[bytes, int]:
        """The program's bytes, and the size of the memory that it needs."""
        rng, word = self.rng, self.config.word_bytes
        executes = [self._execute_fields() for _ in range(rng.randint(1, 5))]
        weights = max(
            f["out_blocks"] * f["weight_lines"] * self.config.line_words for f in executes
        )
        self.free = DATA + SCRATCHPAD_WORDS * word
        assert WEIGHTS + weights <= SCRATCHPAD_WORDS
        cuts = sorted(rng.sample(range(1, WEIGHTS), 3))
        for low, high in zip([0, *cuts], [*cuts, WEIGHTS + weights], strict=True):
            self._load(DATA + low * word, low, high - low)
        for fields in executes:
            for maker in (self._strided_load, self._unpacking_load, self._load_back):
                if rng.random() < 0.2:
                    maker()
            self._execute(fields)
            if rng.random() < 0.4:
                self._store(rng.randrange(AREAS), rng.randint(1, 6))
        for area in range(AREAS):
            self._store(area, rng.choice((1, 1, 4)))
        counts = self._counts()
        self.code.append(encode(self.config, Opcode.END, **_waits(counts)))
        return b"".join(self.code), self.free

    def _counts(self) -> dict[Opcode, int]:
        return {u: sum(a.unit == u for a in self.accesses) for u in UNITS}

    def _append(self, unit: Opcode, reads: list[Span], writes: list[Span], **fields: int) -> None:
        """Append a command that waits for those it depends on; a unit's own start in order."""
        counts = self._counts()
        waits = dict.fromkeys(UNITS, 0)
        for earlier in self.accesses:
            behind = _overlap(earlier.writes, reads)
            if earlier.unit != unit:
                behind |= _overlap(earlier.writes, writes) or _overlap(earlier.reads, writes)
            if behind:
                waits[earlier.unit] = max(waits[earlier.unit], earlier.number)
        for other, count in counts.items():
            if self.rng.random() < 0.1:
                waits[other] = self.rng.randint(waits[other], count)
        self.code.append(encode(self.config, unit, **_waits(waits), **fields))
        self.accesses.append(_Access(unit, counts[unit] + 1, reads, writes))

    def _load(self, address: int, scratchpad: int, words: int) -> None:
        self._append(
            Opcode.LOAD,
            [("memory", address, address + words * self.config.word_bytes)],
            [("scratchpad", scratchpad, scratchpad + words)],
            dram_addr=address,
            scratchpad_addr=scratchpad,
            row_count=1,
            row_length=words,
        )

    def _place(self, words: int) -> int:
        """A random place for ``words`` words in one of the areas."""
        area = self.rng.randrange(AREAS)
        return FIRST_AREA + area * AREA + self.rng.randrange(AREA - words)

    def _strided_load(self) -> None:
        rng, word = self.rng, self.config.word_bytes
        runs, length = rng.randint(1, 8), rng.randint(1, 90)
        stride, step = length + rng.randrange(20), rng.choice((0, length, length + 13))
        place, address = self._place(runs * stride), DATA + word * rng.randrange(4000)
        self._append(
            Opcode.LOAD,
            [("memory", address, address + (runs * step + length) * word)],
            [("scratchpad", place, place + runs * stride)],
            dram_addr=address,
            dram_stride=step * word,
            scratchpad_addr=place,
            scratchpad_stride=stride,
            row_count=runs,
            row_length=length,
        )

    def _unpacking_load(self) -> None:
        rng, cols = self.rng, self.config.cols
        runs, length, channels = rng.randint(1, 4), rng.randint(1, 40), rng.randint(1, 3 * cols)
        stride = length + rng.randrange(5)
        plane, step = runs * stride + rng.randrange(9), length * channels + rng.randrange(50)
        words = plane * -(-channels // cols)
        place, address = self._place(words), DATA + rng.randrange(4000 * cols)
        self._append(
            Opcode.LOAD,
            [("memory", address, address + runs * step)],
            [("scratchpad", place, place + words)],
            dram_addr=address,
            dram_stride=step,
            scratchpad_addr=place,
            scratchpad_stride=stride,
            row_count=runs,
            row_length=length,
            unpack=1,
            flip=rng.randrange(2),
            channels=channels,
            plane=plane,
        )

    def _load_back(self) -> None:
        """Load what a STORE saved."""
        if self.saved:
            _, low, high = self.rng.choice(self.saved)
            words = self.rng.randint(1, min(AREA - 1, (high - low) // self.config.word_bytes))
            self._load(low, self._place(words), words)

    def _store(self, area: int, runs: int) -> None:
        """Save an area: whole, or some words of each of its parts."""
        word, part = self.config.word_bytes, AREA // runs
        length = self.rng.randint(1, part) if runs > 1 else part
        first, step = FIRST_AREA + area * AREA, length + self.rng.randrange(9)
        span = ("memory", self.free, self.free + runs * step * word)
        self._append(
            Opcode.STORE,
            [("scratchpad", first, first + AREA)],
            [span],
            dram_addr=self.free,
            dram_stride=step * word,
            scratchpad_addr=first,
            scratchpad_stride=part,
            row_count=runs,
            row_length=length,
        )
        self.saved.append(span)
        self.free = span[2]

    def _execute_fields(self) -> dict[str, int]:
        """An EXECUTE of tests.sim.commands, with weights, tiles and places of this program."""
        rng, config = self.rng, self.config
        fields = commands.random_execute(rng, config)
        for name in ("opcode", *_waits(dict.fromkeys(UNITS, 0))):
            del fields[name]
        taps = (fields["tap_groups"] - 1) * fields["group_taps"] + fields["last_taps"]
        products = fields["kernel_rows"] * taps * commands.channels(fields, config)
        lines = -(-(products << fields["array_shape"]) // config.line_words)
        rows, columns = divmod(config.rows >> fields["array_shape"], fields["out_width"])
        target, source = rng.sample(range(AREAS), 2)
        other = rng.choice([area for area in range(AREAS) if area != target])
        return fields | {
            "weight_addr": WEIGHTS // config.line_words,
            "weight_lines": lines,
            "resident": int(not fields["ones"] and lines <= 8 and rng.random() < 0.8),
            "pixel_group_x": columns * fields["col_stride"],
            "pixel_group_y": rows * fields["wrap_y"],
            "pixel_group_row": rows * fields["wrap_y"] * fields["in_row"],
            "in_addr": FIRST_AREA + source * AREA + rng.randrange(9),
            "out_addr": FIRST_AREA + target * AREA + rng.randrange(9),
            "res_addr": FIRST_AREA + other * AREA + rng.randrange(9),
        }

    def _execute(self, fields: dict[str, int]) -> None:
        names = ("in_addr", "res_addr") if fields["residual"] else ("in_addr",)
        reads: list[Span] = [("scratchpad", 0, FIRST_AREA)]
        reads += [_area_of(fields[name]) for name in names]
        if not fields["ones"]:
            lines = fields["out_blocks"] * fields["weight_lines"]
            reads.append(("scratchpad", WEIGHTS, WEIGHTS + lines * self.config.line_words))
        self._append(Opcode.EXECUTE, reads, [_area_of(fields["out_addr"])], **fields)


def _area_of(address: int) -> Span:
    first = FIRST_AREA + (address - FIRST_AREA) // AREA * AREA
    return "scratchpad", first, first + AREA


def _overlap(ours: list[Span], theirs: list[Span]) -> bool:
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in ours for b in theirs)


def _waits(counts: dict[Opcode, int]) -> dict[str, int]:
    return {f"wait_{unit.name.lower()}": count for unit, count in counts.items()}
