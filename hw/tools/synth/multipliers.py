"""Changes at an MULT18X18D that Yosys leaves to do, so that fewer wires lead there.

Flip-flops at its ports become the registers inside it, and short signed operands its upper bits, so
that no wires bring copies of the sign. See Lattice TN1267, ECP5 and ECP5-5G sysDSP Usage Guide, for
the registers, their clock enables and resets.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hw.tools.synth.cells import FLIP_FLOP, Cell, Cells, bit_at, readers

MULTIPLIER = "MULT18X18D"
WIDTH = 18
INPUTS = [f"{port}{i}" for port in "AB" for i in range(WIDTH)]
OUTPUTS = [f"P{i}" for i in range(2 * WIDTH)]


def fit_multipliers(module: dict[str, Any]) -> int:
    """``absorb`` and ``justify`` in a module; returns how many flip-flops are gone."""
    used = {bit for port in module["ports"].values() for bit in port["bits"]}
    cells = module["cells"]
    count = absorb(cells, used)
    sinks = _sinks(cells, used)
    for cell in cells.values():
        if cell["type"] == MULTIPLIER:
            justify(cell, sinks)
    return count


def absorb(cells: Cells, kept: set[int]) -> int:
    """Move flip-flops into the multipliers of ``cells``; returns how many are gone.

    All inputs of a multiplier move, or none; and so with its outputs. A flip-flop can move that has
    no reset and begins as 0, at inputs the same clock enable as the others, at outputs none. One
    that leads elsewhere too stays there as well. Nets of ``kept`` keep their drivers. All
    flip-flops have the same clock.
    """
    sinks = _sinks(cells, kept)
    # By the net that they drive, and by the net that they take.
    flip_flops: dict[int, str] = {}
    takers: dict[int, list[str]] = {}
    for name, cell in cells.items():
        if cell["type"] == FLIP_FLOP and _plain(cell):
            flip_flops[bit_at(cell, "Q")] = name
            takers.setdefault(bit_at(cell, "DI"), []).append(name)
    assert len({bit_at(cells[name], "CLK") for name in flip_flops.values()}) <= 1
    before = len(cells)
    for cell in [cell for cell in cells.values() if cell["type"] == MULTIPLIER]:
        _absorb_outputs(cell, cells, sinks, takers, flip_flops)
        _absorb_inputs(cell, cells, sinks, flip_flops)
    return before - len(cells)


def _sinks(cells: Cells, kept: set[int]) -> Counter[Any]:
    """Number of ports that read each net, those of the module included."""
    found = readers(cells, lambda *_: True)
    return Counter(kept) + Counter({net: len(ports) for net, ports in found.items()})


def _plain(cell: Cell) -> bool:
    """Whether the flip-flop takes its input at the rising edge, begins as 0, and has no reset."""
    parameters = cell["parameters"]
    if parameters.get("CLKMUX", "CLK") != "CLK" or parameters.get("REGSET", "RESET") != "RESET":
        return False
    return bit_at(cell, "LSR") in (None, "0")


def _enable(cell: Cell) -> Any:
    """The clock enable: a net, "1" for always, or None for one that a multiplier cannot have."""
    mux = cell["parameters"].get("CEMUX", "1").strip()  # Yosys writes "1 "
    return "1" if mux == "1" else bit_at(cell, "CE") if mux == "CE" else None


def _absorb_outputs(
    cell: Cell,
    cells: Cells,
    sinks: Counter[Any],
    takers: dict[int, list[str]],
    flip_flops: dict[int, str],
) -> None:
    used = [port for port in OUTPUTS if sinks[bit_at(cell, port)]]
    found = {}
    for port in used:
        bit = bit_at(cell, port)
        names = takers.get(bit, [])
        if sinks[bit] != 1 or not names or _enable(cells[names[0]]) != "1":
            return
        found[port] = names[0]
    for port, name in found.items():
        flip_flop = cells.pop(name)
        del flip_flops[bit_at(flip_flop, "Q")]
        cell["connections"][port] = flip_flop["connections"]["Q"]
        _connect(cell, "CLK0", bit_at(flip_flop, "CLK"))
    if found:
        cell["parameters"]["REG_OUTPUT_CLK"] = "CLK0"


def _absorb_inputs(
    cell: Cell, cells: Cells, sinks: Counter[Any], flip_flops: dict[int, str]
) -> None:
    bits = [bit_at(cell, port) for port in INPUTS]
    if not all(bit in flip_flops for bit in bits):
        return
    enables = {_enable(cells[flip_flops[bit]]) for bit in bits}
    if len(enables) > 1 or None in enables:
        return
    _connect(cell, "CLK0", bit_at(cells[flip_flops[bits[0]]], "CLK"))
    _connect(cell, "CE1", enables.pop())
    for port in "AB":
        cell["parameters"] |= {f"REG_INPUT{port}_CLK": "CLK0", f"REG_INPUT{port}_CE": "CE1"}
    for port, bit in zip(INPUTS, bits, strict=True):
        data = bit_at(cells[flip_flops[bit]], "DI")
        cell["connections"][port] = [data]
        sinks[data] += 1
        sinks[bit] -= 1
    for bit in set(bits):
        if not sinks[bit]:
            sinks[bit_at(cells[flip_flops[bit]], "DI")] -= 1
            del cells[flip_flops[bit]]


def _connect(cell: Cell, port: str, bit: Any) -> None:
    cell["connections"][port], cell["port_directions"][port] = [bit], "input"


def justify(cell: Cell, sinks: Counter[Any]) -> None:
    """Move signed operands, and the product, to the upper ends of a multiplier's ports.

    ``sinks`` counts the readers of each net. A product of which copies of the sign are read stays.
    """
    connections = cell["connections"]
    operands = {port: [bit_at(cell, f"{port}{i}") for i in range(WIDTH)] for port in "AB"}
    shifts = {
        port: WIDTH - _length(bits) if bit_at(cell, f"SIGNED{port}") == "1" else 0
        for port, bits in operands.items()
    }
    shift = sum(shifts.values())
    product = [connections.get(port, []) for port in OUTPUTS]
    if any(sinks[bit] for bits in product[len(product) - shift :] for bit in bits):
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
