import argparse
import json

import pytest

from compiler.config_options import (
    add_config_options,
    config_of,
)
from hw.spec import config
from hw.spec.config import ConfigurationError


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
    got = parse("--config", str(path), "--set", "scratchpad_lines=64", "--set", "name=own")
    assert (got.name, got.rows, got.queue_depth, got.scratchpad_lines) == ("own", 4, 8, 64)
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


@pytest.mark.parametrize("word", ["rows", "rows=x", "rows=16.0", "memory=4", "memory.x=1", "q=1"])
def test_faulty_settings_are_named(word):
    with pytest.raises(ConfigurationError, match=word.split("=")[0]):
        parse("--set", word)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="none.json: No such file"):
        parse("--config", str(tmp_path / "none.json"))
