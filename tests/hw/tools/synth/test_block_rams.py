"""Output registers of block RAMs, in netlists of a few cells."""

import pytest

from hw.tools.synth.block_rams import BLOCK_RAM, absorb
from hw.tools.synth.cells import FLIP_FLOP
from tests.hw.tools.synth.test_multipliers import cell, flip_flop

WORD, LATER, ENABLE, RESET = 100, 200, 3, 4


def netlist(enable=None):
    """A memory with two bits read at port B, a register behind them, and its readers."""
    cells = {"memory": cell(BLOCK_RAM, {}, {"DOB0": WORD, "DOB1": WORD + 1}, REGMODE_B="NOREG")}
    for i in range(2):
        cells[f"bit{i}"] = flip_flop(WORD + i, LATER + i, enable)
        cells[f"reader{i}"] = cell("LUT4", {"A": LATER + i}, {"Z": 300 + i})
    return cells


@pytest.mark.parametrize("enable", [None, ENABLE])
def test_the_register_moves(enable):
    cells = netlist(enable)
    assert absorb(cells, set()) == 2
    memory = cells["memory"]
    assert not any(c["type"] == FLIP_FLOP for c in cells.values())
    assert memory["parameters"] == {"REGMODE_B": "OUTREG"}
    assert memory["connections"] == {
        "DOB0": [LATER],
        "DOB1": [LATER + 1],
        "OCEB": [enable or "1"],
    }


def _another_reader(cells):
    cells["also"] = cell("LUT4", {"A": WORD}, {"Z": 400})


def _a_reset(cells):
    cells["bit1"] = flip_flop(WORD + 1, LATER + 1, LSR=RESET)


def _another_enable(cells):
    cells["bit1"] = flip_flop(WORD + 1, LATER + 1, ENABLE)


def _no_register(cells):
    del cells["bit0"]
    cells["reader0"] = cell("LUT4", {"A": WORD}, {"Z": 300})


@pytest.mark.parametrize("change", [_another_reader, _a_reset, _another_enable, _no_register])
def test_another_register_stays_with_all_of_its_port(change):
    cells = netlist()
    change(cells)
    before = len(cells)
    assert absorb(cells, set()) == 0 and len(cells) == before
    assert cells["memory"]["parameters"] == {"REGMODE_B": "NOREG"}


def test_a_word_that_leaves_the_module_stays():
    cells = netlist()
    assert absorb(cells, {WORD}) == 0
