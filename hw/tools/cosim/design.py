"""The simulated design: which sources and parameters make up a simulation of one accelerator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hw.spec import timing
from hw.tools import (
    icarus,
    verilator,
)
from hw.tools.cosim.simulators import Simulator
from hw.tools.cosim.waves import HARNESS, Waves, ports_alone

MemoryKind = Literal["dram", "cocotbext"]
"""The memory behind the AXI master: the model in dram.sv, or cocotbext-axi's AxiRam."""

TOPS: dict[MemoryKind, str] = {"dram": "tb_top", "cocotbext": "tb_top_ext"}

_CHECKERS = ("axi_channel.sv", "axi_checker.sv", "axil_checker.sv")
_SHARED = (*_CHECKERS, "trace.sv", "harness.sv")
_OF_TOP: dict[MemoryKind, tuple[str, ...]] = {
    "dram": ("dram.sv", *_SHARED, "tb_top.sv"),
    "cocotbext": (*_SHARED, "tb_top_ext.sv"),
}

_GENERATED = ("CASEINCOMPLETE", "CMPCONST", "WIDTHEXPAND", "WIDTHTRUNC")
"""Warnings that the Verilog written by Amaranth is full of; they stay on for the rest."""

ONE_CODE = "-fno-dfg"
"""Option of Verilator's: data flow optimisation would make instances of one module differ, and each
would get its own code."""


@dataclass(frozen=True)
class Design:
    """An accelerator as Verilog text, and the memory it gets.

    ``verilog`` has a module ``accelerator`` with the ports that harness.sv connects by name.
    ``data_bytes`` is the width of its AXI data bus. ``depth_bytes`` is the size of the memory, a
    power of two up to 1 GiB; accesses beyond it answer DECERR.
    """

    verilog: str
    data_bytes: int
    depth_bytes: int = 1 << 26

    def __post_init__(self) -> None:
        for name in ("data_bytes", "depth_bytes"):
            value = getattr(self, name)
            if value < 4 or value & (value - 1):
                raise ValueError(f"{name} must be a power of two, at least 4, not {value!r}")
        if self.depth_bytes > 1 << 30:
            raise ValueError(f"depth_bytes must be at most {1 << 30}, not {self.depth_bytes!r}")

    def sources(self, memory: MemoryKind = "dram") -> dict[str, str]:
        """File names and their text, the accelerator first."""
        folder = Path(__file__).parent
        off = "".join(f"/* verilator lint_off {rule} */\n" for rule in _GENERATED)
        on = "".join(f"/* verilator lint_on {rule} */\n" for rule in _GENERATED)
        texts = {"accelerator.v": f"{off}{self.verilog}\n{on}"}
        return texts | {name: (folder / name).read_text() for name in _OF_TOP[memory]}

    def parameters(self, memory: MemoryKind = "dram") -> dict[str, int]:
        """Parameters of the top: the widths that the accelerator's own ports have, and limits of
        machine and memory."""
        parameters = {
            "DATA_BYTES": self.data_bytes,
            "AXIL_ADDR_BITS": port_width(self.verilog, "s_axil_awaddr"),
            "INDEX_BITS": port_width(self.verilog, "trace_mac_index"),
            "MAX_BURST": timing.MAX_BURST,
        }
        if memory == "dram":
            parameters |= {"DEPTH_BYTES": self.depth_bytes, **dram_parameters()}
        return parameters

    def build(
        self,
        memory: MemoryKind = "dram",
        *,
        simulator: Simulator = "verilator",
        waves: Waves | None = None,
        x_initial: str = "fast",
    ) -> Path:
        """Build the simulation, or find it built; see :func:`hw.tools.verilator.build`."""
        top, sources, parameters = TOPS[memory], self.sources(memory), self.parameters(memory)
        options = []
        if waves is not None and waves.unit is None and simulator == "verilator":
            sources["accelerator.v"] = ports_alone(sources["accelerator.v"])
        if waves is not None:
            sources["waves.sv"] = (Path(__file__).parent / "waves.sv").read_text()
            options = [f"-DWAVES_TOP={top}", f"-DWAVES_HARNESS={HARNESS[top]}"]
        if simulator == "icarus":
            if waves is not None:
                options += ["-s", "waves", f"-DWAVES_SCOPE={waves.scope(top)}"]
            return icarus.build(top, sources, parameters, options)
        kind = waves.kind if waves is not None else None
        options.append(ONE_CODE)
        return verilator.build(
            top, sources, parameters, waves=kind, x_initial=x_initial, extra=options
        )


def dram_parameters() -> dict[str, int]:
    """Parameters of dram.sv that its timing follows from."""
    return {name: getattr(timing, name) for name in ("MEMORY_OUTSTANDING", "WRITE_RESPONSE")}


def port_width(verilog: str, port: str, module: str = "accelerator") -> int:
    """The width in bits of a port of ``module``; ValueError when there is none of that name."""
    body = re.search(rf"^module {module}\b.*?^endmodule", verilog, re.MULTILINE | re.DOTALL)
    if body is None:
        raise ValueError(f"the Verilog text has no module {module!r}")
    pattern = rf"\b(?:input|output)(?:\s+(?:wire|reg|logic))?\s*(?:\[(\d+):0\])?\s*\b{port}\b"
    declaration = re.search(pattern, body[0])
    if declaration is None:
        raise ValueError(f"module {module!r} has no port {port!r}")
    return int(declaration[1] or 0) + 1
