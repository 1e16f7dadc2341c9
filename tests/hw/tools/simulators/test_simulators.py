"""The Verilog does the same under Icarus, in four states, and under CXXRTL as under Verilator."""

from __future__ import annotations

from itertools import count, islice

import pytest

from hw.tools import icarus
from hw.tools.verilator import ToolError
from sim.simulation import run_timing
from tests.e2e.cases import Case, compare, design, layer_case, specs
from tests.hw.tools.simulators import recorded
from tests.hw.tools.simulators.replay import (
    on_cxxrtl,
    on_icarus,
)

pytestmark = pytest.mark.xdist_group("simulators")

NAME = "tiny"
LONGEST = 1000
"""Cycles of a program at most: Icarus does a thousand in a second."""


@pytest.fixture(scope="module")
def cases(seed) -> list[Case]:
    """Three small networks, mapped."""
    drawn = (layer_case(NAME, seed + number) for number in count())
    return list(islice((c for c in drawn if run_timing(c.program).cycles <= LONGEST), 3))


@pytest.fixture(scope="module")
def recording(cases, tmp_path_factory) -> recorded.Recording:
    """The ports of the machine while it runs the programs."""
    runs = [spec for case in cases for spec in specs(case)]
    return recorded.record(design(NAME, "icarus"), runs, tmp_path_factory.mktemp("recording"))


def test_icarus_takes_the_simulators_cycles(cases):
    faults = compare(NAME, cases, simulator="icarus")
    assert not faults, "\n".join(faults)


def test_no_handshake_is_unknown(recording):
    running = recording.column("rst").index("1") + 1
    for port in recording.inputs + recording.outputs:
        name = port["name"]
        if name.endswith(("valid", "ready")) or name in ("irq", "trace_start", "trace_done"):
            assert not any("x" in digits for digits in recording.column(name)[running:]), name


@pytest.mark.parametrize("version", ["-g2005", "-g2012"])
def test_both_languages_repeat_each_cycle(recording, tmp_path, version):
    """From a reset that is high from time 0 on."""
    assert recording.rows[0][0][place(recording, "rst")] == "1"
    text = design(NAME, "icarus").verilog
    said = on_icarus(text, recording, tmp_path, version)
    assert said == f"{len(recording.rows)} rows, 0 wrong\n"


@pytest.mark.full
def test_cxxrtl_repeats_each_cycle(recording, tmp_path):
    said = on_cxxrtl(design(NAME, "icarus").verilog, recording, tmp_path)
    assert said == f"{len(recording.rows)} rows, 0 wrong\n"


def test_another_machine_is_told_from_a_recording(recording, tmp_path):
    text = design(NAME, "icarus").verilog.replace("module accelerator(", "module accelerator (", 1)
    broken = text.replace("assign irq =", "assign irq = !", 1)
    assert broken != text
    said = on_icarus(broken, recording, tmp_path, "-g2005")
    assert not said.endswith(" 0 wrong\n")


def test_a_missing_icarus_is_named_with_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=r"^iverilog not found: sudo apt-get install iverilog$"):
        icarus.find_tool()


def place(recording: recorded.Recording, name: str) -> int:
    """The digit of an input of one bit in a row."""
    widths = 0
    for port in recording.inputs:
        if port["name"] == name:
            return widths
        widths += port["width"]
    raise KeyError(name)
