"""Synthesis by Yosys: from Verilog to cells of the target, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.spec.config import AccelConfig
from hw.tools.synth import block_rams
from hw.tools.synth.cells import FLIP_FLOP, free_net
from hw.tools.synth.device import ECP5, Target
from hw.tools.synth.fanout import split
from hw.tools.synth.global_nets import promote
from hw.tools.synth.multipliers import fit_multipliers
from hw.tools.synth.pins import TOP as PINS
from hw.tools.synth.pins import pins
from hw.tools.synth.tools import YOSYS, run

SOURCE, SCRIPT, LOG, STATISTICS = "accel.v", "synth.ys", "yosys.log", "stat.json"
MAP_SCRIPT = "map.abc"
ROUND = ("strash", "dch -f", "if -a -C 24 -F 3 -A 6", "mfs2 -a")
MAP = ("strash", "ifraig", *ROUND[1:], *(4 * ROUND))
"""ABC's commands for the fewest LUTs of ECP5: Yosys' own list maps for the fewest levels first."""
NETLIST = "accel.json"
"""Of the accelerator within its pins: what is placed and routed."""
TOP = "accelerator"
ARRAY = f"{TOP}.core.execute.array"

WIDE_MUX, LUT_RAM, SOFT_PRODUCT = (
    Path(__file__).with_name(f"{name}.v") for name in ("wide_mux", "lut_ram", "soft_product")
)
ACCUMULATOR = ("sum_begins", "masked_sum")
"""Parts of a multiply-accumulator for which the device's carry cells are given."""
SELECTORS = (
    "core.execute.operands.lane*.found",
    "core.execute.drain.part",
    "core.execute.weights*.chosen*",
)
"""Signals that choose one of many words, bit by bit."""

REQUANT_MULTIPLIERS = 4
"""18x18 multipliers of the product of a requantiser lane, 32 by 32 bits."""


def address_multipliers(config: AccelConfig) -> int:
    """18x18 multipliers of the products of sizes: two in LOAD, one in the input addresses, and one
    of planes and their lines of channel parameters where those are no power of two."""
    return 3 + (config.param_lines.bit_count() > 1)


def lut_lanes(config: AccelConfig, target: Target) -> int:
    """Lanes of the array whose products must be made of LUTs so that the others fit the device."""
    limit = target.limits["multipliers"]
    needed = (
        config.mac_units + REQUANT_MULTIPLIERS * config.requant_lanes + address_multipliers(config)
    )
    return min(config.rows, max(0, -(-(needed - limit) // config.cols)))


def synthesise(
    config: AccelConfig, target: Target, verilog: str, ports: Sequence[dict[str, Any]], folder: Path
) -> dict[str, int]:
    """Synthesise in ``folder`` and count the resources; ``accel.json`` there is the netlist.

    Raises ToolError when Yosys is missing or fails.
    """
    files = {SOURCE: verilog, f"{PINS}.v": pins(ports), SCRIPT: script(config, target)}
    if target is ECP5:
        parts = [path for name in ACCUMULATOR for path in accumulator_part(name)]
        files |= {path.name: path.read_text() for path in (WIDE_MUX, LUT_RAM, SOFT_PRODUCT, *parts)}
        files[MAP_SCRIPT] = _lines(list(MAP))
    for name, text in files.items():
        (folder / name).write_text(text)
    run(YOSYS, ["-q", "-l", LOG, "-s", SCRIPT], folder, LOG)
    cells = Counter(cells_by_type(json.loads((folder / STATISTICS).read_text())))
    if target is ECP5:
        cells.update(fit(folder / NETLIST, PINS))
    return target.count(cells)


def fit(netlist: Path, top: str) -> Counter[str]:
    """Make the changes for the device that Yosys leaves to do, in module ``top`` of its JSON;
    returns how many cells of each type that adds."""
    design = json.loads(netlist.read_text())
    module = design["modules"][top]
    kept = {bit for port in module["ports"].values() for bit in port["bits"]}
    absorbed = fit_multipliers(module) + block_rams.absorb(module["cells"], kept)
    changed = Counter({FLIP_FLOP: -absorbed})
    changed.update(split(module["cells"], free_net(module)))
    promote(module["cells"], module["netnames"], free_net(module))
    netlist.write_text(json.dumps(design))
    return changed


def cells_by_type(statistics: Mapping[str, Any]) -> dict[str, int]:
    """Cells of the flat netlist, from the JSON that Yosys' ``stat -json`` prints."""
    cells: dict[str, int] = statistics["modules"][f"\\{TOP}"]["num_cells_by_type"]
    return cells


def script(config: AccelConfig, target: Target) -> str:
    """The Yosys script of one target."""
    begin = [f"read_verilog -sv {SOURCE}", f"hierarchy -top {TOP}", "proc -latches error"]
    count = [f"tee -q -o {STATISTICS} stat -json"]
    if target is not ECP5:
        return _lines(begin, _map_xilinx(), count, ["autoname", f"write_json {NETLIST}"])
    parts = (_accumulators(config), _soft_products(config), _map_ecp5(), count, _within_pins())
    return _lines(begin, *parts)


def _lines(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def accumulator_part(name: str) -> tuple[Path, Path]:
    """The Verilog of a part of ACCUMULATOR: as hw/core/mac_lane.py has it, and in carry cells."""
    return Path(__file__).with_name(f"{name}_pattern.v"), Path(__file__).with_name(f"{name}.v")


def _accumulators(config: AccelConfig) -> list[str]:
    """Those of all columns of a lane, which is one module."""
    lines = []
    for name in ACCUMULATOR:
        pattern, cells = accumulator_part(name)
        lines += [
            f"extract -map {pattern.name}",
            f"select -assert-count {config.cols} t:{name}",
            f"read_verilog {cells.name}",
        ]
    return lines


def _soft_products(config: AccelConfig) -> list[str]:
    """Lanes are instances of one module: of those apart, each is to have its own."""
    lanes = range(config.rows - lut_lanes(config, ECP5), config.rows)
    if not lanes:
        return []
    products = " ".join(
        f"{ARRAY}/w:lane{lane}.operand %co1 {ARRAY}/t:$mul %i" + " %u" * (lane > lanes[0])
        for lane in lanes
    )
    return [
        f"flatten {ARRAY}",
        f"select -set soft {products}",
        f"select -assert-count {config.cols * len(lanes)} @soft",
        "wreduce @soft",
        f"techmap -map {SOFT_PRODUCT.name} @soft",
        f"select -assert-none {products}",
    ]


def _wide_muxes() -> list[str]:
    """Cover the selectors with the device's multiplexers, of which ABC knows nothing. Costs are
    hundredths of a LUT."""
    cones = [f"w:{name} %ci*:+$_MUX_[Y,A,B] t:$_MUX_ %i" for name in SELECTORS]
    return [
        f"cd {TOP}",
        *(f"select -set selector{i} {cone}" for i, cone in enumerate(cones)),
        f"muxcover -mux4=190 -mux8=300 -nodecode -nopartial "
        f"{' '.join(f'@selector{i}' for i in range(len(cones)))} %u",
        f"techmap -map {WIDE_MUX.name} t:$_MUX4_ t:$_MUX8_",
        "cd",
    ]


def _map_ecp5() -> list[str]:
    """By ABC instead of the target's own ABC9, which takes far longer on this design and ends in
    an assertion of Yosys 0.70 on the larger configurations.

    Without functions of six and seven inputs, four and eight LUTs each, ``ecp5`` takes 13 % fewer
    LUTs.
    """
    return [
        f"synth_ecp5 -top {TOP} -run begin:map_luts",
        *_wide_muxes(),
        f"abc -dress -lut 4:5 -script {MAP_SCRIPT}",
        "clean",
        "synth_ecp5 -run map_cells:edif",
        f"techmap -map {LUT_RAM.name} t:TRELLIS_DPR16X4",
        "clean",
    ]


def _map_xilinx() -> list[str]:
    """By ABC, with Yosys' own list of its commands. The last one leaves one inverter for all
    flip-flops whose clock enable is inverted, where Yosys has one for each."""
    return [
        f"synth_xilinx -family xc7 -flatten -top {TOP} -run begin:map_luts",
        "opt_expr -mux_undef -noclkinv",
        "abc -dress -lut 6:8",
        "clean",
        "xilinx_srl -fixed -minlen 3",
        "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
        "xilinx_dffopt",
        "opt_lut_ins -tech xilinx",
        f"synth_xilinx -family xc7 -top {TOP} -run finalize:edif",
        "opt_merge -share_all t:INV",
    ]


def _within_pins() -> list[str]:
    return [
        "design -save mapped",
        f"read_verilog -sv {PINS}.v",
        f"blackbox {TOP}",
        f"synth_ecp5 -top {PINS} -run begin:edif",
        f"design -copy-from mapped {TOP}",
        f"setattr -mod -unset blackbox {TOP}",
        "flatten",
        "clean",
        f"write_json {NETLIST}",
    ]
