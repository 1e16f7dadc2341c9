"""Fill and its parts against a walk of random commands, pixel by pixel."""

import random

import pytest

from hw.core.line_coalescer import LineCoalescer
from hw.core.operand_fetch import (
    OperandFetch,
    State,
)
from hw.spec import timing
from hw.spec.config import changed
from tests.hw.support.units import (
    NARROW,
    TINY,
    WIDE,
    execute_command,
    random_command,
    simulate,
)
from tests.hw.support.walk import walk_tap_groups

all_configs = pytest.mark.parametrize(
    "config",
    [
        changed(config, address_lanes=config.rows // cycles)
        for config, cycles in ((TINY, 1), (TINY, 2), (WIDE, 1), (WIDE, 4), (NARROW, 1), (NARROW, 2))
    ],
    ids=lambda config: f"{config.name}-{config.address_cycles}",
)


def _check_tap_group(found, lanes, tap_group, line_words):
    assert {name: found[name] for name in tap_group.fields} == tap_group.fields
    for lane, expected in zip(lanes, tap_group.lanes, strict=True):
        assert lane.inside == (expected.columns is not None)
        if expected.columns:
            found = (expected.x + lane.first, expected.x + lane.last)
            assert found == expected.columns
        if expected.lines:
            assert lane.offset == expected.address % (2 * line_words)


class _Stalls:
    """Drives Fill's inputs, at random or always ready, and keeps the banks of commands."""

    def __init__(self, rng, steady):
        self.rng, self.steady = rng, steady
        self.banks = [None, None]
        self.taken = 0

    def drive(self, ctx, dut, commands):
        for signal in (dut.bank_free, dut.waits_met, dut.out.room, dut.read.grant):
            ctx.set(signal, self.steady or self.rng.random() < 0.7)
        ctx.set(dut.queued, self.taken < len(commands))
        if ctx.get(dut.take):
            assert ctx.get(dut.state) == State.IDLE and ctx.get(dut.bank_free)
            assert ctx.get(dut.bank) != self.taken % 2
            self.banks[self.taken % 2] = execute_command(commands[self.taken])
            self.taken += 1

    def show_command(self, ctx, dut):
        bank = self.banks[ctx.get(dut.bank)]
        if bank is not None:
            ctx.set(dut.cmd, bank)


@all_configs
@pytest.mark.parametrize("steady", [True, False], ids=["steady", "stalls"])
def test_tap_groups_and_lines_of_random_commands(steady, config, seed):
    rng = random.Random(seed + steady)
    dut = OperandFetch(config)
    commands = [random_command(rng, config) for _ in range(8)]
    stalls = _Stalls(rng, steady)
    work = [
        (tap_group, index % 2)
        for index, f in enumerate(commands)
        for tap_group in walk_tap_groups(f, config)
    ]

    async def bench(ctx):
        requests = work[0][0].requests
        done = 0
        while done < len(work):
            stalls.drive(ctx, dut, commands)
            tap_group, bank = work[done]
            if ctx.get(dut.read.en):
                assert ctx.get(dut.out.room)
                address = ctx.get(dut.read.addr)
                assert (address // config.line_words, ctx.get(dut.taking.lanes)) == requests[0]
                assert address % config.line_words == 0
                assert ctx.get(dut.taking.high) == address // config.line_words % 2
            granted = ctx.get(dut.taking.en)
            assert granted == (ctx.get(dut.read.en) and ctx.get(dut.read.grant))
            if granted:
                requests.pop(0)
            if ctx.get(dut.out.push):
                assert not requests and ctx.get(dut.out.room)
                assert ctx.get(dut.bank) == bank
                _check_tap_group(
                    ctx.get(dut.out.tap_group), ctx.get(dut.out.lanes), tap_group, config.line_words
                )
                done += 1
                requests = work[done][0].requests if done < len(work) else []
            await ctx.tick()
            stalls.show_command(ctx, dut)
        assert ctx.get(dut.state) == State.IDLE
        assert stalls.taken == len(commands)

    simulate(dut, bench)


@all_configs
def test_cycles_of_a_command(config, seed):
    rng = random.Random(seed)
    dut = OperandFetch(config)
    commands = [random_command(rng, config) for _ in range(6)]
    stalls = _Stalls(rng, steady=True)

    async def bench(ctx):
        for number, f in enumerate(commands):
            states, starts, pushes, lines = [], [], [], []
            while len(states) < 2 or states[-1] != State.IDLE:
                if states:
                    await ctx.tick()
                    stalls.show_command(ctx, dut)
                stalls.drive(ctx, dut, commands[: number + 1])
                cycle = len(states)
                states.append(ctx.get(dut.state))
                for happens, cycles in (
                    (dut.start, starts),
                    (dut.taking.en, lines),
                    (dut.out.push, pushes),
                ):
                    if ctx.get(happens):
                        cycles.append(cycle)
            # Taken in 0; one lane a cycle; the first step comes up; the waits are met.
            init = config.rows + timing.OPERAND_SETUP + config.address_cycles - 1
            first, ready = init + 2, init + config.address_cycles
            expected, requested = [], []
            for tap_group in walk_tap_groups(f, config):
                count = len(tap_group.requests)
                requested += range(first, first + count)
                expected.append(first + max(1, count) - 1)
                first = max(expected[-1], ready) + 1
                ready = first - 1 + config.address_cycles
            assert starts == [init + 1]
            assert lines == requested
            assert pushes == expected
            run = expected[-1] - init - 1
            assert states == [
                State.IDLE,
                *[State.INIT] * init,
                State.WAIT,
                *[State.RUN] * run,
                State.IDLE,
            ]

    simulate(dut, bench)


@all_configs
def test_the_unit_waits_to_take_and_to_start(config):
    dut = OperandFetch(config)

    async def bench(ctx):
        async def stays(state):
            for _ in range(3):
                assert ctx.get(dut.state) == state and not ctx.get(dut.start | dut.take)
                await ctx.tick()

        ctx.set(
            dut.cmd,
            execute_command(
                {
                    "array_shape": 0,
                    "pixels": 1,
                    "tap_groups": 1,
                    "kernel_rows": 1,
                    "in_blocks": 1,
                    "out_blocks": 1,
                }
            ),
        )
        ctx.set(dut.bank_free, 1)
        await stays(State.IDLE)
        ctx.set(dut.queued, 1)
        ctx.set(dut.bank_free, 0)
        await stays(State.IDLE)
        ctx.set(dut.bank_free, 1)
        await ctx.tick().repeat(config.rows + timing.OPERAND_SETUP + config.address_cycles)
        await stays(State.WAIT)
        ctx.set(dut.waits_met, 1)
        assert ctx.get(dut.start)

    simulate(dut, bench)


@all_configs
def test_lines_that_the_lane_before_does_not_need_are_requested(config, seed):
    rng = random.Random(seed)
    dut = LineCoalescer(config)

    async def bench(ctx):
        for number in range(60):
            needs = []
            for _ in range(config.rows):
                low = rng.randrange(6)
                touches = rng.random() < 0.7
                needs.append(
                    {
                        "low": low,
                        "need_low": touches,
                        "need_high": touches and rng.random() < 0.6,
                    }
                )
            lines = [[n["low"]] * n["need_low"] + [n["low"] + 1] * n["need_high"] for n in needs]
            wanted = [
                line
                for before, lane in zip([[], *lines], lines, strict=False)
                for line in lane
                if line not in before
            ]
            assert ctx.get(dut.ready)
            ctx.set(dut.load, 1)
            ctx.set(dut.needs, needs)
            ctx.set(dut.tap_group, {"pixels": number})
            await ctx.tick()
            ctx.set(dut.load, 0)
            ctx.set(dut.needs, [{}] * config.rows)
            while True:
                room, grant = rng.random() < 0.7, rng.random() < 0.7
                ctx.set(dut.room, room)
                ctx.set(dut.grant, grant)
                assert ctx.get(dut.current.pixels) == number
                assert ctx.get(dut.read_en) == (room and bool(wanted))
                if ctx.get(dut.read_en):
                    line = ctx.get(dut.read_line)
                    takers = [
                        (n["need_low"] and line == n["low"])
                        or (n["need_high"] and line == n["low"] + 1)
                        for n in needs
                    ]
                    assert ctx.get(dut.take) == sum(1 << p for p in range(config.rows) if takers[p])
                    assert line == wanted[0]
                    if grant:
                        wanted.pop(0)
                done = room and not wanted
                assert ctx.get(dut.done) == ctx.get(dut.ready) == done
                if done:
                    break
                await ctx.tick()
            await ctx.tick()

    simulate(dut, bench)
