"""Renders the table of the units in docs/simulator.md: files of the gateware and the simulator.

``python -m sim.docgen`` writes it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "simulator.md"
BEGIN = "<!-- Written by `python -m sim.docgen`; change `sim/docgen.py`, not this table. -->"
END = "<!-- End of the table. -->"
FOLDERS = ("ctrl", "mem", "core")
"""Folders of ``hw`` that those of ``sim/timing`` mirror; a file has the name of its counterpart."""

ELSEWHERE = {
    "hw/core/channel_parameters.py": "sim/timing/core/drain.py",
    "hw/core/output_addresses.py": "sim/timing/core/drain.py",
    "hw/ctrl/counters.py": "sim/timing/machine.py",
    "hw/lib/block_queue.py": "sim/timing/ctrl/fetch.py",
    "hw/lib/queue.py": "sim/timing/state.py",
    "hw/lib/shift_queue.py": "sim/timing/ctrl/command_queue.py",
    "hw/tools/cosim/dram.sv": "sim/timing/mem/dram.py",
}
"""Counterparts with another name."""

WITHOUT = {
    "hw/core/address_lane.py": "A part of `core/input_addresses.py`.",
    "hw/core/lookup_table.py": "Holds values only; its lines are counted in `core/drain.py`.",
    "hw/core/mac_array.py": "Holds values only; its latency is `MAC_LATENCY`.",
    "hw/core/mac_lane.py": "A part of the array.",
    "hw/core/operand_lane.py": "A part of the operand stores.",
    "hw/core/requant_channel.py": "A part of the requantiser.",
    "hw/core/requantiser.py": "Holds values only; its latency is in `plain_write`.",
    "hw/ctrl/regfile.py": "The host writes it before the run; no cycle depends on it.",
    "hw/lib/delay.py": "The cycle in which something is due is computed when it begins.",
    "hw/lib/repeated.py": "Says how parts are written as Verilog.",
    "hw/lib/bus.py": "Holds the limits of address ranges, which stand long before a burst.",
    "hw/mem/scratchpad.py": "Its delays are constants; `core/execute_unit.py` grants its port.",
    "hw/mem/scratchpad_bank.py": "Holds values only.",
    "hw/mem/scratchpad_bank.v": "Holds values only.",
    "sim/timing/mem/memory_side.py": "The order in which units of one cycle step.",
}
"""Files of one side alone, and why."""


def counterparts() -> list[tuple[str, str]]:
    """The pairs of files, (gateware, simulator)."""
    pairs = [
        (f"hw/{folder}/{path.name}", f"sim/timing/{folder}/{path.name}")
        for folder in FOLDERS
        for path in sorted((ROOT / "sim" / "timing" / folder).glob("[!_]*.py"))
        if (ROOT / "hw" / folder / path.name).exists()
    ]
    return sorted([*pairs, *ELSEWHERE.items()])


def table() -> str:
    """The table, Markdown."""
    rows = [
        (
            _unit(hardware),
            f"`{hardware}`",
            f"`{timing.removeprefix('sim/timing/')}`",
            _section(timing),
        )
        for hardware, timing in counterparts()
    ]
    rows += [
        (_unit(path), f"`{path}`", reason, "")
        if path.startswith("hw/")
        else (_unit(path), reason, f"`{path.removeprefix('sim/timing/')}`", "")
        for path, reason in WITHOUT.items()
    ]
    head = ("Unit", "Gateware", "`sim/timing`", "[Section](architecture.md)")
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows])


def page() -> str:
    """The text of docs/simulator.md with the table as it should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def _unit(path: str) -> str:
    return Path(path).stem.replace("_", " ")


def _section(path: str) -> str:
    """The section of docs/architecture.md that the docstring of a module cites."""
    text = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    found = re.search(r"architecture\.md, (\d[\d.]*\d(?: (?:to|and) \d[\d.]*)?)", text)
    return found[1] if found else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
