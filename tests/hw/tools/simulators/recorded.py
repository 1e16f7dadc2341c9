"""A run of the machine as its ports show it, clock by clock, to repeat on other simulators.

:func:`record` runs programs with a wrapper around the machine that writes down all ports before
each rising edge. Who gives the inputs again, edge by edge, must see the same outputs: the same
cycles, the same addresses and the same data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.generate import TOP
from hw.tools import verilator
from hw.tools.cosim.design import (
    TOPS,
    Design,
)
from hw.tools.cosim.run_spec import RunSpec
from hw.tools.cosim.runner import write_plan
from hw.tools.integration.ports import (
    Port,
    ports,
)

INNER = "machine"
"""The machine's name inside the wrapper."""
ROWS = "recorded"
"""The file that the wrapper writes."""


@dataclass(frozen=True)
class Recording:
    """``inputs`` and ``outputs`` but the clock, in the order of a row's digits.

    ``rows`` are pairs of digits ``0``, ``1`` and ``x``: inputs, and the outputs that they meet.
    """

    inputs: list[Port]
    outputs: list[Port]
    rows: list[tuple[str, str]]

    def write(self, path: Path) -> None:
        """Write a line for each row: inputs, outputs, and which outputs are known.

        What is unknown is 0.
        """
        known = str.maketrans("01x", "110")
        lines = [
            f"{i.replace('x', '0')} {o.replace('x', '0')} {o.translate(known)}"
            for i, o in self.rows
        ]
        path.write_text("\n".join(lines) + "\n")

    def column(self, name: str) -> list[str]:
        """The digits of a port, row by row."""
        for side, members in enumerate((self.inputs, self.outputs)):
            at = 0
            for port in members:
                if port["name"] == name:
                    return [row[side][at : at + port["width"]] for row in self.rows]
                at += port["width"]
        raise KeyError(name)


def sides(text: str) -> tuple[list[Port], list[Port]]:
    """The inputs of the machine's Verilog, the clock left out, and its outputs."""
    found = [port for port in ports(text) if port["name"] != "clk"]
    return tuple([p for p in found if p["direction"] == side] for side in ("input", "output"))


def joined(members: list[Port]) -> str:
    """The ports as one vector in Verilog."""
    return "{" + ", ".join(port["name"] for port in members) + "}"


def record(design: Design, runs: Sequence[RunSpec], work: Path) -> Recording:
    """Do the runs on Icarus in the folder ``work``."""
    wrapped = _wrapped(design)
    folder = wrapped.build(simulator="icarus")
    write_plan(work, wrapped, runs, "dram")
    verilator.simulate(folder, work, TOPS["dram"], "hw.tools.cosim.bench", simulator="icarus")
    lines = (work / ROWS).read_text().lower().replace("z", "x").splitlines()
    return Recording(*sides(design.verilog), [tuple(line.split()) for line in lines])


def _wrapped(design: Design) -> Design:
    """The design with a wrapper that writes ROWS."""
    inputs, outputs = sides(design.verilog)
    names = ["clk"] + [port["name"] for port in inputs + outputs]
    declared = "".join(
        f"  {port['direction']} [{port['width'] - 1}:0] {port['name']};\n"
        for port in inputs + outputs
    )
    wrapper = f"""
module {TOP}({", ".join(names)});
  input clk;
{declared}  integer file;
  initial file = $fopen("{ROWS}", "w");
  always @(posedge clk) $fdisplay(file, "%b %b", {joined(inputs)}, {joined(outputs)});
  {INNER} inner({", ".join(f".{name}({name})" for name in names)});
endmodule
"""
    inner = design.verilog.replace(f"module {TOP}(", f"module {INNER}(")
    return dataclasses.replace(design, verilog=inner + wrapper)
