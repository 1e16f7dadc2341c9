"""The carry cells that ECP5 gets for a product without a multiplier are that product."""

import pytest

from hw.tools.synth import tools
from hw.tools.synth.netlist import SOFT_PRODUCT
from tests.hw.tools.synth.proof import prove

pytestmark = pytest.mark.full

COMPARED = """
module compared (input signed [7:0] a, input signed [7:0] b);
  wire signed [15:0] found;
  soft_product cells (.A(a), .B(b), .Y(found));
  always @* assert (found == a * b);
endmodule
"""


def test_the_cells_are_the_product(tmp_path):
    prove(tmp_path, SOFT_PRODUCT.read_text() + COMPARED)


def test_other_cells_are_found(tmp_path):
    text = SOFT_PRODUCT.read_text()
    assert "16'h9A0A)," in text
    with pytest.raises(tools.ToolError, match="proof did fail"):
        prove(tmp_path, text.replace("16'h9A0A),", "16'h6A0A),") + COMPARED)
