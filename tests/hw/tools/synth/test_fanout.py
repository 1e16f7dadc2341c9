"""Copies of cells with many readers, in netlists of a few cells."""

import copy
import random

import pytest

from hw.tools.synth.fanout import (
    EACH,
    LIMIT,
    split,
)
from tests.hw.tools.synth.test_multipliers import (
    cell,
    flip_flop,
)

DATA, WIDE, FREE = 1, 2, 10_000


def netlist(count, driver=None):
    """A register with ``count`` readers of its value, and as many that it enables."""
    cells = {"driver": driver or flip_flop(DATA, WIDE)}
    for i in range(count):
        cells[f"reader{i}"] = cell("LUT4", {"A": WIDE}, {"Z": 100 + i})
        cells[f"enabled{i}"] = flip_flop(DATA, 5000 + i, WIDE)
    return cells


def drivers(cells):
    return {c["connections"][p][0]: name for name, c in cells.items() for p in ("Q", "Z")
            if p in c["connections"]}  # fmt: skip


def test_readers_of_similar_names_share_a_copy():
    cells = netlist(3 * EACH)
    names = list(cells)
    random.Random(1).shuffle(names)
    shuffled = {name: cells[name] for name in names}
    assert split(shuffled, FREE) == {"TRELLIS_FF": 2}
    by_net = drivers(shuffled)
    for i in range(3 * EACH):
        wanted = "driver" if i < EACH else f"driver$copy{i // EACH}"
        assert by_net[shuffled[f"reader{i}"]["connections"]["A"][0]] == wanted


def test_a_copy_is_the_driver_but_for_its_output():
    cells = netlist(LIMIT + 1, cell("LUT4", {"A": 7, "B": 8}, {"Z": WIDE}, INIT="1000"))
    expected = copy.deepcopy(cells["driver"])
    assert split(cells, FREE) == {"LUT4": LIMIT // EACH}
    copies = [cells.pop(name) for name in list(cells) if "$copy" in name]
    assert [c["connections"].pop("Z") for c in copies] == [[FREE + i] for i in range(len(copies))]
    assert cells["driver"] == expected
    del expected["connections"]["Z"]
    assert copies == [expected] * len(copies)


@pytest.mark.parametrize("count", (1, LIMIT))
def test_few_readers_stay(count):
    cells = netlist(count)
    expected = copy.deepcopy(cells)
    assert not split(cells, FREE)
    assert cells == expected


def test_what_a_tile_shares_stays():
    cells = netlist(LIMIT + 1)
    split(cells, FREE)
    assert all(cells[f"enabled{i}"]["connections"]["CE"] == [WIDE] for i in range(LIMIT + 1))


def test_each_bit_of_a_port_is_a_reader():
    cells = {"driver": flip_flop(DATA, WIDE)}
    for i in range(LIMIT):
        memory = cell("TRELLIS_DPR16X4", {"RAD": WIDE}, {})
        memory["connections"]["RAD"] = [3, WIDE, 4, WIDE]
        cells[f"memory{i}"] = memory
    assert split(cells, FREE) == {"TRELLIS_FF": 2 * LIMIT // EACH - 1}
    nets = [net for i in range(LIMIT) for net in cells[f"memory{i}"]["connections"]["RAD"]]
    assert nets[0::4] == [3] * LIMIT and nets[2::4] == [4] * LIMIT
    by_net = drivers(cells)
    for port in (1, 3):
        assert {by_net[net].split("$")[0] for net in nets[port::4]} == {"driver"}
    assert max(nets[1::4].count(net) + nets[3::4].count(net) for net in nets) == EACH
