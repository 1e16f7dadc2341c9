"""All steps between Yosys and nextpnr on one netlist."""

import json
from collections import Counter

from hw.tools.synth.cells import FLIP_FLOP
from hw.tools.synth.fanout import (
    EACH,
    LIMIT,
)
from hw.tools.synth.global_nets import (
    BUFFER,
    LEAST,
)
from hw.tools.synth.netlist import fit
from tests.hw.tools.synth.test_multipliers import (
    A_NEXT,
    B_NEXT,
    CLOCK,
    ENABLE,
    cell,
    flip_flop,
    netlist,
)

BUS, WIDE, Q, Z = 2000, 2100, 3000, 10_000


def crowded():
    """A product between registers, enables that are bits of a bus, and a LUT with many readers."""
    cells = netlist()
    for i in range(2):
        cells[f"enable{i}"] = cell("LUT4", {"A": CLOCK}, {"Z": BUS + i})
        for k in range(LEAST):
            cells[f"held{i}_{k}"] = flip_flop(WIDE, Q + i * LEAST + k, BUS + i)
    cells["wide"] = cell("LUT4", {"A": CLOCK}, {"Z": WIDE})
    for i in range(LIMIT):
        cells[f"reader_of_wide{i}"] = cell("LUT4", {"A": WIDE}, {"Z": Z + i})
    inputs = [CLOCK, ENABLE, *(first + i for first in (A_NEXT, B_NEXT) for i in range(8))]
    ports = {"inputs": {"direction": "input", "bits": inputs}}
    names = {"bus": {"hide_name": 0, "bits": [BUS, BUS + 1]}}
    return {"ports": ports, "cells": cells, "netnames": names}


def test_every_net_that_is_read_has_one_driver(tmp_path):
    module = crowded()
    before = {name: c["type"] for name, c in module["cells"].items()}
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": module}}))
    copies = -(-(LIMIT + 2 * LEAST) // EACH) - 1
    assert fit(path, "top") == {FLIP_FLOP: -32, "LUT4": copies}
    module = json.loads(path.read_text())["modules"]["top"]
    drivers, read = Counter(module["ports"]["inputs"]["bits"]), set()
    for found in module["cells"].values():
        for port, bits in found["connections"].items():
            if found["port_directions"][port] == "output":
                drivers.update(bits)
            else:
                read.update(bit for bit in bits if isinstance(bit, int))
    assert max(drivers.values()) == 1 and read <= set(drivers)
    after = Counter(c["type"] for c in module["cells"].values())
    assert after - Counter(before.values()) == {BUFFER: 2, "LUT4": copies}
