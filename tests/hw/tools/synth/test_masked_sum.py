"""The carry cells that ECP5 gets for an accumulator's sum are that sum."""

import pytest

from hw.tools.synth import tools
from hw.tools.synth.netlist import MASKED_SUM, MASKED_SUM_PATTERN

COMPARED = """
module compared (input begins, input [31:0] acc, input [15:0] product);
  wire [32:0] plain, cells;
  plain expected (begins, acc, product, plain);
  cells found (begins, acc, product, cells);
  always @* assert (plain[31:0] == cells[31:0]);
endmodule
"""
PROOF = """
read_verilog -nooverwrite +/ecp5/cells_sim.v
read_verilog -formal compared.v
hierarchy -top compared
proc
flatten
chformal -lower
opt_clean
sat -verify -prove-asserts -set-def-inputs
"""


def prove(folder, cells):
    """Whether Yosys proves, for all inputs, that the cells give the sum."""
    plain = MASKED_SUM_PATTERN.read_text().replace("module masked_sum", "module plain")
    cells = cells.replace("module masked_sum", "module cells")
    (folder / "compared.v").write_text(plain + cells + COMPARED)
    tools.run(tools.YOSYS, ["-q", "-p", "; ".join(PROOF.split("\n")[1:-1])], folder, "yosys.log")


def test_the_cells_are_the_sum(tmp_path):
    prove(tmp_path, MASKED_SUM.read_text())


def test_other_cells_are_found(tmp_path):
    text = MASKED_SUM.read_text()
    assert ".INIT1(16'hC60C)" in text
    with pytest.raises(tools.ToolError, match="proof did fail"):
        prove(tmp_path, text.replace(".INIT1(16'hC60C)", ".INIT1(16'h660C)"))
