"""The checkers of both ports see what is unknown, in a simulator of four states."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hw.tools import verilator

FOLDER = Path(verilator.__file__).parent / "cosim"
CHANNELS = {
    "axil": {
        "aw": {"addr": 12},
        "w": {"data": 32, "strb": 4},
        "b": {"resp": 2},
        "ar": {"addr": 12},
        "r": {"data": 32, "resp": 2},
    },
    "axi": {
        "aw": {"addr": 32, "len": 8, "size": 3, "burst": 2},
        "w": {"data": 32, "strb": 4, "last": 1},
        "b": {"resp": 2},
        "ar": {"addr": 32, "len": 8, "size": 3, "burst": 2},
        "r": {"data": 32, "resp": 2, "last": 1},
    },
}
PREFIX = {"axil": "s_axil_", "axi": "m_axi_"}
CASES = [
    (port, channel, name)
    for port, channels in CHANNELS.items()
    for channel, payload in channels.items()
    for name in ("valid", "ready", *payload)
]


def bench(port: str) -> str:
    """A broken stub: each run has one signal of one channel unknown for a cycle, or none."""
    prefix, channels = PREFIX[port], CHANNELS[port]
    widths = {
        f"{prefix}{channel}{name}": width
        for channel, payload in channels.items()
        for name, width in {"valid": 1, "ready": 1, **payload}.items()
    }
    clear = " ".join(f"{name} = 0;" for name in widths)
    runs = [("nothing", "")]
    for channel, payload in channels.items():
        for name in ("valid", "ready", *payload):
            valid = "" if name == "valid" else f"{prefix}{channel}valid = 1;"
            bits = f"{prefix}{channel}{name}[0] = 1'bx;"
            runs.append((f"{channel}{name}", valid + bits))
    body = "\n".join(
        f"    {clear} rst = 1; tick; tick; rst = 0; tick; tick; {change} tick; {clear}\n"
        f'    $display("{name} %b", violation);'
        for name, change in runs
    )
    declared = "\n".join(f"  reg [{width - 1}:0] {name};" for name, width in widths.items())
    strict = ".strict(1'b1), .quiet(), " if port == "axi" else ""
    size = "#(.DATA_BYTES(4), .MAX_BURST(64)) " if port == "axi" else ""
    ports = ", ".join(f".{name}({name})" for name in widths)
    return f"""module bench;
  reg clk = 0, rst = 1;
{declared}
  wire violation;
  {port}_checker {size}dut (.clk(clk), .rst(rst), .log_file(0), .cycle(0), {strict}
    .violation(violation), {ports});
  task tick; begin #1 clk = 1; #1 clk = 0; end endtask
  initial begin
{body}
    $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[tuple[str, str], str]:
    """By port and unknown signal: what was reported, and whether it is a violation."""
    work, seen = tmp_path_factory.mktemp("unknown"), {}
    for port in CHANNELS:
        (work / "bench.v").write_text(bench(port))
        sources = [FOLDER / "axi_channel.sv", FOLDER / f"{port}_checker.sv", work / "bench.v"]
        build = ["iverilog", "-g2012", "-s", "bench", "-o", work / port, *sources]
        subprocess.run(build, check=True)
        done = subprocess.run(["vvp", work / port], check=True, capture_output=True, text=True)
        said = re.findall(r"((?:^AXI .*\n)*)^(\w+ [01x])$", done.stdout, re.MULTILINE)
        seen |= {(port, last.split()[0]): text + last for text, last in said}
    return seen


@pytest.mark.parametrize("port, channel, name", CASES)
def test_what_is_unknown_is_a_breach(found, port, channel, name):
    own = f"{channel} valid, ready or payload is unknown\n"
    assert own in found[port, channel + name] and found[port, channel + name].endswith(" 1")


@pytest.mark.parametrize("port", CHANNELS)
def test_quiet_channels_are_none(found, port):
    assert found[port, "nothing"] == "nothing 0"
