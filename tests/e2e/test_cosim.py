"""`hw cosim` holds the RTL against golden and against the simulator, and says what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hw.tools.cosim.compare as command
from sim.simulation import segment_times
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
