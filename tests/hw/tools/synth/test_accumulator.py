"""The carry cells that ECP5 gets for parts of a multiply-accumulator do what those parts do."""

import pytest

from hw.tools.synth import tools
from hw.tools.synth.netlist import ACCUMULATOR, accumulator_part
from tests.hw.tools.synth.proof import prove

COMPARED = {
    "masked_sum": """
module compared (input begins, input [31:0] acc, input [15:0] product);
  wire [32:0] plain, cells;
  plain expected (begins, acc, product, plain);
  cells found (begins, acc, product, cells);
  always @* assert (plain[31:0] == cells[31:0]);
endmodule
""",
    "sum_begins": """
module compared (input first, compare, input [7:0] value, acc);
  wire plain, cells;
  plain expected (first, compare, value, acc, plain);
  cells found (first, compare, value, acc, cells);
  always @* assert (plain == cells);
endmodule
""",
}
OTHER = {
    "masked_sum": (".INIT1(16'hC60C)", ".INIT1(16'h660C)"),
    "sum_begins": ("i == 3 ? 16'h900C", "i == 3 ? 16'h900A"),
}
"""A cell that does something else: the last one of two, the comparison of signs."""


def both(name: str, change: tuple[str, str] = ("", "")) -> str:
    """The part beside its cells, changed."""
    plain, cells = (path.read_text() for path in accumulator_part(name))
    plain = plain.replace(f"module {name}", "module plain")
    assert change[0] in cells
    cells = cells.replace(f"module {name}", "module cells").replace(*change)
    return plain + cells + COMPARED[name]


@pytest.mark.parametrize("name", ACCUMULATOR)
def test_the_cells_are_the_part(name, tmp_path):
    prove(tmp_path, both(name))


@pytest.mark.parametrize("name", ACCUMULATOR)
def test_other_cells_are_found(name, tmp_path):
    with pytest.raises(tools.ToolError, match="proof did fail"):
        prove(tmp_path, both(name, OTHER[name]))
