import dataclasses
import random

import numpy as np
import pytest

from hw.spec.config import AccelConfig
from hw.spec.regs import Fault
from sim.values import execute as execute_module
from sim.values.execute import execute
from sim.values.memories import AccessError
from sim.values.requantise import rounding_divide
from tests.sim.commands import CONFIG, random_execute, random_state
from tests.sim.scalar_model import ScalarExecute, divide


@pytest.mark.parametrize("seed", range(120))
def test_execute_equals_the_scalar_interpretation(seed):
    rng = random.Random(seed)
    state, fields = random_state(rng), random_execute(rng)
    expected = ScalarExecute(fields, state.scratchpad.copy()).run()
    execute([state], fields)
    np.testing.assert_array_equal(state.scratchpad, expected)


@pytest.mark.parametrize("seed", range(60))
def test_execute_on_lines_of_four_words(seed):
    rng = random.Random(seed)
    config = dataclasses.replace(CONFIG, line_words=4)
    state, fields = random_state(rng, config), random_execute(rng, config)
    expected = ScalarExecute(fields, state.scratchpad.copy(), 4).run()
    execute([state], fields)
    np.testing.assert_array_equal(state.scratchpad, expected)


@pytest.mark.parametrize("seed", range(12))
def test_results_do_not_depend_on_chunks(seed, monkeypatch):
    rng = random.Random(seed)
    state, fields = random_state(rng), random_execute(rng)
    expected = ScalarExecute(fields, state.scratchpad.copy()).run()
    monkeypatch.setattr(execute_module, "CHUNK", 16)
    monkeypatch.setattr(execute_module, "EXACT_CHANNELS", CONFIG.cols)
    execute([state], fields)
    np.testing.assert_array_equal(state.scratchpad, expected)


def test_extreme_operands_accumulate_exactly_and_parameters_wrap():
    rng = random.Random(1)
    config = AccelConfig(name="test", rows=4, cols=4, scratchpad_bytes=16384 * 32, requant_lanes=4)
    state = random_state(rng, config)
    fields = random_execute(random.Random(0)) | {
        "split": 0,
        "maximum": 0,
        "ones": 0,
        "array_shape": 0,
        "in_blocks": 700,
        "last_channels": 4,
        "in_plane": 1,
        "in_block_step": 0,
        "in_row": 1,
        "in_width": 1,
        "in_height": 1,
        "start_x": 0,
        "start_y": 0,
        "kernel_rows": 1,
        "tap_groups": 1,
        "group_taps": 1,
        "last_taps": 1,
        "pixels": 1,
        "out_width": 1,
        "out_blocks": 1,
        "last_planes": 1,
        "weight_addr": 8192,
        "weight_lines": 350,
        "residual": 0,
        "table": 0,
        "out_min": -128,
        "out_max": 127,
        "in_addr": 20000,
        "out_addr": 30000,
    }
    state.scratchpad[20000:20700] = -128
    state.scratchpad[65536 : 65536 + 2800] = -128
    line = state.scratchpad[fields["param_addr"] * 8 :][:16].reshape(2, -1)
    line[0].view(np.int32)[:] = [2**31 - 1, -45875200, -45875201, 5] + [2**30] * 4
    line[1, :8] = [3, 0, 31, 1, 0, 1, 30, 15]
    expected = ScalarExecute(fields, state.scratchpad.copy()).run()
    execute([state], fields)
    np.testing.assert_array_equal(state.scratchpad[30000], expected[30000])


def test_rounding_divide_rounds_halves_away_from_zero():
    values = [*range(-70, 70), 2**31 - 1, -(2**31)]
    for exponent in (0, 1, 2, 5, 31):
        got = rounding_divide(np.array(values, np.int32), np.int32(exponent))
        assert got.tolist() == [divide(v, exponent) for v in values]


@pytest.mark.parametrize(
    "change",
    [
        {
            "in_addr": CONFIG.scratchpad_words - 1,
            "in_width": 8,
            "in_height": 8,
            "in_row": 8,
            "out_width": 4,
            "pixels": 16,
            "start_x": 0,
            "start_y": 0,
        },
        {"weight_addr": CONFIG.scratchpad_lines, "ones": 0, "maximum": 0},
        {"param_addr": CONFIG.scratchpad_lines},
        {"table": 1, "table_addr": CONFIG.scratchpad_words - 1},
        {"residual": 1, "res_addr": CONFIG.scratchpad_words},
        {"out_addr": CONFIG.scratchpad_words},
    ],
)
def test_a_word_beyond_the_scratchpad_is_a_fault_and_nothing_is_written(change):
    rng = random.Random(3)
    state = random_state(rng)
    fields = random_execute(rng) | change
    before = state.scratchpad.copy()
    with pytest.raises(AccessError) as raised:
        execute([state], fields)
    assert raised.value.fault == Fault.SCRATCHPAD_RANGE
    np.testing.assert_array_equal(state.scratchpad, before)
