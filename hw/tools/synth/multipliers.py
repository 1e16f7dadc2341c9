"""Changes at an MULT18X18D that Yosys leaves to do, so that fewer wires lead there.

Flip-flops at its ports become the registers inside it, and short signed operands its upper bits, so
that no wires bring copies of the sign. See Lattice TN1267, ECP5 and ECP5-5G sysDSP Usage Guide, for
the registers, their clock enables and resets.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hw.tools.synth.cells import Cell, Cells, bit_at
from hw.tools.synth.flip_flops import FlipFlops, enable, sinks

MULTIPLIER = "MULT18X18D"
WIDTH = 18
INPUTS = [f"{port}{i}" for port in "AB" for i in range(WIDTH)]
OUTPUTS = [f"P{i}" for i in range(2 * WIDTH)]


def fit_multipliers(module: dict[str, Any]) -> int:
    """``absorb`` and ``justify`` in a module; returns how many flip-flops are gone."""
    used = {bit for port in module["ports"].values() for bit in port["bits"]}
    cells = module["cells"]
    count = absorb(cells, used)
    counted = sinks(cells, used)
    for cell in cells.values():
        if cell["type"] == MULTIPLIER:
            justify(cell, counted)
    return count


def absorb(cells: Cells, kept: set[int]) -> int:
    """Move flip-flops into the multipliers of ``cells``; returns how many are gone.

    All inputs of a multiplier move, or none; and so with its outputs. A flip-flop can move that has
    no reset and begins as 0, at inputs the same clock enable as the others, at outputs none. One
    that leads elsewhere too stays there as well. Nets of ``kept`` keep their drivers.
    """
    flip_flops = FlipFlops(cells, kept)
    before = len(cells)
    for cell in [cell for cell in cells.values() if cell["type"] == MULTIPLIER]:
        if moved := flip_flops.move_behind(cell, OUTPUTS):
            _connect(cell, "CLK0", moved[0])
            cell["parameters"]["REG_OUTPUT_CLK"] = "CLK0"
        _absorb_inputs(cell, flip_flops)
    return before - len(cells)


def _absorb_inputs(cell: Cell, flip_flops: FlipFlops) -> None:
    cells, counted, by_output = flip_flops.cells, flip_flops.sinks, flip_flops.by_output
    bits = [bit_at(cell, port) for port in INPUTS]
    if not all(bit in by_output for bit in bits):
        return
    enables = {enable(cells[by_output[bit]]) for bit in bits}
    if len(enables) > 1 or None in enables:
        return
    _connect(cell, "CLK0", bit_at(cells[by_output[bits[0]]], "CLK"))
    _connect(cell, "CE1", enables.pop())
    for port in "AB":
        cell["parameters"] |= {f"REG_INPUT{port}_CLK": "CLK0", f"REG_INPUT{port}_CE": "CE1"}
    for port, bit in zip(INPUTS, bits, strict=True):
        data = bit_at(cells[by_output[bit]], "DI")
        cell["connections"][port] = [data]
        counted[data] += 1
        counted[bit] -= 1
    for bit in set(bits):
        if not counted[bit]:
            counted[bit_at(flip_flops.remove(by_output[bit]), "DI")] -= 1


def _connect(cell: Cell, port: str, bit: Any) -> None:
    cell["connections"][port], cell["port_directions"][port] = [bit], "input"


def justify(cell: Cell, counted: Counter[Any]) -> None:
    """Move signed operands, and the product, to the upper ends of a multiplier's ports.

    ``counted`` has the number of readers of each net. A product of which copies of the sign are
    read stays.
    """
    connections = cell["connections"]
    operands = {port: [bit_at(cell, f"{port}{i}") for i in range(WIDTH)] for port in "AB"}
    shifts = {
        port: WIDTH - _length(bits) if bit_at(cell, f"SIGNED{port}") == "1" else 0
        for port, bits in operands.items()
    }
    shift = sum(shifts.values())
    product = [connections.get(port, []) for port in OUTPUTS]
    if any(counted[bit] for bits in product[len(product) - shift :] for bit in bits):
        return
    for port, bits in operands.items():
        zeros = ["0"] * shifts[port]
        for i, bit in enumerate([*zeros, *bits[: WIDTH - len(zeros)]]):
            connections[f"{port}{i}"] = [bit]
    for i, port in enumerate(OUTPUTS):
        connections[port] = product[i - shift]


def _length(bits: list[Any]) -> int:
    """Bits of a signed number without copies of its sign."""
    length = len(bits)
    while length > 1 and bits[length - 2] == bits[-1]:
        length -= 1
    return length
