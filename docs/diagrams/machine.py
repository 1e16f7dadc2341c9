"""Draws the block diagram of the machine: ``python docs/diagrams/machine.py`` writes machine.svg.

Each block names its file in ``hw``. The tests check that the files exist and that the drawing is up
to date.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 1120, 640
LINE = 15
"""Pixels from one line of text to the next."""
CONTROL, MEMORY, CORE = "#e8eef7", "#e9f3e6", "#fbf0dd"


@dataclass(frozen=True)
class Block:
    """A block: its place in pixels, its title, its files below ``hw``, and what it does."""

    key: str
    x: int
    y: int
    width: int
    height: int
    fill: str
    title: str
    files: tuple[str, ...] = ()
    note: str = ""

    def point(self, side: str, share: float) -> tuple[float, float]:
        """A point of the border: ``share`` of the way along ``side`` (left, right, top, bottom)."""
        if side in ("left", "right"):
            return self.x + self.width * (side == "right"), self.y + self.height * share
        return self.x + self.width * share, self.y + self.height * (side == "bottom")


BLOCKS = (
    Block("axil", 20, 60, 130, 54, "#ffffff", "AXI4-Lite, irq", note="host"),
    Block("axi_r", 20, 250, 130, 54, "#ffffff", "AXI4 read", note="external memory"),
    Block("axi_w", 20, 466, 130, 54, "#ffffff", "AXI4 write", note="external memory"),
    Block("regfile", 200, 50, 180, 74, CONTROL, "Register file",
          ("ctrl/regfile.py", "ctrl/counters.py"), "registers, counters"),
    Block("run", 420, 50, 180, 74, CONTROL, "Run control",
          ("ctrl/run_control.py",), "end, first fault, watchdog"),
    Block("fetch", 640, 50, 200, 74, CONTROL, "FETCH",
          ("ctrl/fetch.py", "ctrl/decode_check.py"), "reads, checks, dispatches"),
    Block("queues", 880, 50, 210, 74, CONTROL, "Command queues",
          ("lib/shift_queue.py",), "LOAD, EXECUTE, STORE"),
    Block("reader", 200, 240, 180, 74, MEMORY, "Read channel",
          ("mem/read_channel.py", "mem/read_width.py"), "shared by FETCH and LOAD"),
    Block("load", 200, 328, 180, 114, MEMORY, "LOAD",
          ("mem/load_unit.py", "mem/load_request.py", "mem/load_data.py",
           "mem/channel_unpacker.py", "mem/line_assembler.py"),
          "memory to scratchpad"),
    Block("store", 200, 456, 180, 88, MEMORY, "STORE",
          ("mem/store_unit.py", "mem/store_data.py", "mem/write_width.py"), "scratchpad to memory"),
    Block("scratchpad", 415, 240, 172, 290, MEMORY, "Scratchpad",
          ("mem/scratchpad.py", "mem/scratchpad_bank.py"),
          "banks of words; a line read and a line written a cycle"),
    Block("fetcher", 620, 190, 220, 100, CORE, "Operand fetch",
          ("core/operand_fetch.py", "core/loop_nest.py", "core/input_addresses.py",
           "core/address_lane.py", "core/line_coalescer.py"), "addresses of taps, lines for lanes"),
    Block("operands", 880, 190, 210, 74, CORE, "Operand stores",
          ("core/operand_store.py", "core/operand_lane.py"), "a ring of lines for each lane"),
    Block("weights", 620, 304, 220, 60, CORE, "Weight store",
          ("core/weight_store.py",), "prefetches lines of weights"),
    Block("sequencer", 620, 378, 220, 60, CORE, "MAC sequencer",
          ("core/mac_sequencer.py",), "issues, or names the stall"),
    Block("array", 880, 304, 210, 134, CORE, "MAC array",
          ("core/mac_array.py", "core/mac_lane.py"),
          "operand selector, rows x cols multipliers, accumulators and their shadow copy"),
    Block("drain", 620, 500, 470, 104, CORE, "Drain",
          ("core/drain.py, core/output_addresses.py", "core/channel_parameters.py",
           "core/requantiser.py, core/requant_channel.py", "core/lookup_table.py"),
          "requantise, add the residual, look up, write"),
)  # fmt: skip

ARROWS = (
    ("axil", "right", 0.5, "regfile", "left", 0.5, "both"),
    ("regfile", "right", 0.5, "run", "left", 0.5, "both"),
    ("run", "right", 0.5, "fetch", "left", 0.5, "both"),
    ("fetch", "right", 0.5, "queues", "left", 0.5, ""),
    ("axi_r", "right", 0.5, "reader", "left", 37 / 74, ""),
    ("store", "left", 0.5, "axi_w", "right", 0.5, ""),
    ("reader", "bottom", 0.5, "load", "top", 0.5, ""),
    ("load", "right", 0.5, "scratchpad", "left", 145 / 290, ""),
    ("scratchpad", "left", 253 / 290, "store", "right", 0.5, ""),
    ("scratchpad", "right", 20 / 290, "fetcher", "left", 0.7, ""),
    ("scratchpad", "right", 94 / 290, "weights", "left", 0.5, ""),
    ("fetcher", "right", 0.37, "operands", "left", 0.5, ""),
    ("operands", "bottom", 0.5, "array", "top", 0.5, ""),
    ("weights", "right", 0.5, "array", "left", 30 / 134, ""),
    ("sequencer", "right", 0.5, "array", "left", 104 / 134, ""),
    ("array", "bottom", 0.5, "drain", "top", 365 / 470, ""),
)
ROUTES = (
    # by way of corners, where a straight line would cross a block
    ((290, 240), (290, 180), (740, 180), (740, 124)),  # the program, to FETCH
    ((985, 124), (985, 160), (860, 160), (860, 180)),  # commands, to the execute unit
    ((540, 530), (540, 552), (620, 552)),  # parameters and residuals, to the drain
    ((620, 586), (480, 586), (480, 530)),  # results, to the scratchpad
)
FRAME = (606, 176, 498, 442)
"""The execute unit's frame: x, y, width, height."""


def _text(x: float, y: float, content: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(content)}</text>'


def _wrapped(content: str, letters: int) -> list[str]:
    lines = [""]
    for word in content.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _block(block: Block) -> list[str]:
    lines = [
        f'<rect x="{block.x}" y="{block.y}" width="{block.width}" height="{block.height}" '
        f'rx="6" fill="{block.fill}"/>'
    ]
    y = block.y + LINE + 3
    lines.append(_text(block.x + 10, y, block.title, "title"))
    for name in block.files:
        y += LINE
        lines.append(_text(block.x + 10, y, name, "file"))
    for part in _wrapped(block.note, (block.width - 16) // 6) if block.note else ():
        y += LINE
        lines.append(_text(block.x + 10, y, part, "note"))
    return lines


def _arrow(points: list[tuple[float, float]], both: bool = False) -> str:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    start = ' marker-start="url(#tip)"' if both else ""
    return f'<polyline points="{path}" marker-end="url(#tip)"{start}/>'


def _elbow(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """A line from border to border, with a step in the middle where the two are not level."""
    if abs(start[0] - end[0]) < 1 or abs(start[1] - end[1]) < 1:
        return [start, end]
    middle = (start[0] + end[0]) / 2
    return [start, (middle, start[1]), (middle, end[1]), end]


def drawing() -> str:
    """The diagram as SVG text."""
    blocks = {block.key: block for block in BLOCKS}
    x, y, width, height = FRAME
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Block diagram of the accelerator">',
        "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold;font-size:13px}"
        ".file{font-family:monospace;font-size:11px;fill:#345}.note{fill:#555;font-size:11px}"
        "rect{stroke:#667;stroke-width:1}polyline{fill:none;stroke:#334;stroke-width:1.5}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 z" fill="#334"/>'
        "</marker></defs>",
        f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="#ffffff" stroke="none"/>',
        _text(20, 28, "The accelerator: top.py (files below hw/)", "title"),
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="none" '
        'stroke-dasharray="5 4"/>',
        _text(x + 14, y + height - 148, "EXECUTE: core/execute_unit.py", "title"),
    ]
    for block in BLOCKS:
        lines += _block(block)
    for first, side, share, second, other, place, kind in ARROWS:
        start, end = blocks[first].point(side, share), blocks[second].point(other, place)
        lines.append(_arrow(_elbow(start, end), kind == "both"))
    lines += [_arrow(list(points)) for points in ROUTES]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(drawing(), encoding="utf-8")
