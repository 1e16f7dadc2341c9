"""Which signals of which cycles a simulation records, and what the options refuse."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog

from compiler.errors import CompilerError
from hw.tools import verilator
from hw.tools.cosim.design import Design
from hw.tools.cosim.runner import run_rtl
from hw.tools.cosim.wave_options import add_wave_options, waves_of
from hw.tools.cosim.waves import Waves, of_segments, unit_of, units
from hw.tools.verilator import ToolError
from tests.hw.tools.cosim.copy_engine import CopyEngine
from tests.hw.tools.cosim.test_harness import WIDTH, copying

pytestmark = pytest.mark.xdist_group("copy_engine")

TEXT = """
module accelerator(clk);
module \\accelerator.core (clk);
module \\accelerator.core.fetch (clk);
module \\accelerator.core.execute.fetch (clk);
module \\accelerator.core.execute.weights$147 (clk);
module scratchpad_bank #(
"""


@pytest.fixture(scope="module")
def design():
    text = verilog.convert(
        CopyEngine(WIDTH), name="accelerator", strip_internal_attrs=True, emit_src=False
    )
    return Design(text, WIDTH, depth_bytes=1 << 20)


@pytest.fixture(scope="module")
def image(seed):
    return np.random.default_rng(seed).integers(0, 256, 1 << 17, dtype=np.uint8)


def values_of(path: Path, signal: str) -> list[int]:
    """The values that a VCD file has of the signal of that name, in order."""
    text = path.read_text()
    code = re.search(rf"\$var \w+ +\d+ (\S+) {signal}(?: \[\d+:\d+\])? \$end", text)
    assert code is not None
    return [int(bits, 2) for bits in re.findall(rf"^b([01]+) {re.escape(code[1])}$", text, re.M)]


def scopes_of(path: Path) -> set[str]:
    """Names of the scopes that have signals."""
    return set(re.findall(r"\$scope \w+ (\S+) \$end\s+\$var", path.read_text()))


def test_a_window_has_its_cycles_and_no_others(design, image, tmp_path):
    path = tmp_path / "run.vcd"
    run_rtl(design, copying(image, beats=40), waves=Waves(path, window=(110, 130), before=100))
    assert values_of(path, "timeline_cycle") == list(range(110, 131))
    assert {"dut", "data", "lengths"} <= scopes_of(path)


def test_a_unit_is_recorded_with_the_cycles_alone(design, image, tmp_path):
    path = tmp_path / "run.vcd"
    run_rtl(design, copying(image, beats=40), waves=Waves(path, window=(10, 30), unit="data"))
    assert values_of(path, "timeline_cycle") == list(range(10, 31))
    scopes = scopes_of(path)
    assert {"data", "waves_i"} <= scopes <= {"$rootio", "data", "waves_i"}


def test_only_segments_in_the_window_have_a_file():
    waves = Waves(Path("run.fst"), window=(150, 320))
    found = list(of_segments(waves, [100, 100, 100, 100, 100]))
    assert [w and (w.path.name, w.before) for w in found] == [
        None, ("run.fst", 100), ("run.1.fst", 200), ("run.2.fst", 300), None,
    ]  # fmt: skip


def test_units_are_named_by_their_path_or_its_end():
    known = units(TEXT)
    assert unit_of("core.fetch", known) == "core.fetch"
    assert unit_of("weights", known) == "core.execute.weights$147"
    with pytest.raises(CompilerError, match=r"core.execute.fetch or core.fetch is accepted"):
        unit_of("fetch", known)
    with pytest.raises(CompilerError, match=r"'wieghts': no such unit; accepted: core, core.exec"):
        unit_of("wieghts", known)


def options(*words: object):
    parser = ArgumentParser()
    parser.add_argument("--simulator", default="verilator")
    add_wave_options(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.mark.parametrize("option", ["--waves-from", "--waves-to", "--layer", "--unit"])
def test_options_of_waves_without_waves_are_refused(option):
    with pytest.raises(CompilerError, match=f"{option} without --waves"):
        waves_of(options(option, "1"), None)


def test_a_missing_header_of_fst_is_named_before_the_build(design, monkeypatch):
    monkeypatch.setattr(verilator, "FST_HEADERS", {"no_such_header.h": "liblz4-dev"})
    with pytest.raises(ToolError, match=r"^no_such_header.h not .* apt-get install liblz4-dev"):
        design.build(waves=Waves(Path("run.fst")))
