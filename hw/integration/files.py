"""The files of ``python -m hw generate``."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from hw.integration.ports import Port, ports, ports_markdown
from hw.spec.docgen import c_header

HERE = Path(__file__).parent
SYSTEM = "system"
"""Name of the module in ``system.v``."""


def files(verilog: str) -> dict[str, str]:
    """Names and texts of all files for the accelerator's Verilog text."""
    found = ports(verilog)
    return {
        "accel.v": verilog,
        "system.v": system(found),
        "ports.json": json.dumps(found, indent=2) + "\n",
        "ports.md": ports_markdown(found),
        "regs.h": c_header(),
        "accel.h": (HERE / "accel.h").read_text(),
        "accel.c": (HERE / "accel.c").read_text(),
    }


def system(found: list[Port]) -> str:
    """The example of an instantiation, with the widths of the accelerator's ports."""
    width = {port["name"]: port["width"] for port in found}
    return Template((HERE / "system.v").read_text()).substitute(
        data_bytes=width["m_axi_wstrb"],
        register_bits=width["s_axil_awaddr"],
        index_bits=width["trace_mac_index"],
    )
