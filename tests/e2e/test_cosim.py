"""`hw cosim` holds the RTL against golden and against the simulator, and says what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hw.tools.cosim.compare as command
from sim.simulation import run_timing, segment_times
from tests.e2e.refusals import refused, run

pytestmark = pytest.mark.xdist_group("accelerator_tiny")


def test_other_cycles_than_the_simulators_are_an_error(folder, capsys, monkeypatch):
    def longer(program, segment):
        times = segment_times(program, segment)
        return replace(times, cycles=times.cycles + 1)

    monkeypatch.setattr(command, "segment_times", longer)
    assert run("cosim", folder) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: segment 0: ") and message.endswith(" simulated")


def test_other_values_than_goldens_are_an_error(folder, capsys, monkeypatch):
    def other(graph, inputs):
        return {name: np.zeros(0) for name in golden_run(graph, inputs)}

    golden_run = command.golden_run
    monkeypatch.setattr(command, "golden_run", other)
    assert run("cosim", folder) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: tensors differ from golden's: ")


def test_a_folder_for_waves_must_be_there(folder, capsys, tmp_path):
    missing = tmp_path / "none"
    refused(capsys, tmp_path, (str(missing),), "cosim", folder, "--waves", missing / "run.vcd")


def test_waves_of_icarus_are_fst(folder, capsys, tmp_path):
    options = ("--simulator", "icarus", "--waves", tmp_path / "run.vcd")
    refused(capsys, tmp_path, ("run.vcd", "icarus", ".fst"), "cosim", folder, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layer", "sten"], ("'sten'", "'stem'")),
        (["--layer", "stem", "--waves-to", "9"], ("--layer", "--waves-to")),
        (["--waves-from", "99999999"], ("--waves-from", "99999999", "from 0 to")),
        (["--waves-from", "9", "--waves-to", "8"], ("--waves-to", "8", "from 9 to")),
        (["--unit", "nothing"], ("'nothing'", "core.execute.array")),
        (["--waves-only"], ("--waves-only", "--layer")),
        (["--waves-only", "--waves-to", "9"], ("--output", "not finished")),
    ],
)
def test_what_a_recording_cannot_have_is_refused(options, words, folder, capsys, tmp_path):
    options = ["--waves", str(tmp_path / "run.fst"), *options]
    refused(capsys, tmp_path, words, "cosim", folder, *options)


def test_a_layer_is_recorded_from_its_first_cycle_to_its_last(folder, monkeypatch):
    seen = []

    def record(program, host, simulator, waves):
        seen.append((waves, run_timing(program).layers))
        raise command.RunFailure("enough")

    monkeypatch.setattr("hw.commands.cosim.run_segments", record)
    waves = folder.parent / "run.fst"
    assert run("cosim", folder, "--waves", waves, "--layer", "logits", "--unit", "array") == 1
    [(recording, layers)] = seen
    [layer] = [times for times in layers if times.name == "logits"]
    assert recording.window == (layer.start_cycle, layer.end_cycle)
    assert 0 < layer.start_cycle < layer.end_cycle
    assert recording.unit == "core.execute.array"
