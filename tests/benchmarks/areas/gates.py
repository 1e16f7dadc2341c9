"""Synthesis to gates: Yosys' own simple gates, with the areas of a published library.

Areas are those of the NanGate FreePDK45 Open Cell Library, drive strength X1, over its NAND2's
0.798 um2. A flip-flop with a clock enable counts as one without: the enable is a clock gate, which
many share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.tools.synth.netlist import NETLIST, SOURCE, TOP

NAND2_UM2 = 0.798
AREAS = {
    "$_NOT_": 0.532, "$_NAND_": 0.798, "$_NOR_": 0.798, "$_AND_": 1.064, "$_OR_": 1.064,
    "$_ANDNOT_": 1.064, "$_ORNOT_": 1.064, "$_XOR_": 1.596, "$_XNOR_": 1.596, "$_MUX_": 1.862,
    "$_NMUX_": 1.862, "$_AOI3_": 1.064, "$_OAI3_": 1.064, "$_AOI4_": 1.330, "$_OAI4_": 1.330,
    "$_DFF_P_": 4.522, "$_DFFE_PP_": 4.522, "$_DFFE_PN_": 4.522,
}  # fmt: skip
"""Square micrometres. X3 and X4 are the library's AOI21 and AOI22, and so on."""
RESET = 1.064
"""Square micrometres of a synchronous reset: an AND2 at the input."""
STORES = (
    "core.execute.operands.*",
    "core.execute.weights*.store",
    "core.execute.drain.parameters.part*",
    "core.execute.drain.table.memory*.rows",
    "core.fetch.buffer.rows",
    "core.scratchpad.banks.*",
)
"""Memories that stay memories; the small queues and the counters become flip-flops."""


def script() -> str:
    """The Yosys script."""
    kept = " ".join(f"{TOP}/{name}" for name in STORES) + " %u" * (len(STORES) - 1)
    return "\n".join(
        [
            f"read_verilog -sv {SOURCE}",
            f"hierarchy -top {TOP}",
            "proc -latches error",
            "flatten",
            "setattr -unset init w:*",
            "opt_expr",
            "opt_clean",
            "opt -nodffe -nosdff",
            "wreduce",
            "peepopt",
            "opt_clean",
            "booth",
            "alumacc",
            "share",
            "opt -full",
            "memory -nomap",
            "opt_clean",
            f"select -set small t:$mem_v2 {kept} %d",
            "memory_map @small",
            "opt -full",
            "techmap",
            "opt",
            "simplemap",
            "opt -undriven -fine",
            "abc -g cmos",
            "clean",
            "autoname",
            f"write_json {NETLIST}",
            "",
        ]
    )


def gates(cells: Mapping[str, int]) -> int:
    """Gate equivalents of cells by type. Raises KeyError for a type that has no area."""
    return round(sum(count * _area(kind) for kind, count in cells.items()) / NAND2_UM2)


def _area(kind: str) -> float:
    if kind.startswith("$mem") or kind == "$scopeinfo":
        return 0
    if kind.startswith("$_SDFF"):
        return AREAS["$_DFF_P_"] + RESET
    return AREAS[kind]


def memory_bits(cells: Mapping[str, Mapping[str, Any]]) -> Counter[tuple[int, int]]:
    """The memories of a netlist, counted by words and bits."""
    found: Counter[tuple[int, int]] = Counter()
    for cell in cells.values():
        if cell["type"] == "$mem_v2":
            size, width = (int(cell["parameters"][name], 2) for name in ("SIZE", "WIDTH"))
            found[size, width] += 1
    return found


def write_script(folder: Path, verilog: str) -> str:
    """Put the Verilog and the script into a folder; returns the script's name."""
    (folder / SOURCE).write_text(verilog)
    (folder / "gates.ys").write_text(script())
    return "gates.ys"
