"""The requantiser against golden's arithmetic: every pass, and the cycles of its results."""

import random

import numpy as np
import pytest

from golden.elementwise import add
from golden.fixed import (
    INT32_MAX,
    INT32_MIN,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap32,
)
from golden.quant import ADD_LEFT_SHIFT, QParams, add_params
from hw.core.requantiser import Requantiser
from hw.spec import timing
from tests.hw.support.units import all_configs, execute_command, simulate

PLAIN_CYCLES = timing.RESULT_LATENCY
RESIDUAL_CYCLES = timing.RESIDUAL_SUM + timing.RESULT_LATENCY


def _rescale(value, left, multiplier, right):
    shifted = wrap32(wrap32(value) << np.asarray(left, np.int64))
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def _rescale_once(value, left, multiplier, right):
    """One rounding, halves away from zero; with a right shift of 0, down."""
    product = wrap32(wrap32(value) << left) * multiplier
    rounded = np.sign(product) * ((np.abs(product) + (1 << 30 + right)) >> 31 + right)
    return np.where(right == 0, product >> 31, rounded)


def _own(sums, channels, f):
    """Results before the residual: int8 values as int64, by word and column."""
    bias, multiplier, left, right = (
        np.array([channel[name] for channel in channels], np.int64)
        for name in ("bias", "multiplier", "left", "right")
    )
    acc = np.array(sums, np.int64).reshape(-1, len(channels))
    rescale = _rescale_once if f["round_once"] else _rescale
    value = rescale(acc + bias, left, multiplier, right)
    return np.clip(value + f["out_zero"], f["out_min"], f["out_max"])


def _shift(rng):
    return rng.choice((0, 0, 1, 30, 31, rng.randrange(32)))


def _multiplier(rng):
    return rng.choice((0, 1, 1 << 30, (1 << 31) - 1, rng.randrange(1 << 30, 1 << 31)))


def _sum(rng):
    return rng.choice(
        (INT32_MIN, INT32_MAX, -1, 0, 1, rng.randint(-500, 500), rng.randint(INT32_MIN, INT32_MAX))
    )


def _any_beat(rng, config):
    channels = [
        {
            "bias": _sum(rng),
            "multiplier": _multiplier(rng),
            "left": _shift(rng),
            "right": _shift(rng),
        }
        for _ in range(config.cols)
    ]
    return [_sum(rng) for _ in range(config.requant_words * config.cols)], channels


def _tie_beat(rng, config):
    """Accumulators whose quotients lie half way between two integers, or one step beside.

    One step is half a unit of the product's high part, so that two roundings differ from one.
    """
    channels = [
        {
            "bias": rng.randint(-500, 500),
            "multiplier": 1 << 30,
            "left": rng.randrange(2),
            "right": rng.randint(1, 23),
        }
        for _ in range(config.cols)
    ]
    sums = []
    for lane in range(config.requant_words * config.cols):
        channel = channels[lane % config.cols]
        halves = (2 * rng.randint(-64, 63) + 1) << (channel["right"] - channel["left"])
        sums.append(halves + rng.choice((0, 0, -1, 1)) - channel["bias"])
    return sums, channels


def _clamps(rng):
    low, high = sorted((rng.randint(-128, 127), rng.randint(-128, 127)))
    return {
        "round_once": rng.randrange(2),
        "out_zero": rng.randint(-128, 127),
        "out_min": low,
        "out_max": high,
    }


def _results(total, cycle, interval, config):
    """The results of a beat by cycle; of halves the second comes ``interval`` later."""
    lanes = config.requant_lanes
    halves = [total[first : first + lanes] for first in range(0, len(total), lanes)]
    return {cycle + interval * number: half for number, half in enumerate(halves)}


OPEN = {"round_once": 0, "out_zero": 0, "out_min": -128, "out_max": 127}


@all_configs
@pytest.mark.parametrize("beat", [_any_beat, _tie_beat])
def test_sums_become_bytes(beat, config, seed):
    rng = random.Random(seed)
    dut = Requantiser(config)

    async def bench(ctx):
        for fields in (OPEN, OPEN | {"round_once": 1}, _clamps(rng)):
            ctx.set(dut.cmd, execute_command(fields))
            due = {}
            for cycle in range(150):
                enters = (
                    cycle < 148 - PLAIN_CYCLES
                    and cycle % config.beat_cycles == 0
                    and rng.random() < 0.8
                )
                sums, channels = beat(rng, config)
                ctx.set(dut.enter, enters)
                ctx.set(dut.sums, sums)
                ctx.set(dut.channels, channels)
                if enters:
                    total = _own(sums, channels, fields).ravel().tolist()
                    due |= _results(total, cycle + PLAIN_CYCLES, 1, config)
                if cycle in due:
                    assert list(ctx.get(dut.result)) == due.pop(cycle)
                await ctx.tick()
            assert not due

    simulate(dut, bench)


def _golden_residual(rng):
    """Fields of an addition, and golden's own."""
    quants = [
        QParams(rng.choice((0.01, 0.1)) * rng.uniform(0.5, 2), rng.randint(-128, 127))
        for _ in range(3)
    ]
    params = add_params(*(quant.scale for quant in quants))
    fields = {
        "add_left": ADD_LEFT_SHIFT,
        "a_offset": -quants[0].zero_point,
        "b_offset": -quants[1].zero_point,
        "a_multiplier": params.a_multiplier,
        "a_right": -params.a_shift,
        "b_multiplier": params.b_multiplier,
        "b_right": -params.b_shift,
        "sum_multiplier": params.y_multiplier,
        "sum_right": -params.y_shift,
        "add_zero": quants[2].zero_point,
        "add_min": -128,
        "add_max": 127,
    }
    return fields, lambda a, b: add(a.astype(np.int8), b.astype(np.int8), *quants)


def _added(a, b, f):
    """The three passes of an addition with the fields ``f``."""
    a = _rescale(a + f["a_offset"], f["add_left"], f["a_multiplier"], f["a_right"])
    b = _rescale(b + f["b_offset"], f["add_left"], f["b_multiplier"], f["b_right"])
    total = _rescale(a + b, 0, f["sum_multiplier"], f["sum_right"])
    return np.clip(total + f["add_zero"], f["add_min"], f["add_max"])


def _any_residual(rng):
    """Fields of an addition with any shifts and clamps, and what it computes."""
    low, high = sorted((rng.randint(-128, 127), rng.randint(-128, 127)))
    f = {name: _shift(rng) for name in ("add_left", "a_right", "b_right", "sum_right")}
    f |= {name: _multiplier(rng) for name in ("a_multiplier", "b_multiplier", "sum_multiplier")}
    f |= {
        "a_offset": rng.randint(-256, 255),
        "b_offset": rng.randint(-256, 255),
        "add_zero": rng.randint(-128, 127),
        "add_min": low,
        "add_max": high,
    }
    return f, lambda a, b: _added(a, b, f)


def _small_residual(rng):
    """An addition of small numbers, which shows how each of its passes rounds."""
    f, _ = _any_residual(rng)
    f |= {name: rng.randrange(3) for name in ("add_left", "a_right", "b_right", "sum_right")}
    f |= dict.fromkeys(("a_multiplier", "b_multiplier", "sum_multiplier"), 1 << 30)
    f |= {"add_zero": 0, "add_min": -128, "add_max": 127}
    return f, lambda a, b: _added(a, b, f)


@all_configs
@pytest.mark.parametrize("addition", [_golden_residual, _any_residual, _small_residual])
def test_a_residual_is_added(addition, config, seed):
    rng = random.Random(seed)
    dut = Requantiser(config)

    async def bench(ctx):
        for _ in range(8):
            fields, function = addition(rng)
            fields |= OPEN | {"residual": 1, "round_once": rng.randrange(2)}
            ctx.set(dut.cmd, execute_command(fields))
            ctx.set(dut.residual, 1)
            others, due = {}, {}
            for cycle in range(100):
                sums, channels = _tie_beat(rng, config)
                enters = (
                    cycle % config.residual_interval == 1
                    and cycle < 95 - RESIDUAL_CYCLES
                    and rng.random() < 0.8
                )
                ctx.set(dut.enter, enters)
                ctx.set(dut.sums, sums)
                ctx.set(dut.channels, channels)
                if enters:
                    other = [
                        rng.randint(-128, 127) for _ in range(config.requant_words * config.cols)
                    ]
                    others[cycle + timing.RESIDUAL_B] = other
                    total = function(_own(sums, channels, fields).ravel(), np.array(other))
                    due |= _results(total.tolist(), cycle + RESIDUAL_CYCLES, 4, config)
                ctx.set(dut.other, others.get(cycle, [cycle] * len(sums)))
                if cycle in due:
                    assert list(ctx.get(dut.result)) == due.pop(cycle)
                await ctx.tick()
            assert not due

    simulate(dut, bench)
