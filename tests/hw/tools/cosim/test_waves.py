"""Which signals of which cycles a simulation records, and what the options refuse."""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog
from pywellen import Waveform

from compiler.errors import CompilerError
from hw.tools import verilator
from hw.tools.cosim.design import Design
from hw.tools.cosim.runner import run_rtl
from hw.tools.cosim.wave_options import add_wave_options, waves_of
from hw.tools.cosim.waves import Waves, of_segments, ports_alone, unit_of, units
from hw.tools.verilator import FST_HEADERS, ToolError
from tests.hw.tools.cosim.copy_engine import CopyEngine
from tests.hw.tools.cosim.test_harness import WIDTH, copied, copying

pytestmark = pytest.mark.xdist_group("copy_engine")

TEXT = """
module accelerator(clk);
module \\accelerator.core (clk);
module \\accelerator.core.fetch (clk);
module \\accelerator.core.execute.fetch (clk);
module \\accelerator.core.execute.weights$147 (clk);
module scratchpad_bank #(
"""


KIND = "fst" if all(Path("/usr/include", name).is_file() for name in FST_HEADERS) else "vcd"
"""The kind of file that Verilator can write here."""


@pytest.fixture(scope="module")
def design():
    text = verilog.convert(
        CopyEngine(WIDTH), name="accelerator", strip_internal_attrs=True, emit_src=False
    )
    return Design(text, WIDTH, depth_bytes=1 << 20)


@pytest.fixture(scope="module")
def image(seed):
    return np.random.default_rng(seed).integers(0, 256, 1 << 17, dtype=np.uint8)


def signals_of(path: Path) -> dict[str, list[int]]:
    """The values of each signal of a file, in order, by name."""
    recorded = Waveform(path=str(path))
    assert recorded.file_format.lower() == path.suffix[1:]
    return {var.full_name: [value for _, value in var.tv] for var in recorded.all_vars()}


def scopes_of(path: Path) -> set[str]:
    """Names of the scopes that have signals."""
    found = Waveform(path=str(path)).all_vars()
    return {var.full_name.removesuffix(f".{var.name}").rpartition(".")[2] for var in found}


def cycles_of(signals: dict[str, list[int]]) -> list[int]:
    (name,) = [name for name in signals if name.endswith("waves_i.timeline_cycle")]
    return signals[name]


def test_a_window_has_its_cycles_and_no_others(design, image, tmp_path):
    path = tmp_path / f"run.{KIND}"
    run_rtl(design, copying(image, beats=40), waves=Waves(path, window=(110, 130), before=100))
    assert cycles_of(signals_of(path)) == list(range(110, 131))
    assert {"dut", "data", "lengths"} <= scopes_of(path)


@pytest.mark.full
def test_a_unit_is_recorded_with_the_cycles_alone(design, image, tmp_path):
    path = tmp_path / f"run.{KIND}"
    run_rtl(design, copying(image, beats=40), waves=Waves(path, window=(10, 30), unit="data"))
    assert cycles_of(signals_of(path)) == list(range(10, 31))
    assert {"data", "waves_i"} <= scopes_of(path) <= {"$rootio", "data", "waves_i"}


def test_a_run_may_end_with_the_window(design, image, tmp_path):
    path = tmp_path / f"run.{KIND}"
    run = dataclasses.replace(copying(image, beats=1000), stop=30)
    result = run_rtl(design, run, waves=Waves(path, window=(10, 30)))
    assert cycles_of(signals_of(path)) == list(range(10, 31))
    assert not np.array_equal(result.dram, copied(image, run))


def test_without_a_unit_only_ports_are_recorded():
    text = """
module \\a.b (clk, cmd, \\x.y );
  reg \\$auto$1 ;
  wire [7:0] \\$1 ;
  input clk;
  wire clk;
  input [3:0] cmd;
  wire [3:0] cmd;
  wire \\cmd.go ;
  output \\x.y ;
  reg \\x.y = 1'h0;
  reg [12:0] place [3:0];
  assign \\cmd.go = cmd[0];
endmodule
"""
    hidden = re.findall(r"tracing_off \*/(.*)/\* verilator tracing_on", ports_alone(text))
    assert hidden == ["  reg \\$auto$1 ;", "  wire [7:0] \\$1 ;", "  reg [12:0] place [3:0];"]
    assert re.sub(r"/\*.*?\*/", "", ports_alone(text)) == text


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
