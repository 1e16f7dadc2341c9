"""The files of ``python -m hw generate``."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from hw.spec.config import AccelConfig
from hw.spec.docgen import c_header, c_machine_header
from hw.spec.svd import svd
from hw.tools.integration.ports import (
    Port,
    ports,
    ports_markdown,
)

HERE = Path(__file__).parent
SYSTEM = "system"
"""Name of the module in ``system.v``."""


def files(verilog: str, config: AccelConfig, prefix: str = "") -> dict[str, str]:
    """Names and texts of all files for the accelerator's Verilog text.

    ``prefix`` is that of its modules; it goes before the names of the files that are not the same
    for every machine. ``regs.h`` leaves the machine's constants to a file of its own then.
    """
    found = ports(verilog, prefix)
    texts = {
        "accel.v": verilog,
        "system.v": system(found, prefix),
        "ports.json": json.dumps(found, indent=2) + "\n",
        "ports.md": ports_markdown(found, prefix),
        "accel.svd": svd(config, prefix),
    }
    if prefix:
        texts["regs.h"] = c_machine_header(config, prefix)
    return {
        **{f"{prefix}{name}": text for name, text in texts.items()},
        "regs.h": c_header(None if prefix else config),
        "accel.h": (HERE / "accel.h").read_text(),
        "accel.c": (HERE / "accel.c").read_text(),
    }


def system(found: list[Port], prefix: str = "") -> str:
    """The example of an instantiation, with the widths of the accelerator's ports."""
    width = {port["name"]: port["width"] for port in found}
    return Template((HERE / "system.v").read_text()).substitute(
        prefix=prefix,
        data_bytes=width["m_axi_wstrb"],
        register_bits=width["s_axil_awaddr"],
        index_bits=width["trace_mac_index"],
    )
