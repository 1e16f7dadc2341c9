import argparse
import json

import pytest

from compiler.config_options import (
    add_config_options,
    config_of,
)
from hw.spec import config
from hw.spec.config_keys import ConfigurationError


def parse(*words):
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    return config_of(parser.parse_args(words))


def test_default_is_edge256():
    assert parse() == config.preset("edge256")


def test_settings_apply_to_a_preset_and_to_a_file(tmp_path):
    assert parse("--preset", "tiny", "--set", "memory.latency=9").memory.latency == 9
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"preset": "tiny", "queue_depth": 8, "memory": {"latency": 3}}))
    got = parse("--config", str(path), "--set", "scratchpad_bytes=2048", "--set", "name=own")
    assert (got.name, got.rows, got.queue_depth, got.scratchpad_bytes) == ("own", 4, 8, 2048)
    assert got.memory.latency == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "c.json: holds list"),
        ("{", "c.json: not valid JSON"),
        ('{"rows": 3}', "c.json: configuration rows=3"),
        ('{"memory": 4}', "c.json: configuration memory=4"),
        ('{"preset": "none"}', "c.json: preset 'none' is unknown"),
        ('{"preset": [1]}', r"c.json: configuration preset=\[1\]"),
    ],
)
def test_a_faulty_file_is_named(tmp_path, text, message):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        parse("--config", str(path))


@pytest.mark.parametrize(
    "word",
    [
        "rows",
        "rows=x",
        "rows=16.0",
        "rows=1_6",
        "rows= 16",
        "rows=\u0661\u0666",
        "memory=4",
        "memory.x=1",
        "q=1",
    ],
)
def test_faulty_settings_are_named(word):
    with pytest.raises(ConfigurationError, match=word.split("=")[0]):
        parse("--set", word)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pool_lines", 64, "'pool_lines' is now scratchpad_bytes"),
        ("bus_bytes", 24, "bus_bytes=24 must be 4, 8, 16, 32 or 64"),
        ("shapes", [[16, 16]], "shapes="),
        ("shapes", 3, "shapes=3 must be a list of pairs"),
        ("scratchpad_bytes", 8200, "a multiple of 128"),
    ],
)
def test_what_the_gateware_cannot_build_and_old_keys_are_refused(key, value, message):
    with pytest.raises(ConfigurationError, match=message):
        config.from_dict({"preset": "edge256", key: value})


def test_bus_and_shapes_follow_the_array():
    small = config.with_values(config.preset("edge256"), {"rows": 8, "cols": 4, "requant_lanes": 4})
    assert small.bus_bytes == 4 and small.shapes == ((8, 4), (4, 8), (2, 16))
    assert config.from_dict(config.to_dict(small)) == small


def test_a_bus_of_its_own_follows_nothing():
    wide = config.with_values(config.preset("tiny"), {"bus_bytes": 16})
    assert (wide.cols, wide.bus_bytes, wide.burst_words) == (4, 16, 64)
    assert config.title(wide) == "tiny bus_bytes=16"
    narrow = config.with_values(wide, {"cols": 64, "requant_lanes": 64})
    assert (narrow.cols, narrow.bus_bytes, narrow.burst_words) == (64, 16, 16)
    assert config.from_dict(config.to_dict(narrow)) == narrow


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.json: No such file"):
        parse("--config", str(tmp_path / "none.json"))
