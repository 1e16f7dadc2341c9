import json
import re

import pytest

from hw.spec import config
from hw.spec.config import AccelConfig, preset, to_dict, with_values
from hw.spec.config_keys import KEYS, ConfigurationError
from hw.spec.timing import DMA_READ_PHASE, DMA_WRITE_PHASE

BAD_NAMES = ("", "a b", "a/b", "..", "9lives", "a-b", "a\n", "\u00e4", "a" * 65, 5, None)


@pytest.mark.parametrize("name", config.PRESETS)
def test_presets_survive_json(name):
    found = preset(name)
    assert config.from_dict(json.loads(json.dumps(to_dict(found)))) == found
    assert found.requant_words * found.cols == found.requant_lanes * found.beat_cycles


def test_values_change_by_dotted_key():
    changed = config.with_values(config.preset("tiny"), {"memory.latency": 5, "queue_depth": 2})
    assert (changed.memory.latency, changed.queue_depth, changed.name) == (5, 2, "tiny")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rows": 5}, "configuration rows=5 must be 4, 8, 16, 32 or 64"),
        ({"rows": "16"}, "rows='16'"),
        ({"memory.latency": 0}, "memory.latency=0"),
        ({"memory.bytes_per_cycle": 3}, "memory.bytes_per_cycle=3"),
        ({"memory.speed": 1}, "'memory.speed' is unknown"),
        ({"colums": 1}, "'colums' is unknown"),
        ({"requant_lanes": 48}, "requant_lanes=48 must be 8, 16 or 32"),
        ({"requant_lanes": 4}, "requant_lanes=4"),
        ({"memory.latency": 5, "memory": {"latency": 7}}, "'memory.latency' is given twice"),
        ({"memory": {"latency": 5}, "memory.latency": 5}, "'memory.latency' is given twice"),
        *(
            ({"name": name}, f"name={name!r} must be an identifier: a string of letters")
            for name in BAD_NAMES
        ),
    ],
)
def test_impossible_values_name_key_value_and_choices(values, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        config.with_values(config.preset("edge256"), values)


def test_both_ways_of_writing_the_memory_go_together():
    values = {"memory.latency": 5, "memory": {"bytes_per_cycle": 4}}
    memory = config.with_values(config.preset("tiny"), values).memory
    assert (memory.latency, memory.bytes_per_cycle) == (5, 4)


@pytest.mark.parametrize("name", ["a", "_", "Edge_256", "a" * 64])
def test_identifiers_are_names(name):
    assert config.with_values(config.preset("tiny"), {"name": name}).name == name


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match="'huge' is unknown; accepted: tiny, ecp5"):
        config.preset("huge")


def test_the_requantiser_follows_rows_and_columns_unless_it_is_given():
    changed = with_values(preset("edge256"), {"cols": 8})
    assert (changed.bus_bytes, changed.requant_lanes) == (8, 16)
    assert with_values(preset("edge256"), {"rows": 4}).requant_lanes == 16
    assert with_values(preset("edge256"), {"cols": 8, "requant_lanes": 8}).requant_lanes == 8
    assert with_values(preset("ecp5_25"), {"cols": 8}).requant_lanes == 4


@pytest.mark.parametrize("name, lanes", [("tiny", 4), ("tiny", 2), ("ecp5_25", 2), ("ecp5", 8)])
def test_no_beat_is_written_in_the_phase_of_load(name, lanes):
    found = with_values(preset(name), {"requant_lanes": lanes})
    for cycle in range(64):
        for residual, latency in ((False, found.plain_write), (True, found.residual_write)):
            if found.may_issue(cycle, residual):
                assert (cycle + latency - DMA_WRITE_PHASE) % found.line_words
                assert not residual or (cycle - DMA_READ_PHASE) % found.line_words


def test_sizes_may_have_units():
    assert (
        with_values(preset("edge256"), {"scratchpad_bytes": "512KiB"}).scratchpad_bytes == 1 << 19
    )
    assert with_values(preset("edge256"), {"scratchpad_bytes": "1 MiB"}).scratchpad_bytes == 1 << 20
    for text in ("512kb", "-1KiB", "1.5MiB", "KiB"):
        with pytest.raises(ConfigurationError, match="scratchpad_bytes"):
            with_values(preset("edge256"), {"scratchpad_bytes": text})


def test_the_scratchpad_has_a_short_key():
    sized = with_values(preset("edge256"), {"scratchpad": "512KiB"})
    assert sized.scratchpad_bytes == 1 << 19
    with pytest.raises(ConfigurationError, match=r"'scratchpad_bytes' is given twice, also as"):
        with_values(preset("edge256"), {"scratchpad": "1MiB", "scratchpad_bytes": "1MiB"})


def test_every_key_is_explained_once():
    values = to_dict(AccelConfig())
    memory = values.pop("memory")
    assert set(KEYS) == {*values, *(f"memory.{name}" for name in memory)}


def test_what_the_keys_say_is_accepted_is():
    machine = preset("edge256")
    for rows in (4, 8, 16, 32, 64):
        for cols in (4, 8, 16, 32, 64):
            changed = with_values(
                machine, {"rows": rows, "cols": cols, "scratchpad_bytes": 1 << 17}
            )
            assert changed.mac_units == rows * cols
    for key, values in {"queue_depth": (2, 16), "memory.latency": (1, 1000)}.items():
        for value in values:
            assert with_values(machine, {key: value})
        for value in (values[0] - 1, values[1] + 1):
            with pytest.raises(ConfigurationError, match=KEYS[key].accepted):
                with_values(machine, {key: value})
