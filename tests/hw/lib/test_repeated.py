"""Parts that a unit has many times: one module in the Verilog, one piece of code in Verilator."""

import re
import subprocess

import pytest

from hw import generate
from hw.core.mac_array import MacArray
from hw.core.operand_store import OperandStore
from hw.core.requantiser import Requantiser
from hw.tools import verilator
from hw.tools.cosim.design import ONE_CODE
from tests.hw.support.units import WIDE

UNITS = {
    "mac_lane": (MacArray, WIDE.rows),
    "operand_lane": (OperandStore, WIDE.rows),
    "requant_channel": (Requantiser, WIDE.cols),
}
"""The unit that has a part, and how many of it in WIDE."""


@pytest.fixture(scope="module", params=UNITS)
def part(request):
    """Name of a part, how many of it there are, and the text of the unit."""
    unit, count = UNITS[request.param]
    return request.param, count, generate.modules(unit(WIDE), "unit", "p_")


def test_a_part_is_one_module(part):
    name, count, text = part
    assert len(re.findall(rf"^module p_{name}\(", text, re.MULTILINE)) == 1
    assert len(re.findall(rf"^  p_{name} \w+ \(", text, re.MULTILINE)) == count


def test_verilator_compiles_a_part_once(part, tmp_path):
    name, count, text = part
    (tmp_path / "unit.v").write_text(text)
    options = ["--prefix", "V", "--top-module", "p_unit", "-Wno-fatal", "-Mdir", "obj"]
    with verilator.environment(verilator.find_tool(), ""):
        command = ["verilator", "--cc", *verilator.BUILD_ARGS, ONE_CODE, *options, "unit.v"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    code = "".join(path.read_text() for path in sorted((tmp_path / "obj").glob("V_*.cpp")))
    functions = re.findall(rf"^void (V_p_{name}___nba_\w+)\(V_p_{name}\* vlSelf\) \{{", code, re.M)
    calls = re.findall(rf"^ +(V_p_{name}___nba_\w+)\(\(?&", code, re.MULTILINE)
    assert functions and len(calls) == count * len(functions)
