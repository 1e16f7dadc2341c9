"""The generated Verilog is clean under Verilator's -Wall; its waivers do not hide faults."""

import pytest

from hw.generate import TOP
from hw.spec.config import PRESETS, preset
from hw.tools.lint import (
    WAIVERS,
    lint,
)
from hw.tools.verilog_cache import verilog

FAULTS = {
    "UNDRIVEN": "wire x; assign b = a & x;",
    "LATCH": "reg c; always @* if (a) c = a; assign b = c;",
    "MULTIDRIVEN": "reg c; always @(posedge a) c <= 0; always @(negedge a) c <= 1; assign b = c;",
    "UNOPTFLAT": "wire [1:0] z; assign z = {z[0], a ^ z[1]}; assign b = z[1];",
    "WIDTHTRUNC": "wire [1:0] z = {a, a, a}; assign b = ^z;",
}


def test_generated_verilog_is_clean(tiny_verilog):
    assert lint(tiny_verilog, TOP) == []


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in PRESETS if name != "tiny"])
def test_larger_presets_are_clean(name):
    assert lint(verilog(preset(name)), TOP) == []


@pytest.mark.parametrize("rule", FAULTS)
def test_faults_are_found(rule):
    found = lint(f"module m(input a, output b);\n{FAULTS[rule]}\nendmodule\n", "m")
    assert any(f"-{rule}:" in line for line in found), found


def test_every_waiver_has_a_reason():
    lines = WAIVERS.read_text().splitlines()[1:]
    waived = [i for i, line in enumerate(lines) if line.startswith("lint_off")]
    assert waived and all(lines[i - 1].startswith("// ") for i in waived)
