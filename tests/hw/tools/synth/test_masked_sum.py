"""The carry cells that ECP5 gets for an accumulator's sum are that sum."""

import pytest

from hw.tools.synth import tools
from hw.tools.synth.netlist import MASKED_SUM, MASKED_SUM_PATTERN
from tests.hw.tools.synth.proof import prove

COMPARED = """
module compared (input begins, input [31:0] acc, input [15:0] product);
  wire [32:0] plain, cells;
  plain expected (begins, acc, product, plain);
  cells found (begins, acc, product, cells);
  always @* assert (plain[31:0] == cells[31:0]);
endmodule
"""


def with_plain(cells: str) -> str:
    """The cells beside the sum that they take the place of."""
    plain = MASKED_SUM_PATTERN.read_text().replace("module masked_sum", "module plain")
    return plain + cells.replace("module masked_sum", "module cells") + COMPARED


def test_the_cells_are_the_sum(tmp_path):
    prove(tmp_path, with_plain(MASKED_SUM.read_text()))


def test_other_cells_are_found(tmp_path):
    text = MASKED_SUM.read_text()
    assert ".INIT1(16'hC60C)" in text
    with pytest.raises(tools.ToolError, match="proof did fail"):
        prove(tmp_path, with_plain(text.replace(".INIT1(16'hC60C)", ".INIT1(16'h660C)")))
