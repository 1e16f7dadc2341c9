"""What ``hw generate`` writes beside the Verilog."""

from __future__ import annotations

import json
import subprocess

import pytest
from amaranth.lib.wiring import In

from hw.command_line import main
from hw.lib.axi import full_ports, lite_ports
from hw.spec.config import preset
from hw.spec.regs import ADDR_WIDTH
from hw.tools.integration.files import (
    SYSTEM,
    files,
)
from hw.tools.integration.ports import ports
from hw.tools.lint import lint
from hw.tools.verilog_cache import verilog

NAME = "tiny"


@pytest.fixture(scope="module")
def written():
    return files(verilog(preset(NAME)), preset(NAME))


def test_the_ports_are_those_of_the_machine(written):
    found = {port["name"]: (port["direction"], port["width"]) for port in ports(written["accel.v"])}
    interfaces = {"s_axil": lite_ports(ADDR_WIDTH), "m_axi": full_ports(preset(NAME).bus_bytes)}
    expected = {"clk": ("input", 1), "rst": ("input", 1), "irq": ("output", 1)}
    expected |= {
        f"{prefix}_{name}": ("input" if port.flow == In else "output", port.shape)
        for prefix, members in interfaces.items()
        for name, port in members.items()
    }
    traced = {name: port for name, port in found.items() if name.startswith("trace_")}
    assert found == expected | traced and len(traced) == 8
    assert json.loads(written["ports.json"]) == ports(written["accel.v"])


def test_every_port_is_explained_once(written):
    rows = [line for line in written["ports.md"].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    expected = [
        (f"`{p['name']}`", p["direction"], str(p["width"])) for p in ports(written["accel.v"])
    ]
    assert sorted(tuple(cell[:3]) for cell in cells) == sorted(expected)
    assert all(cell[3] for cell in cells)


def test_the_example_lints_clean(written):
    assert lint(written["accel.v"] + written["system.v"], SYSTEM) == []


def test_the_example_misses_no_port(written):
    broken = written["system.v"].replace("        .m_axi_bready(mem_bready),\n", "")
    assert any("PINMISSING" in line for line in lint(written["accel.v"] + broken, SYSTEM))


def test_what_is_written_compiles(written, tmp_path):
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    options = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffreestanding"]
    subprocess.run(["gcc", *options, "-fsyntax-only", "accel.c"], cwd=tmp_path, check=True)


def test_a_setting_of_the_memory_changes_no_file_and_the_command_says_so(tmp_path, capsys):
    words = ["generate", "--preset", "tiny", "-o"]
    assert main([*words, str(tmp_path / "plain")]) == 0
    assert capsys.readouterr() == ("", "")
    settings = ["--set", "memory.latency=9", "--set", "memory.bytes_per_cycle=2"]
    assert main([*words, str(tmp_path / "set"), *settings]) == 0
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith("--set memory.latency, memory.bytes_per_cycle: no effect")
    plain, changed = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("plain", "set")
    )
    assert plain and plain == changed


@pytest.mark.parametrize("command", ["lint", "synth"])
def test_other_commands_on_the_verilog_say_so_too(command, capsys, monkeypatch):
    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    monkeypatch.setattr("hw.generate.verilog", stop)
    monkeypatch.setattr("hw.commands.synth.check_tools", lambda _: None)
    with pytest.raises(Stop):
        main([command, "--preset", "tiny", "--set", "memory.latency=9"])
    error = capsys.readouterr().err
    assert error.startswith("--set memory.latency: no effect") and error.count("\n") == 1
