"""Programs at several addresses: the same cycles, values and memory, on simulator and RTL."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from compiler.command_line import main as compiler_main
from hw.tools.cosim.runner import run_rtl
from sim.simulation import run_timing
from tests.e2e.cases import Case, branches_case, compare, design, layer_case, program_case, specs
from tests.e2e.refusals import ON_TINY, RUN_COMMANDS, refused, run

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

PAGE = 4096
BORDER = 0x5000_0000
"""Where one window of a system's bus ends and the next begins."""


def bases(case: Case) -> tuple[int, ...]:
    """Address 0, a usual one of main memory, one from which program and maps lie on both sides of a
    border, and the last one."""
    size = case.program.address_ranges.write_limit
    across = BORDER - size // 2 // PAGE * PAGE - PAGE * (size < 2 * PAGE)
    return 0, 0x4000_0000, across, (1 << 32) - -(-size // PAGE) * PAGE


def moved(case: Case, base: int) -> Case:
    return dataclasses.replace(case, program=dataclasses.replace(case.program, base=base))


@pytest.mark.parametrize("kind", [program_case, layer_case, branches_case])
def test_a_program_does_the_same_at_every_base(kind, seed):
    case = kind("tiny", seed)
    cases = [moved(case, base) for base in bases(case)]
    assert not compare("tiny", cases)
    timings = [run_timing(case.program) for case in cases]
    assert timings[1:] == timings[:1] * 3


def test_bursts_go_where_the_base_says(seed):
    case = program_case("tiny", seed)
    found = []
    for base in bases(case):
        (spec,) = specs(moved(case, base))
        result = run_rtl(design("tiny"), dataclasses.replace(spec, axi_log=True))
        events = [event for event in result.axi if event.channel in ("ar", "aw")]
        found.append([(e.cycle, e.channel, e.fields[0] - base, *e.fields[1:]) for e in events])
    assert found[0] and found[1:] == found[:1] * 3
    _, _, across, _ = bases(case)
    places = [across + fields[0] for _, _, *fields in found[0]]
    assert min(places) < BORDER <= max(places)


@pytest.fixture(scope="module")
def based(tmp_path_factory, mapped):
    """The network of ``mapped`` at another base, mapped by the command."""
    folder = tmp_path_factory.mktemp("based")
    for name in ("model.json", "model.npz"):
        (folder / name).write_bytes(mapped[name])
    words = ["map", str(folder / "model.json"), "-o", str(folder / "out"), *ON_TINY]
    assert compiler_main([*words, "--json", "--base", "0x4000_0000"]) == 0
    return folder / "out"


def test_the_same_program_runs_at_the_base_of_the_command(based, mapped, tmp_path, capsys):
    assert (based / "program.bin").read_bytes() == mapped["program.bin"]
    mapping = json.loads((based / "mapping.json").read_text())
    assert mapping == json.loads(mapped["mapping.json"]) | {"base": 0x4000_0000}
    capsys.readouterr()
    reports = []
    for command in RUN_COMMANDS:
        assert run(command, based, "--json", "--output", tmp_path / f"{command}.npy") == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0]["cycles"] == reports[1]["cycles"]
    first, second = (np.load(tmp_path / f"{command}.npy") for command in RUN_COMMANDS)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("base", "parts"),
    [
        ("0x40000800", ("--base", "'0x40000800'", "a multiple of 4096")),
        ("0x100000000", ("--base", "0xfffff000")),
        ("4_096", ("--base", "'4_096'")),
        ("x", ("--base", "'x'")),
        ("-4096", ("--base",)),
        ("0xfffff000", ("from base 0xfffff000 on", "at most 4096 are accepted")),
    ],
)
def test_a_base_that_cannot_be_is_refused(base, parts, model, capsys, tmp_path):
    options = ("-o", tmp_path / "out", *ON_TINY, "--no-cache", f"--base={base}")
    refused(capsys, tmp_path, parts, "map", model, *options)
