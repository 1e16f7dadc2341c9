"""The sequencer: taps and channels in order, and the cause of every cycle."""

import itertools
import random

import pytest

from hw.core.mac_sequencer import MacSequencer
from hw.core.operand_fetch import State
from hw.spec.regs import Counter
from tests.hw.support.units import execute_command, simulate


def _head(taps, channels, last):
    return {"last_tap": taps - 1, "last_channel": channels - 1, "last": last}


def test_taps_and_channels_in_order(seed):
    rng = random.Random(seed)
    dut = MacSequencer()

    async def bench(ctx):
        heads = [(rng.randint(1, 9), rng.randint(1, 8), rng.randrange(2)) for _ in range(41)]
        ctx.set(dut.next_head, _head(*heads[0]))
        await ctx.tick()
        for (taps, channels, last), following in itertools.pairwise(heads):
            dilation = rng.randint(1, max(1, 8 // taps))
            ctx.set(dut.cmd, execute_command({"col_dilation": dilation}))
            head, following_head = _head(taps, channels, last), _head(*following)
            ctx.set(dut.head, head)
            order = list(itertools.product(range(taps), range(channels)))
            visible = False
            for tap, channel in order:
                end = (tap, channel) == order[-1]
                issues = False
                while not issues:
                    seen, weight, drain = (rng.random() < 0.8 for _ in range(3))
                    visible |= seen  # It goes with the tap group.
                    ctx.set(dut.visible, visible)
                    ctx.set(dut.next_head, following_head if visible else head)
                    ctx.set(dut.weight_ready, weight)
                    ctx.set(dut.drain_ready, drain)
                    issues = visible and weight and (drain or not (end and last))
                    assert ctx.get(dut.issue) == issues
                    assert ctx.get(dut.channel) == channel
                    assert ctx.get(dut.offset) == tap * dilation
                    assert ctx.get(dut.pixel_group_end) == (end and last)
                    assert ctx.get(dut.pop) == (issues and end)
                    await ctx.tick()

    simulate(dut, bench)


ALL = {
    "visible": 1,
    "weight_ready": 1,
    "drain_ready": 1,
    "in_flight": 1,
    "fetch_queued": 1,
    "load_met": 1,
    "store_met": 1,
    "fetch_state": State.RUN,
}
NO_TAP_GROUP = ALL | {"visible": 0, "in_flight": 0}
CAUSES = {
    "issue": (ALL, Counter.BUSY_OTHER),
    "weight": (ALL | {"weight_ready": 0}, Counter.STALL_WEIGHT),
    "weight before drain": (ALL | {"weight_ready": 0, "drain_ready": 0}, Counter.STALL_WEIGHT),
    "drain": (ALL | {"drain_ready": 0}, Counter.STALL_DRAIN),
    "step before weight": (
        ALL | {"visible": 0, "weight_ready": 0, "drain_ready": 0},
        Counter.STALL_OPERAND,
    ),
    "lines on the way": (ALL | {"visible": 0, "fetch_state": State.IDLE}, Counter.STALL_OPERAND),
    "run": (NO_TAP_GROUP, Counter.STALL_OPERAND),
    "init": (NO_TAP_GROUP | {"fetch_state": State.INIT}, Counter.STALL_OPERAND),
    "load": (
        NO_TAP_GROUP | {"fetch_state": State.WAIT, "load_met": 0, "store_met": 0},
        Counter.WAIT_LOAD,
    ),
    "store": (NO_TAP_GROUP | {"fetch_state": State.WAIT, "store_met": 0}, Counter.WAIT_STORE),
    "execute": (NO_TAP_GROUP | {"fetch_state": State.WAIT}, Counter.WAIT_EXECUTE),
    "bank": (NO_TAP_GROUP | {"fetch_state": State.IDLE}, Counter.WAIT_EXECUTE),
    "command": (
        NO_TAP_GROUP | {"fetch_state": State.IDLE, "fetch_queued": 0},
        Counter.WAIT_COMMAND,
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_causes_in_their_order(case):
    inputs, cause = CAUSES[case]
    dut = MacSequencer()

    async def bench(ctx):
        await ctx.tick()  # The only multiply-accumulate of its tap group.
        ctx.set(dut.head, _head(1, 1, last=1))
        for name, value in inputs.items():
            ctx.set(getattr(dut, name), value)
        assert ctx.get(dut.cause) == cause
        assert ctx.get(dut.issue) == (case == "issue")

    simulate(dut, bench)


def test_what_a_command_changes():
    dut = MacSequencer()

    async def bench(ctx):
        ctx.set(dut.visible, 1)
        ctx.set(dut.weight_ready, 1)
        ctx.set(dut.head, _head(1, 1, last=0))
        ctx.set(dut.cmd, execute_command({"network": 1}))
        # Only a tile's last multiply-accumulate needs the drain.
        assert ctx.get(dut.issue) and ctx.get(dut.cause) == Counter.BUSY_NETWORK
        ctx.set(dut.weight_ready, 0)
        assert ctx.get(dut.cause) == Counter.STALL_WEIGHT
        ctx.set(dut.cmd, execute_command({"ones": 1}))
        assert ctx.get(dut.issue) and ctx.get(dut.cause) == Counter.BUSY_OTHER

    simulate(dut, bench)
