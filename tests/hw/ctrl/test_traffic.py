"""The registers of ``tiny`` under random traffic while programs run, on the RTL."""

from __future__ import annotations

import json
import random

import pytest

from hw.spec.regs import Counter, Fault, offset_of
from hw.tools import verilator
from hw.tools.cosim.design import TOPS
from hw.tools.cosim.run_spec import RtlResult
from hw.tools.cosim.runner import write_plan
from tests.e2e.cases import design
from tests.e2e.fault_runs import GOOD, on_rtl, settings, spec, status
from tests.support import fault_programs as programs
from tests.support.fault_programs import CONFIG, OTHER, FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

RUNS = 10
WRONG = FaultCase(
    "wrong", Fault.SCRATCHPAD_RANGE, programs.STORES[1],
    programs.changed(programs.STORES[1], scratchpad_addr=programs.BEYOND - 1), addr=OTHER,
)  # fmt: skip
"""A program that ends with a fault when most of it is done."""
IMAGE = programs.memory(GOOD.code, WRONG.code)


def outcome(alone: RtlResult) -> dict:
    """The fields of an Outcome, as the registers have them after a run without traffic."""
    names = [f"{counter.name.lower()}_lo" for counter in Counter]
    assert alone.failure is None
    _, fault, index = status(alone)
    return {
        "cycles": alone.cycles,
        "counters": [alone.registers[offset_of(name)] for name in names],
        "fault": int(fault),
        "index": index,
    }


def test_random_traffic_reads_what_the_model_says_and_disturbs_no_run(seed, tmp_path):
    rng = random.Random(seed)
    alone = on_rtl({case.addr: spec(case, image=IMAGE) for case in (GOOD, WRONG)})
    assert [status(run)[1] for run in alone.values()] == [Fault.NONE, WRONG.fault]
    write_plan(tmp_path, design(CONFIG.name), [spec(GOOD, image=IMAGE)], "dram")
    cases = [GOOD, WRONG] + [rng.choice((GOOD, GOOD, WRONG)) for _ in range(RUNS - 2)]
    plan = {
        "seed": seed,
        "programs": {addr: outcome(run) for addr, run in alone.items()},
        "runs": [settings(case) for case in cases],
    }
    (tmp_path / "traffic.json").write_text(json.dumps(plan))
    folder = design(CONFIG.name).build()
    verilator.simulate(folder, tmp_path, TOPS["dram"], "tests.hw.ctrl.traffic_bench")
    seen = json.loads((tmp_path / "seen.json").read_text())
    print(seen)
    assert seen["writes while busy"] > 1000 and seen["reads while busy"] > 1000
    assert min(seen[kind] for kind in ("partial strobes", "holes", "starts while busy")) > 50
