import json

import pytest

from hw.spec import config
from hw.spec.config import ConfigurationError


@pytest.mark.parametrize("name", config.PRESETS)
def test_presets_survive_json(name):
    preset = config.preset(name)
    assert config.from_dict(json.loads(json.dumps(config.to_dict(preset)))) == preset
    assert preset.requant_words * preset.cols == preset.requant_lanes


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
        ({"requant_lanes": 48}, "requant_lanes=48"),
    ],
)
def test_impossible_values_name_key_value_and_choices(values, message):
    with pytest.raises(ConfigurationError, match=message.replace("(", r"\(")):
        config.with_values(config.preset("edge256"), values)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match="'huge' is unknown; accepted: tiny, ecp5"):
        config.preset("huge")
