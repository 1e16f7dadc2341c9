"""The registers of ``tiny`` as docs/registers.md has them, one clock cycle per step, in plain
Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from hw.spec import regs
from hw.spec.config import preset
from hw.spec.fingerprint import fingerprint
from hw.spec.regs import Counter, bit_of, offset_of

START, RESET, IRQ_ENABLE = (
    1 << bit_of("control", name) for name in ("start", "reset", "irq_enable")
)
BUSY, DONE, FAULT = (1 << bit_of("status", name) for name in ("busy", "done", "fault"))
CODE = bit_of("status", "fault_code")
CONTROL, STATUS, FAULT_INDEX, CYCLES, PROGRAM_ADDR = (
    offset_of(name) for name in ("control", "status", "fault_index", "cycles_lo", "program_addr")
)
CONSTANT = {
    register.offset: register.reset
    for register in regs.registers()
    if register.fields[0].access == "ro"
} | {offset_of("fingerprint"): fingerprint(preset("tiny"))}
"""Registers that are only read, with what they give if nothing below says otherwise."""
LOCKED = tuple(
    register.offset for register in regs.registers() if register.fields[0].access == "rw"
)
"""Registers that keep their value while the machine is busy."""
COUNTERS = {offset_of(f"{counter.name.lower()}_lo"): counter for counter in Counter}


@dataclass(frozen=True)
class Outcome:
    """What a program does without traffic: cycles to the interrupt, counters, fault and index."""

    cycles: int
    counters: list[int]
    fault: int
    index: int


@dataclass
class Registers:
    """The registers in a cycle; ``end_cycle`` goes on to the next.

    ``programs`` has the outcome of a program by its address. ``elapsed`` counts the cycles from the
    write that started the run, until the counters have their last values.
    """

    programs: dict[int, Outcome]
    values: dict[int, int] = field(default_factory=lambda: dict.fromkeys(LOCKED, 0))
    control: int = IRQ_ENABLE
    status: int = 0
    index: int = 0
    cycles: int = 0
    counters: list[int] = field(default_factory=lambda: [0] * len(Counter))
    run: Outcome | None = None
    elapsed: int = 0

    @property
    def irq(self) -> bool:
        return bool(self.status & (DONE | FAULT) and self.control & IRQ_ENABLE)

    @property
    def busy(self) -> bool:
        return bool(self.status & BUSY)

    def reading(self, offset: int) -> tuple[int, int]:
        """The least and the most that a read may give which is accepted in this cycle."""
        if offset in COUNTERS:
            counter = COUNTERS[offset]
            moving = self.run is not None and self.elapsed > 1
            most = self.run.counters[counter] if moving else self.counters[counter]
            return self.counters[counter], most
        special = {
            CONTROL: self.control, STATUS: self.status, FAULT_INDEX: self.index,
            CYCLES: self.cycles,
        }  # fmt: skip
        value = (CONSTANT | special | self.values).get(offset, 0)
        return value, value

    def saw(self, offset: int, value: int) -> None:
        """A counter has reached a value, below which it does not fall in this run."""
        if offset in COUNTERS and self.run is not None and self.elapsed > 2:
            self.counters[COUNTERS[offset]] = value

    def end_cycle(self, write: tuple[int, int, int] | None) -> None:
        """The cycle ends with a write accepted in it (offset, data, strobe), or with none."""
        if self.run is not None:
            self._count(self.run)
        if write is not None:
            self._write(*write)
        if self.run is not None:
            self._advance(self.run)

    def _count(self, run: Outcome) -> None:
        """Cycles 0 and 1 are counted at once; what others add is seen two cycles later."""
        if self.elapsed == 1:
            self.cycles, self.counters = 2, [0] * len(Counter)
        elif 3 <= self.elapsed <= run.cycles:
            self.cycles += 1

    def _write(self, offset: int, data: int, strobe: int) -> None:
        mask = sum(0xFF << 8 * lane for lane in range(4) if strobe >> lane & 1)
        bits = data & mask
        if offset in self.values and not self.busy:
            self.values[offset] = self.values[offset] & ~mask | bits
        elif offset == CONTROL:
            assert not bits & RESET, "the model knows no soft reset"
            self.control = self.control & ~mask | bits & IRQ_ENABLE
            if bits & START and not self.busy:
                self.run = self.programs[self.values[PROGRAM_ADDR]]
                self.elapsed, self.index, self.status = 0, 0, BUSY
        elif offset == STATUS:
            self.status &= ~(bits & DONE)
            if bits & FAULT:
                self.status &= BUSY | DONE

    def _advance(self, run: Outcome) -> None:
        self.elapsed += 1
        if self.elapsed == run.cycles:
            end = run.fault << CODE | FAULT if run.fault else DONE
            self.status = self.status & ~BUSY | end
            self.index = run.index if run.fault else 0
        elif self.elapsed == run.cycles + 2:
            self.run, self.counters = None, list(run.counters)
