"""Registers and memories may hold anything at power-up: after reset the machine works all the same.

The Verilog loses the initial values that Amaranth gives, and Verilator draws others.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from hw.tools.cosim.design import Design
from tests.e2e.cases import compare, design, layer_case, program_case

pytestmark = pytest.mark.xdist_group("power_up")

NAME = "tiny"
REGISTER = re.compile(r"^(  reg (?:\[\d+:0\] )?\S+ ) ?= [^;\n]+;$", re.MULTILINE)
MEMORY = re.compile(r"^  initial begin\n(?:    \S+\[\d+\] = \d+'[hd]0+;\n)+  end\n", re.MULTILINE)


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
