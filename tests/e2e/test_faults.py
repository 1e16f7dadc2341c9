"""Whatever goes wrong, the machine stops cleanly and says what and where: on the RTL and simulated.

All runs on the RTL share one simulation process.
"""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from compiler.__main__ import main as compiler_main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from hw.__main__ import main as hw_main
from hw.cosim.runner import run_rtl_many
from hw.cosim.runs import AxiEvent, ErrorRegion, MemoryModel, RtlResult, RunSpec, SoftReset
from hw.spec import isa, regs
from hw.spec.isa import Opcode
from hw.spec.regs import FAULT_DOC, Fault, offset_of
from sim.__main__ import main as sim_main
from sim.machine import run_command
from sim.program import decode_program
from sim.timing import machine
from sim.timing.program import decode
from sim.timing.shared import parameters
from sim.values.state import CommandFault, State, Windows
from tests.e2e.cases import DEPTH_BYTES, design
from tests.support import fault_programs as programs
from tests.support.fault_programs import CONFIG, MEMORY, OTHER, PROGRAM, WORD, FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

START, RESET, IRQ_ENABLE = 1, 2, 4
BUSY, DONE, FAULT = 1, 2, 4
GAPS = 0.3
LIMIT = 100_000
"""Cycles in which every run must end, TIMEOUT included."""
PAUSE = 2200
"""Register accesses that take longer than any of the programs."""
READS = tuple(r.offset for r in regs.registers() if not r.name.endswith("_hi"))
CASES = {case.name: case for case in programs.fault_cases()}
TIMEOUTS = {case.name: case for case in programs.timeouts()}
LEGAL = dict(programs.legal_changes())
GOOD = FaultCase("good", Fault.NONE, 0, programs.encode(programs.whole_program()))
MULTIPLE, RANDOM_RESETS = 24, 16
assert len(CASES) == len(programs.fault_cases())


def write(name: str, value: int) -> tuple[int, int]:
    """Offset and value of a register write."""
    return offset_of(name), value


def settings(case: FaultCase) -> tuple[tuple[int, int], ...]:
    names = ("read_base", "read_limit", "write_base", "write_limit")
    values = dict(zip(names, case.windows, strict=True))
    values |= {"program_addr": case.addr, "program_size": case.program_size}
    return tuple(write(name, value) for name, value in values.items())


def spec(case: FaultCase, *, image=None, before=(), start=START | IRQ_ENABLE, **options) -> RunSpec:
    model = options.pop("memory", {}) | case.errors
    return RunSpec(
        image=programs.memory(case.code) if image is None else image,
        writes=(*before, *settings(case)),
        start=write("control", start),
        reads=READS,
        timeout=options.pop("timeout", LIMIT),
        memory=MemoryModel(**model),
        axi_log=True,
        **options,
    )


def simulated(case: FaultCase) -> tuple[Fault, int]:
    """Code and index as the simulator has them, NONE for a run that is done."""
    image = programs.memory(case.code)
    errors = {name: dataclasses.astuple(region) for name, region in case.errors.items()}
    setup = parameters(CONFIG, case.addr, case.program_size, case.windows, **errors)
    run = machine.run(decode(image, case.addr, case.program_size, CONFIG), setup, CONFIG)
    if run.fault != Fault.NONE:
        return run.fault, run.fault_index
    try:
        memory_after(case)
    except CommandFault as fault:
        return fault.fault, fault.index
    return Fault.NONE, 0


def memory_after(case: FaultCase) -> np.ndarray:
    image = programs.memory(case.code)
    commands, fault = decode_program(image, case.addr, case.program_size, CONFIG)
    assert fault is None
    state = State(CONFIG, image, Windows(*case.windows))
    for command in commands:
        run_command(state, command)
    return state.memory


def multiple_faults(seed: int) -> list[FaultCase]:
    """Programs with several faults, of which the simulator knows the time."""
    rng = random.Random(seed)
    dma = [c for c in CASES.values() if c.fault in (Fault.WINDOW, Fault.POOL_RANGE)
           and c.index not in programs.EXECUTES and c.addr == PROGRAM
           and c.windows == programs.WINDOWS]  # fmt: skip
    fetch = [c for c in CASES.values() if c.fault in (Fault.ILLEGAL_FIELD, Fault.NO_END)
             and c.size is None and c.index > 2]  # fmt: skip
    bus = [c for c in CASES.values() if c.errors]
    cases = []
    for number in range(MULTIPLE):
        first, second, third = rng.choice(dma), rng.choice(dma), rng.choice(fetch)
        code = bytearray(third.code)
        for case in (first, second):
            at = programs.offset(case.index)
            code[at : at + 64] = case.code[at : at + 64]
        code = code[: len(third.code)]
        case = FaultCase(f"multiple {number}", Fault.NONE, 0, bytes(code),
                         errors=rng.choice(bus).errors)  # fmt: skip
        cases.append(case)
    return cases


# Restarts: a program that stops with each kind of fault, on bytes that the good one does not touch.
RESTARTS = {
    "WINDOW": FaultCase("", Fault.WINDOW, 2, programs.changed(2, dram_stride=0x3000)),
    "STORE": FaultCase("", Fault.WINDOW, 6, programs.changed(6, dram_stride=0x1000)),
    "POOL_RANGE": FaultCase(
        "", Fault.POOL_RANGE, 4, programs.changed(4, out_plane=programs.BEYOND)),
    "ILLEGAL_FIELD": FaultCase("", Fault.ILLEGAL_FIELD, 4, programs.changed(4, blocks=0)),
    "FETCH_ERROR": CASES["end of an EXECUTE"],
    "READ_ERROR": FaultCase(
        "", Fault.READ_ERROR, 0, programs.changed(0, dram_addr=0x5800),
        errors={"read_error": ErrorRegion(0x5900, 0x5904)}),
    "WRITE_ERROR": FaultCase(
        "", Fault.WRITE_ERROR, 5, programs.changed(5, dram_addr=programs.RESULT + 0xC00),
        errors={"write_error": ErrorRegion(programs.RESULT + 0xC80, programs.RESULT + 0xC84)}),
    "NO_END": FaultCase("", Fault.NO_END, 7, GOOD.code[:-64]),
}  # fmt: skip


def second(errors) -> FaultCase:
    """The good program at another place."""
    return FaultCase("second", Fault.NONE, 0, GOOD.code, addr=OTHER, errors=errors)


def restart(case: FaultCase, again: bool) -> RunSpec:
    """The good program, after ``case`` when ``again`` is set."""
    image = programs.memory(case.code, GOOD.code)
    before = [*settings(case), write("control", START), *PAUSES] if again else []
    return spec(second(case.errors), image=image, before=before)


PAUSES = [write("id", 0)] * PAUSE
WRONG = CASES["runs 0 at 0"]
STOPPED = (*settings(WRONG), write("control", START), *PAUSES)
"""Register writes after which a fault is in the status register, and the interrupt off."""
MOMENTS = ("fetching", "loading", "unpacking", "computing", "storing", "done")


def moments() -> dict[str, int]:
    """Cycles of the good program in which it does what."""
    setup = parameters(CONFIG, PROGRAM, GOOD.program_size, GOOD.windows)
    image = programs.memory(GOOD.code)
    run = machine.run(decode(image, PROGRAM, GOOD.program_size, CONFIG), setup, CONFIG)
    middle = [int(a + b) // 2 for a, b in zip(run.starts, run.ends, strict=True)]
    cycles = (40, middle[0], middle[1], middle[3], middle[5], run.cycles + 50)
    return dict(zip(MOMENTS, cycles, strict=True))


def reset_after(cycles: int) -> SoftReset:
    """A soft reset, and the wait for a status of 0."""
    write_reset = write("control", RESET | IRQ_ENABLE)
    return SoftReset(cycles, write_reset, (offset_of("status"), 0xFFFF, 0))


def rtl_runs(seed: int) -> dict[tuple[str, str], RunSpec]:
    runs = {("good", ""): spec(GOOD), ("good", "gaps"): spec(GOOD, memory=gaps(seed))}
    for number, (name, case) in enumerate((CASES | TIMEOUTS).items()):
        runs["fault", name] = spec(case)
        if name in CASES:
            runs["gaps", name] = spec(case, memory=gaps(seed + number))
    for name, code in LEGAL.items():
        runs["legal", name] = spec(legal(code))
    for case in multiple_faults(seed):
        runs["multiple", case.name] = spec(case)
    for name, cycles in moments().items():
        runs["reset", name] = spec(GOOD, reset=reset_after(cycles))
    for number in range(RANDOM_RESETS):
        cycles = random.Random(seed + number).randrange(7000)
        reset = reset_after(cycles)
        runs["random reset", str(number)] = spec(GOOD, reset=reset, memory=gaps(seed + number))
    for name, case in RESTARTS.items():
        runs["fresh", name] = restart(case, again=False)
        runs["restart", name] = restart(case, again=True)
    return runs | register_runs()


def gaps(seed: int) -> dict:
    return {"gap_seed": seed % (1 << 31), "gap_rate": GAPS}


def legal(code: bytes) -> FaultCase:
    return FaultCase("legal", Fault.NONE, 0, code)


def register_runs() -> dict[tuple[str, str], RunSpec]:
    """Runs that are about the registers; they "start" by switching the interrupt on."""
    quiet = {"start": IRQ_ENABLE, "timeout": 200}
    running = (*settings(GOOD), write("control", START), *settings(second({})))
    image = programs.memory(WRONG.code)
    clear, keep = write("status", FAULT), write("status", DONE)
    return {
        ("register", "off"): spec(WRONG, start=START, timeout=5000),
        ("register", "sticky"): spec(WRONG, before=STOPPED, **quiet),
        ("register", "other bit"): spec(WRONG, before=(*STOPPED, keep), **quiet),
        ("register", "cleared"): spec(WRONG, before=(*STOPPED, clear), **quiet),
        ("register", "reset"): spec(
            WRONG, before=(*STOPPED, write("control", RESET)), **quiet),
        ("register", "reset and start"): spec(
            WRONG, image=image, start=START | RESET | IRQ_ENABLE, timeout=5000),
        ("register", "busy"): dataclasses.replace(spec(GOOD), writes=running),
    }  # fmt: skip


@pytest.fixture(scope="module")
def rtl(seed) -> dict[tuple[str, str], RtlResult]:
    """Results of all runs."""
    runs = rtl_runs(seed)
    results = run_rtl_many(design(CONFIG.name), list(runs.values()), check=False)
    return dict(zip(runs, results, strict=True))


def status(result: RtlResult) -> tuple[int, Fault, int]:
    """The flags of the status register, the fault's code and its index."""
    value = result.registers[offset_of("status")]
    return value & 0xFF, Fault(value >> 8), result.registers[offset_of("fault_index")]


def check_clean(result: RtlResult, windows=programs.WINDOWS) -> None:
    """The bus obeyed its rules and is quiet, and every burst was in the windows."""
    assert result.failure is None
    assert result.violations == []
    assert result.quiet
    read, write = windows[:2], windows[2:]
    for event in result.axi:
        if event.channel in ("ar", "aw"):
            allowed = (write,) if event.channel == "aw" else (read, write)
            assert any(lies_within(event, window) for window in allowed), event


def lies_within(event: AxiEvent, window: tuple[int, int]) -> bool:
    addr, beats = event.fields[0], event.fields[1] + 1
    return window[0] <= addr and addr + beats * WORD <= window[1]


def check_outside(result: RtlResult, image: np.ndarray, windows=programs.WINDOWS) -> None:
    """No byte outside the write window has changed."""
    outside = np.ones(MEMORY, bool)
    outside[windows[2] : windows[3]] = False
    np.testing.assert_array_equal(result.dram[outside], image[outside])


def check_stopped(result: RtlResult, case: FaultCase) -> None:
    assert status(result) == (FAULT, case.fault, case.index)
    check_clean(result, case.windows)
    check_outside(result, programs.memory(case.code), case.windows)


def test_the_good_program_is_done(rtl):
    assert simulated(GOOD) == (Fault.NONE, 0)
    for kind in ("", "gaps"):
        result = rtl["good", kind]
        assert status(result) == (DONE, Fault.NONE, 0)
        check_clean(result)
        np.testing.assert_array_equal(result.dram, memory_after(GOOD))


@pytest.mark.parametrize("name", CASES | TIMEOUTS)
def test_a_fault_stops_the_machine(rtl, name):
    case = (CASES | TIMEOUTS)[name]
    assert simulated(case) == (case.fault, case.index)
    check_stopped(rtl["fault", name], case)


@pytest.mark.parametrize("name", CASES)
def test_gaps_on_the_bus_make_no_difference(rtl, name):
    check_stopped(rtl["gaps", name], CASES[name])


@pytest.mark.parametrize("name", LEGAL)
def test_the_limits_themselves_are_legal(rtl, name):
    assert simulated(legal(LEGAL[name])) == (Fault.NONE, 0)
    result = rtl["legal", name]
    assert status(result) == (DONE, Fault.NONE, 0)
    check_clean(result)


def test_of_several_faults_the_first_counts(rtl, seed):
    for case in multiple_faults(seed):
        result = rtl["multiple", case.name]
        assert status(result) == (FAULT, *simulated(case)), case
        check_clean(result)
        check_outside(result, programs.memory(case.code))


@pytest.mark.parametrize("name", MOMENTS)
def test_a_run_after_a_soft_reset_is_as_a_fresh_one(rtl, name):
    result, fresh = rtl["reset", name], rtl["good", ""]
    check_clean(result)
    assert result.registers == fresh.registers
    assert (result.cycles, result.events) == (fresh.cycles, fresh.events)
    np.testing.assert_array_equal(result.dram, fresh.dram)


def test_a_soft_reset_may_come_at_any_time(rtl):
    for number in range(RANDOM_RESETS):
        result = rtl["random reset", str(number)]
        assert status(result) == (DONE, Fault.NONE, 0)
        check_clean(result)
        np.testing.assert_array_equal(result.dram, memory_after(GOOD))


@pytest.mark.parametrize("name", RESTARTS)
def test_a_run_after_a_fault_is_as_a_fresh_one(rtl, name):
    case = RESTARTS[name]
    assert simulated(case) == (case.fault, case.index)
    result, fresh = rtl["restart", name], rtl["fresh", name]
    assert status(fresh) == (DONE, Fault.NONE, 0)
    check_clean(result)
    assert (result.registers, result.cycles) == (fresh.registers, fresh.cycles)
    # The array works on, unseen, after a fault; the start clears it in cycle 1.
    assert [event for event in result.events if event.cycle > 1] == fresh.events
    image = programs.memory(case.code, GOOD.code)
    check_outside(result, image)
    changed = fresh.dram != image
    np.testing.assert_array_equal(result.dram[changed], fresh.dram[changed])


def test_without_irq_enable_a_fault_shows_in_the_status_only(rtl):
    result = rtl["register", "off"]
    assert result.failure is not None and "no interrupt" in result.failure
    assert status(result) == (FAULT, WRONG.fault, WRONG.index)
    assert not result.violations and result.quiet


@pytest.mark.parametrize("name", ["sticky", "other bit"])
def test_a_fault_stays_until_its_bit_is_written(rtl, name):
    result = rtl["register", name]
    assert result.failure is None and result.cycles < 10
    assert status(result) == (FAULT, WRONG.fault, WRONG.index)


@pytest.mark.parametrize("name", ["cleared", "reset"])
def test_writing_its_bit_or_a_soft_reset_clears_a_fault(rtl, name):
    result = rtl["register", name]
    assert result.failure is not None and "no interrupt" in result.failure
    assert status(result)[:2] == (0, Fault.NONE)


def test_reset_wins_over_start(rtl):
    result = rtl["register", "reset and start"]
    assert result.failure is not None and result.axi == []
    assert status(result) == (0, Fault.NONE, 0)


def test_a_start_while_busy_is_ignored(rtl):
    result, fresh = rtl["register", "busy"], rtl["good", ""]
    check_clean(result)
    assert result.cycles < fresh.cycles
    assert result.registers == fresh.registers
    np.testing.assert_array_equal(result.dram, fresh.dram)


def test_counters_share_out_the_cycles_of_a_fault(rtl):
    for name in CASES:
        registers = rtl["fault", name].registers
        shares = [registers[offset_of(f"{c.name.lower()}_lo")] for c in regs.CYCLE_COUNTERS]
        assert sum(shares) == registers[offset_of("cycles_lo")] == rtl["fault", name].cycles, name


@pytest.fixture(scope="module")
def mapped(tmp_path_factory) -> Path:
    """A small network mapped on the configuration of these tests."""
    folder = tmp_path_factory.mktemp("mapped")
    net = GraphBuilder("small", (4, 4, 4))
    graph = randomize(net.finish(net.conv("conv", "input", 8, 3)))
    model = write_model(graph, folder / "small.json")
    assert compiler_main(["map", str(model), "-o", str(folder), "--preset", CONFIG.name]) == 0
    return folder


def break_program(mapped: Path, folder: Path, fault: Fault) -> int:
    """Copy a mapped network and break its program; returns the index of the command at fault."""
    shutil.copytree(mapped, folder)
    mapping = json.loads((folder / "mapping.json").read_text())
    # The co-simulated memory gets the size that is built already.
    mapping["write_window"][1] = DEPTH_BYTES
    (folder / "mapping.json").write_text(json.dumps(mapping))
    image = np.fromfile(folder / "program.bin", np.uint8)
    size = mapping["segments"][0]["program_size"]
    commands, _ = decode_program(image, 0, size, CONFIG)
    command = next(command for command in commands if command.opcode == Opcode.EXECUTE)
    beats = decode(image, 0, size, CONFIG).beats
    at = int(beats[: command.index].sum()) * CONFIG.bus_bytes
    changes = {"in_addr": programs.BEYOND} if fault == Fault.POOL_RANGE else {"blocks": 0}
    fields = {k: v for k, v in command.fields.items() if k != "opcode"} | changes
    code = isa.encode(command.opcode, **fields)
    image[at : at + len(code)] = np.frombuffer(code, np.uint8)
    image.tofile(folder / "program.bin")
    return command.index


@pytest.mark.parametrize("fault", [Fault.ILLEGAL_FIELD, Fault.POOL_RANGE])
@pytest.mark.parametrize(("main", "command"), [(sim_main, "run"), (hw_main, "cosim")])
def test_a_user_is_told_of_a_fault(mapped, tmp_path, capsys, main, command, fault):
    index = break_program(mapped, tmp_path / "broken", fault)
    output = tmp_path / "y.npy"
    assert main([command, str(tmp_path / "broken"), "--output", str(output)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and not output.exists()
    *progress, line = captured.err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"fault {fault.name} at command {index}: {FAULT_DOC[fault]}")
    assert not any("error" in other or "Traceback" in other for other in progress)
