"""``hw config``: a configuration explained, and written for others to edit."""

from __future__ import annotations

import json

import pytest

from compiler.config_options import read_config
from hw.command_line import main
from hw.spec.config import PRESETS, preset, with_values
from hw.spec.config_keys import KEYS


@pytest.mark.parametrize("name", PRESETS)
def test_a_written_configuration_is_read_again(tmp_path, name):
    path = tmp_path / "machine.json"
    assert main(["config", "--preset", name, "-o", str(path)]) == 0
    assert read_config(path) == preset(name)


def test_json_has_values_units_and_what_follows(capsys):
    assert main(["config", "--preset", "tiny", "--set", "memory.bytes_per_cycle=2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["keys"]["scratchpad_bytes"]["value"] == 61440
    assert report["keys"]["scratchpad_bytes"]["default"] == preset("edge256").scratchpad_bytes
    assert report["keys"]["memory.latency"]["unit"] == "cycles"
    assert report["derived"]["memory_bytes_per_cycle"] == 2
    assert report["derived"]["mac_units"] == 16


def test_the_text_names_every_key(capsys):
    assert main(["config", "--set", "scratchpad_bytes=512KiB"]) == 0
    text = capsys.readouterr().out
    assert all(key in text for key in KEYS) and "524,288" in text


def test_a_file_that_cannot_be_written_is_named(tmp_path, capsys):
    assert main(["config", "-o", str(tmp_path / "none" / "a.json")]) == 2
    assert "none" in capsys.readouterr().err


def test_the_written_file_is_edited(tmp_path):
    path = tmp_path / "machine.json"
    main(["config", "--preset", "tiny", "-o", str(path)])
    path.write_text(path.read_text().replace('"latency": 64', '"latency": 20'))
    assert read_config(path) == with_values(preset("tiny"), {"memory.latency": 20})
