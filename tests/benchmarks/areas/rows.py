"""Files of synthesised configurations: read, written, and a row made by the tools."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hw.spec.config import AccelConfig
from hw.tools.area.asic import GATES
from hw.tools.area.estimate import LOGIC
from hw.tools.area.units import UNITS, by_unit
from hw.tools.integration.ports import ports
from hw.tools.synth import netlist
from hw.tools.synth.device import ASIC, ECP5, RESOURCES, TARGETS
from hw.tools.synth.pins import TOP as PINS
from hw.tools.synth.tools import YOSYS, run
from hw.tools.verilog_cache import verilog
from tests.benchmarks.areas import gates
from tests.benchmarks.areas.configurations import KEYS, key_of

FOLDER = Path(__file__).parent
FITTED_RESOURCES = dict.fromkeys(TARGETS, LOGIC) | {ASIC: (GATES,)}
"""Resources with formulas, by target."""


class Row(NamedTuple):
    """A configuration with its resources, in whole and by unit."""

    config: AccelConfig
    resources: dict[str, int]
    units: dict[str, dict[str, int]]


def path_of(target: str) -> Path:
    """The file of a target."""
    return FOLDER / f"{target}.csv"


def columns(target: str) -> list[str]:
    """The columns of a file: keys, resources, and fitted ones by unit."""
    fitted = FITTED_RESOURCES[target]
    whole = RESOURCES if target in TARGETS else fitted
    return [*KEYS, *whole, *(f"{name} {unit}" for name in fitted for unit in UNITS)]


def read(target: str) -> list[Row]:
    """The rows of a target; none if it has no file."""
    if not path_of(target).exists():
        return []
    with path_of(target).open(encoding="utf-8", newline="") as file:
        return [_row(target, {k: int(v) for k, v in line.items()}) for line in csv.DictReader(file)]


def _row(target: str, values: dict[str, int]) -> Row:
    config = AccelConfig(name="area", **{key: values[key] for key in KEYS})
    fitted = FITTED_RESOURCES[target]
    whole = [name for name in (*RESOURCES, *fitted) if name in values]
    units = {unit: {name: values[f"{name} {unit}"] for name in fitted} for unit in UNITS}
    return Row(config, {name: values[name] for name in whole}, units)


def append(target: str, row: Row) -> None:
    """Add a row to the file of a target."""
    names, is_new = columns(target), not path_of(target).exists()
    values: dict[str, Any] = dict(zip(KEYS, key_of(row.config), strict=True)) | row.resources
    values |= {f"{k} {unit}": v for unit, found in row.units.items() for k, v in found.items()}
    with path_of(target).open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(values)


def synthesised(config: AccelConfig, target: str) -> Row:
    """A configuration through Yosys. Raises ToolError when it is missing or fails."""
    with tempfile.TemporaryDirectory() as name:
        return (_gates if target == ASIC else _fpga)(config, target, Path(name))


def _fpga(config: AccelConfig, target: str, folder: Path) -> Row:
    device, text = TARGETS[target], verilog(config)
    used = netlist.synthesise(config, device, text, ports(text), folder)
    within = f"{netlist.TOP}." if device is ECP5 else ""
    top = PINS if device is ECP5 else netlist.TOP
    cells = _cells(folder, top)
    units = {unit: device.count(found) for unit, found in by_unit(cells, within).items()}
    return Row(
        config, used, {u: {name: found[name] for name in LOGIC} for u, found in units.items()}
    )


def gate_cells(config: AccelConfig, folder: Path) -> dict[str, Any]:
    """The cells of a configuration in gates and memories. Raises ToolError."""
    script = gates.write_script(folder, verilog(config))
    run(YOSYS, ["-q", "-l", "log", "-s", script], folder, "log")
    return _cells(folder, netlist.TOP)


def _gates(config: AccelConfig, target: str, folder: Path) -> Row:
    units = by_unit(gate_cells(config, folder))
    found = {unit: {GATES: gates.gates(cells)} for unit, cells in units.items()}
    return Row(config, {GATES: sum(unit[GATES] for unit in found.values())}, found)


def _cells(folder: Path, top: str) -> dict[str, Any]:
    design = json.loads((folder / netlist.NETLIST).read_text())
    cells: dict[str, Any] = design["modules"][top]["cells"]
    return cells


def missing(target: str, configurations: Sequence[AccelConfig]) -> list[AccelConfig]:
    """The configurations that the file of a target does not have."""
    known = {key_of(row.config) for row in read(target)}
    return [config for config in configurations if key_of(config) not in known]
