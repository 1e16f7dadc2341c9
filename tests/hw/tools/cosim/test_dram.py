"""The memory model against its statement, cycle by cycle."""

import json
from pathlib import Path

import pytest

from hw.tools import verilator

SOURCE = Path(verilator.__file__).parent / "cosim" / "dram.sv"


@pytest.mark.parametrize(("width", "outstanding", "response"), [(4, 16, 8), (16, 3, 5)])
def test_every_cycle_equals_the_statement(width, outstanding, response, seed, tmp_path):
    plan = {"width": width, "depth": 8192, "seed": seed, "limits": [outstanding, response]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    parameters = {
        "DATA_BYTES": width,
        "DEPTH_BYTES": plan["depth"],
        "MEMORY_OUTSTANDING": outstanding,
        "WRITE_RESPONSE": response,
    }
    folder = verilator.build("dram", {"dram.sv": SOURCE.read_text()}, parameters)
    verilator.simulate(folder, tmp_path, "dram", "tests.hw.tools.cosim.dram_bench")
