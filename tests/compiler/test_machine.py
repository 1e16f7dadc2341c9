"""Machines as users name them: presets, files, values, and changes to each."""

import json
import pickle

import pytest

from compiler import ConfigurationError, Machine
from hw.spec.config import preset, to_dict


def test_a_machine_is_a_preset_by_name():
    assert Machine("tiny").config is not None
    assert Machine("tiny").config == preset("tiny")
    assert Machine() == Machine("edge256")


def test_a_machine_is_a_file_or_its_values(tmp_path):
    values = {"preset": "tiny", "memory": {"latency": 7}}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(values))
    machines = [Machine(path), Machine(str(path)), Machine(values)]
    assert set(machines) == {Machine("tiny", memory={"latency": 7})}


def test_a_machine_is_one_already_there():
    machine = Machine("tiny", queue_depth=2)
    assert Machine(machine) == Machine(machine.config) == Machine(machine.values) == machine
    assert pickle.loads(pickle.dumps(machine)) == machine


def test_values_change_any_base(tmp_path):
    assert Machine({"preset": "tiny"}, queue_depth=2) == Machine("tiny", queue_depth=2)
    assert Machine(preset("tiny"), queue_depth=2).config.queue_depth == 2


def test_a_machine_says_what_it_is():
    machine = Machine("tiny")
    assert (machine.name, machine.mac_units) == ("tiny", 16)
    assert machine.values == to_dict(preset("tiny"))
    assert repr(machine) == (
        "<Machine tiny: 4 x 4 MAC units, scratchpad of 61,440 bytes, bus of 4 bytes>"
    )


@pytest.mark.parametrize(
    ("base", "values", "message"),
    [
        ("huge", {}, "machine 'huge': neither a preset"),
        ("no.json", {}, "no.json: No such file"),
        ({"preset": "huge"}, {}, "preset 'huge' is unknown; accepted: tiny"),
        ({"rows": "many"}, {}, "configuration rows='many' must be an integer"),
        ("tiny", {"lanes": 3}, "configuration key 'lanes' is unknown; accepted"),
        ("tiny", {"pool_lines": 3}, "configuration key 'pool_lines' is now scratchpad_bytes"),
        ("tiny", {"memory": {"speed": 3}}, "configuration key 'memory.speed' is unknown"),
        ("tiny", {"memory": 3}, "memory=3 must be an object"),
    ],
)
def test_what_is_no_machine_is_refused(base, values, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        Machine(base, **values)
