"""Flip-flops and operands of multipliers, in netlists of a few cells."""

import random
from collections import Counter

import pytest

from hw.tools.synth.cells import FLIP_FLOP
from hw.tools.synth.multipliers import INPUTS, MULTIPLIER, OUTPUTS, absorb, justify

CLOCK, ENABLE, RESET = 1, 2, 3
A, B, P, A_NEXT, B_NEXT, SUM = 100, 200, 300, 400, 500, 600
"""First nets: multiplier inputs, its output, what the flip-flops take, and what they hold."""


def cell(kind, inputs, outputs, **parameters):
    """A cell as in Yosys' JSON, ports given as bit or constant."""
    ports = {**inputs, **outputs}
    return {
        "type": kind,
        "parameters": parameters,
        "connections": {port: [bit] for port, bit in ports.items()},
        "port_directions": {p: "input" if p in inputs else "output" for p in ports},
    }


def flip_flop(data, q, enable=None, **others):
    inputs = {"CLK": CLOCK, "DI": data, **({"CE": enable} if enable else {}), **others}
    return cell(FLIP_FLOP, inputs, {"Q": q}, CLKMUX="CLK", CEMUX="CE" if enable else "1 ")


def netlist():
    """A product of 8x8 bits with registers before and after it, and what reads the result."""
    first = {"A": A, "B": B}
    ports = {port: first[port[0]] + min(int(port[1:]), 7) for port in INPUTS}
    cells = {"product": cell(MULTIPLIER, ports, {f"P{i}": P + i for i in range(36)})}
    for i in range(8):
        cells[f"a{i}"] = flip_flop(A_NEXT + i, A + i, ENABLE)
        cells[f"b{i}"] = flip_flop(B_NEXT + i, B + i, ENABLE)
    for i in range(16):
        cells[f"p{i}"] = flip_flop(P + i, SUM + i)
        cells[f"reader{i}"] = cell("LUT4", {"A": SUM + i}, {"Z": 700 + i})
    return cells


def test_all_registers_move():
    cells = netlist()
    assert absorb(cells, set()) == 32
    product = cells["product"]
    assert not any(c["type"] == FLIP_FLOP for c in cells.values())
    assert product["parameters"] == {
        "REG_INPUTA_CLK": "CLK0",
        "REG_INPUTB_CLK": "CLK0",
        "REG_INPUTA_CE": "CE1",
        "REG_INPUTB_CE": "CE1",
        "REG_OUTPUT_CLK": "CLK0",
    }
    nets = {port: bits[0] for port, bits in product["connections"].items()}
    assert nets["CLK0"] == CLOCK and nets["CE1"] == ENABLE
    assert [nets[f"A{i}"] for i in range(18)] == [A_NEXT + min(i, 7) for i in range(18)]
    assert [nets[f"B{i}"] for i in range(18)] == [B_NEXT + min(i, 7) for i in range(18)]
    assert [nets[f"P{i}"] for i in range(16)] == [SUM + i for i in range(16)]


def test_a_register_between_two_multipliers_moves_once():
    """The second multiplier takes it first."""
    product, held, last = 1000, 1100, 1200
    cells = {
        "second": cell(
            MULTIPLIER,
            {port: held + i for i, port in enumerate(INPUTS)},
            {port: last + i for i, port in enumerate(OUTPUTS)},
        ),
        "first": cell(
            MULTIPLIER,
            dict.fromkeys(INPUTS, A),
            {port: product + i for i, port in enumerate(OUTPUTS)},
        ),
    }
    for i in range(36):
        cells[f"held{i}"] = flip_flop(product + i, held + i)
    assert absorb(cells, set()) == 36
    assert list(cells) == ["second", "first"]
    assert cells["first"]["parameters"] == {}
    for i, (taken, given) in enumerate(zip(INPUTS, OUTPUTS, strict=True)):
        assert cells["second"]["connections"][taken] == [product + i]
        assert cells["first"]["connections"][given] == [product + i]


@pytest.mark.parametrize(
    "change",
    (
        lambda cells: cells.update(p3=flip_flop(P + 3, SUM + 3, LSR=RESET)),
        lambda cells: cells.update(p3=flip_flop(P + 3, SUM + 3, ENABLE)),
        lambda cells: cells.update(other=cell("LUT4", {"A": P + 3}, {"Z": 800})),
        lambda cells: cells.update(p3=cell("LUT4", {"A": P + 3}, {"Z": SUM + 3})),
        lambda cells: cells["p3"]["parameters"].update(CLKMUX="INV"),
        lambda cells: cells["p3"]["parameters"].update(REGSET="SET"),
    ),
)
def test_outputs_stay_that_one_register_cannot_replace(change):
    cells = netlist()
    change(cells)
    kept = sum(name.startswith("p") and c["type"] == FLIP_FLOP for name, c in cells.items())
    assert absorb(cells, set()) == 16
    assert "REG_OUTPUT_CLK" not in cells["product"]["parameters"]
    assert sum(c["type"] == FLIP_FLOP for c in cells.values()) == kept


@pytest.mark.parametrize(
    "change",
    (
        lambda cells: cells.update(a3=flip_flop(A_NEXT + 3, A + 3, ENABLE, LSR=RESET)),
        lambda cells: cells.update(b3=flip_flop(B_NEXT + 3, B + 3)),
        lambda cells: cells.update(a3=flip_flop(A_NEXT + 3, A + 3, ENABLE + 40)),
        lambda cells: cells["product"]["connections"].update(B17=["0"]),
        lambda cells: cells["a3"]["parameters"].update(CEMUX="INV"),
        lambda cells: cells["b3"]["parameters"].update(REGSET="SET"),
    ),
)
def test_inputs_stay_that_one_register_cannot_replace(change):
    cells = netlist()
    change(cells)
    assert absorb(cells, set()) == 16
    assert set(cells["product"]["parameters"]) == {"REG_OUTPUT_CLK"}
    assert all(
        cells["product"]["connections"][port][0] in (A + min(i, 7), B + min(i, 7), "0")
        for port in INPUTS
        for i in [int(port[1:])]
    )


def test_two_clocks_are_our_mistake():
    cells = netlist()
    cells["a3"]["connections"]["CLK"] = [CLOCK + 50]
    with pytest.raises(AssertionError):
        absorb(cells, set())


def test_a_register_with_other_readers_stays_beside_the_one_inside():
    cells = netlist()
    cells["second"] = cell("LUT4", {"A": A + 2}, {"Z": 800})
    assert absorb(cells, {B + 5}) == 30
    assert {"a2", "b5"} <= set(cells)
    assert cells["product"]["connections"]["A2"] == [A_NEXT + 2]


def test_a_register_between_two_multipliers_moves_into_the_first():
    cells = netlist()
    ports = {port: SUM + min(int(port[1:]), 15) for port in INPUTS}
    cells["square"] = cell(MULTIPLIER, ports, {f"P{i}": 900 + i for i in range(36)})
    assert absorb(cells, set()) == 32
    assert "REG_OUTPUT_CLK" in cells["product"]["parameters"]
    assert not cells["square"]["parameters"]
    assert {p: cells["square"]["connections"][p] for p in INPUTS} == {
        port: [net] for port, net in ports.items()
    }


def value(bits, values):
    """The signed number that nets or constants hold."""
    number = sum((int(b) if isinstance(b, str) else values[b]) << i for i, b in enumerate(bits))
    return number - (1 << len(bits)) if number >> len(bits) - 1 else number


@pytest.mark.parametrize("lengths", ((8, 8), (1, 18), (5, 11), (18, 18)))
def test_the_same_nets_hold_the_product_behind_justified_operands(lengths, seed):
    rng = random.Random(seed)
    bits = {
        port: [100 * (1 + k) + min(i, length - 1) for i in range(18)]
        for k, (port, length) in enumerate(zip("AB", lengths, strict=True))
    }
    inputs = {f"{port}{i}": bit for port in "AB" for i, bit in enumerate(bits[port])}
    product = cell(
        MULTIPLIER,
        inputs | {"SIGNEDA": "1", "SIGNEDB": "1"},
        {f"P{i}": P + i for i in range(36)},
    )
    read = sum(lengths)
    justify(product, Counter(P + i for i in range(read)))
    connected = {port: net for port, (net,) in product["connections"].items()}
    moved = {port: [connected[f"{port}{i}"] for i in range(18)] for port in "AB"}
    for port, length in zip("AB", lengths, strict=True):
        assert moved[port] == ["0"] * (18 - length) + bits[port][:length]
    for _ in range(50):
        values = {net: rng.randrange(2) for nets in bits.values() for net in nets}
        found = value(moved["A"], values) * value(moved["B"], values)
        held = {connected[port]: found >> i & 1 for i, port in enumerate(OUTPUTS)}
        expected = value(bits["A"], values) * value(bits["B"], values)
        assert [held[P + i] for i in range(read)] == [expected >> i & 1 for i in range(read)]


def test_a_product_whose_sign_is_read_twice_stays():
    cells = netlist()
    before = dict(cells["product"]["connections"])
    cells["product"]["connections"] |= {"SIGNEDA": ["1"], "SIGNEDB": ["1"]}
    justify(cells["product"], Counter([P + 15, P + 16]))
    assert {p: cells["product"]["connections"][p] for p in before} == before


def test_unsigned_operands_stay():
    cells = netlist()
    cells["product"]["connections"] |= {"SIGNEDA": ["0"], "SIGNEDB": ["0"]}
    before = dict(cells["product"]["connections"])
    justify(cells["product"], Counter())
    assert cells["product"]["connections"] == before
