"""Command fetch: requests, assembly, checks and the cycles of docs/architecture.md."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hw.ctrl.decode_check import (
    foreign,
    illegal,
)
from hw.ctrl.fetch import Fetch
from hw.spec import isa
from hw.spec.config import preset
from hw.spec.fingerprint import machine
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.timing.ctrl.decode_check import decode
from tests.support.encode import encode

CONFIG = preset("tiny")
LOAD = encode(
    CONFIG, Opcode.LOAD, dram_addr=0x100, row_count=1, row_length=3, scratchpad_addr=9, wait_store=4
)
STORE = encode(CONFIG, Opcode.STORE, dram_addr=0x100, row_count=2, row_length=3)
END = encode(CONFIG, Opcode.END, wait_load=1, wait_execute=2, wait_store=3)


async def _feed(ctx, dut, code, cycles, latency=3, bad=(), place=None, base=0):
    """Serve the fetch unit for some cycles; returns what happened, as (cycle, what, detail)."""
    addr, size = place or (0, len(code))
    ctx.set(dut.program_addr, addr)
    ctx.set(dut.program_size, size)
    ctx.set(dut.base, base)
    ctx.set(dut.address_ranges.read_limit, 1 << 16)
    ctx.set(dut.stop, 1)
    await ctx.tick().repeat(2)
    ctx.set(dut.stop, 0)
    for unit in ("load", "execute", "store"):
        ctx.set(getattr(dut, unit).ready, 1)
    ctx.set(dut.memory.request.ready, 1)
    beats, events = [], []
    for cycle in range(cycles):
        if ctx.get(dut.memory.request.valid):
            addr, count = (
                ctx.get(dut.memory.request.payload.addr),
                ctx.get(dut.memory.request.payload.beats),
            )
            events.append((cycle, "request", (addr, count)))
            due = max([cycle + latency, *(b[0] + 1 for b in beats[-1:])])
            beats += [(due + i, addr + 4 * i) for i in range(count)]
        arrives = bool(beats) and beats[0][0] <= cycle
        ctx.set(dut.memory.beat, arrives)
        if arrives:
            _, addr = beats.pop(0)
            ctx.set(dut.memory.data, int.from_bytes(code[addr : addr + 4], "little"))
            ctx.set(dut.memory.error, addr in bad)
        events.extend(
            (cycle, unit, ctx.get(getattr(dut, unit).payload))
            for unit in ("load", "execute", "store")
            if ctx.get(getattr(dut, unit).valid)
        )
        if ctx.get(dut.fault.raised):
            events.append((cycle, "fault", (ctx.get(dut.fault.code), ctx.get(dut.fault.index))))
            ctx.set(dut.stop, 1)
        if ctx.get(dut.end_pending):
            events.append((cycle, "end", None))
            break
        await ctx.tick()
    return events


def _run(code, cycles=120, **options):
    dut = Fetch(CONFIG)
    found = []

    async def bench(ctx):
        found.extend(await _feed(ctx, dut, code, cycles, **options))
        if found[-1][1] == "end":
            waits = dut.end_waits
            assert [ctx.get(w) for w in (waits.load, waits.execute, waits.store)] == [1, 2, 3]

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def test_commands_leave_in_the_stated_cycles():
    events = _run(LOAD + STORE + END)
    assert events[0] == (0, "request", (0, 48))
    # Beats arrive from cycle 3 on, move from 5 on, 16 a command; checked in 21, pushed in 22.
    assert [(cycle, what) for cycle, what, _ in events[1:]] == [
        (22, "load"),
        (40, "store"),
        (59, "end"),
    ]
    load, store = events[1][2], events[2][2]
    assert (load.index, load.scratchpad_addr, load.wait_store, load.row_length) == (0, 9, 4, 3)
    assert (store.index, store.row_count) == (1, 2)


def test_requests_wait_for_room_in_the_buffer():
    events = _run(LOAD * 12, latency=1, cycles=300)
    requests = [(cycle, detail) for cycle, what, detail in events if what == "request"]
    assert [detail for _, detail in requests] == [(0, 64), (256, 64), (512, 64)]
    # 64 beats must have left: four commands, the last beat of the fourth in cycle 72.
    assert requests[1][0] == 2 and requests[2][0] == 73


@pytest.mark.parametrize(
    ("code", "fault", "index"),
    [
        (LOAD + b"\0" * 64, Fault.ILLEGAL_OPCODE, 1),
        (LOAD + LOAD, Fault.NO_END, 2),
        (b"", Fault.NO_END, 0),
        (STORE + encode(CONFIG, Opcode.EXECUTE)[:64], Fault.NO_END, 1),
        (STORE + encode(CONFIG, Opcode.LOAD, row_length=1) + END, Fault.ILLEGAL_FIELD, 1),
        (STORE + encode(CONFIG, Opcode.END, machine=0) + END, Fault.WRONG_MACHINE, 1),
        (
            encode(CONFIG, Opcode.LOAD, last_line=CONFIG.scratchpad_lines) + END,
            Fault.WRONG_MACHINE,
            0,
        ),
    ],
    ids=["opcode", "no end", "empty", "cut off", "field", "machine", "lines"],
)
def test_faults(code, fault, index):
    events = _run(code)
    assert events[-1][1:] == ("fault", (fault, index))


@pytest.mark.parametrize("place", [(1, 128), (32, 128), (0, 127), (0, 160), (64, 1)])
def test_a_program_out_of_place_is_a_fault_before_a_request(place):
    assert _run(LOAD + END, place=place)[0] == (0, "fault", (Fault.MISALIGNED, 0))


@pytest.mark.parametrize(("base", "first"), [(1, "fault"), (0x800, "fault"), (0x1000, "request")])
def test_a_base_inside_a_page_is_a_fault_before_a_request(base, first):
    assert _run(LOAD + END, base=base)[0][1] == first


def test_an_error_is_a_fault_of_the_command_it_hits():
    assert _run(LOAD + STORE + END, bad=(80,))[-1][1:] == ("fault", (Fault.FETCH_ERROR, 1))
    assert _run(LOAD + END + bytes(64), bad=(128,))[-1][1] == "end"


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
def test_the_simulator_checks_the_same_fields(opcode, seed):
    rng = random.Random(seed)
    size = isa.COMMAND_WORDS[opcode] * 4
    raw, bad, other = Signal(8 * size), Signal(), Signal()
    cases = []
    for _ in range(300):
        fields = {}
        for f in isa.FIELDS[opcode][1:]:
            if f.name in isa.MACHINE_FIELDS:
                continue
            value = rng.choice((0, 1, 1, 1, 1, 2, 4, 8, 9)) & f.high
            if f.name.startswith("dram") and rng.random() < 0.9:
                value &= -CONFIG.bus_bytes
            elif value == 0 and rng.random() < 0.95:
                value = 1
            fields[f.name] = value
        if rng.random() < 0.2:
            fields["machine"] = machine(CONFIG) & ~(15 << rng.choice((0, 4, 4, 8, 12)))
        if rng.random() < 0.2:
            fields["last_line"] = CONFIG.scratchpad_lines - rng.choice((-1, 0, 1, 2))
        command = int.from_bytes(encode(CONFIG, opcode, **fields), "little")
        if rng.random() < 0.1:
            command ^= 1 << rng.randrange(4, 8 * size)
        cases.append(command)

    async def bench(ctx):
        codes = set()
        for command in cases:
            image = np.frombuffer(command.to_bytes(size, "little"), np.uint8)
            code = decode(image, 0, size, CONFIG).codes[0]
            ctx.set(raw, command)
            illegal_field = ctx.get(bad) and Fault.ILLEGAL_FIELD
            assert code == (Fault.WRONG_MACHINE if ctx.get(other) else illegal_field)
            codes.add(int(code))
        assert codes == {0, int(Fault.ILLEGAL_FIELD), int(Fault.WRONG_MACHINE)}

    m = Module()
    m.d.comb += bad.eq(illegal(opcode, raw, CONFIG)), other.eq(foreign(raw, CONFIG))
    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
