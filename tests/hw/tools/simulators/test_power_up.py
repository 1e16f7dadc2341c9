"""Registers and memories may hold anything at power-up: after reset the machine works all the same.

The Verilog loses the initial values that Amaranth gives, and Verilator draws others.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

import hw.top
from hw import generate
from hw.lib import queue
from hw.spec.config import preset
from hw.tools.cosim.design import Design
from tests.e2e.cases import compare, design, layer_case, program_case
from tests.formal.prove import mutant

pytestmark = pytest.mark.xdist_group("power_up")

NAME = "tiny"
REGISTER = re.compile(r"^(  reg (?:\[\d+:0\] )?\S+ ) ?= [^;\n]+;$", re.MULTILINE)
MEMORY = re.compile(r"^  initial begin\n(?:    \S+ ?\[\d+\] = \d+'[hd]0+;\n)+  end\n", re.MULTILINE)


def without_initial_values(text: str) -> str:
    """The Verilog text, in which registers and memories begin with nothing in particular."""
    return MEMORY.sub("", REGISTER.sub(r"\1;", text))


@pytest.fixture(scope="module")
def unset() -> Design:
    machine = design(NAME)
    return dataclasses.replace(machine, verilog=without_initial_values(machine.verilog))


def test_no_register_keeps_its_initial_value(unset):
    assert len(REGISTER.findall(design(NAME).verilog)) > 100
    assert not re.search(r"^  reg [^;\n]*=", unset.verilog, re.MULTILINE)
    assert "initial begin" not in unset.verilog


@pytest.mark.parametrize("draw", range(2))
def test_programs_run_from_any_state(unset, seed, draw):
    cases = [layer_case(NAME, seed + number) for number in range(4)]
    cases.append(program_case(NAME, seed))
    drawn = int(np.random.default_rng([seed, draw]).integers(1, 1 << 31))
    faults = compare(NAME, cases, machine=unset, power_up=drawn)
    assert not faults, f"+verilator+seed+{drawn}\n" + "\n".join(faults)


@pytest.mark.full
def test_a_register_that_lacks_its_reset_is_found(monkeypatch):
    """The place in a queue of commands that the next one goes to."""
    old = "tail = Signal(range(self._depth))"
    wrong = mutant(queue, old, old.replace("))", "), reset_less=True)"))
    monkeypatch.setattr(hw.top, "Queue", wrong.Queue)
    text = without_initial_values(generate.verilog(preset(NAME)))
    machine = dataclasses.replace(design(NAME), verilog=text)
    assert compare(NAME, [layer_case(NAME, 1)], machine=machine, power_up=1)
