"""``hw area``: the resources of a configuration from formulas, without synthesis."""

from __future__ import annotations

import argparse
import json

from compiler.clocks import placed_mhz
from compiler.report.energy import access_energies, read_energy_table
from hw.commands.design import design_of
from hw.tools.area.report import asic_data, fpga_data, print_asic, print_fpga
from hw.tools.synth.device import ASIC, ECP5, TARGETS


def run(arguments: argparse.Namespace) -> None:
    """Estimate and report. Raises ConfigurationError."""
    config = design_of(arguments)
    if arguments.target == ASIC:
        table = read_energy_table()
        data = asic_data(config, access_energies(config, table), table.source)
    else:
        target = TARGETS[arguments.target]
        data = fpga_data(config, target, placed_mhz(config) if target is ECP5 else None)
    if arguments.json:
        print(json.dumps(data, allow_nan=False))
    elif arguments.target == ASIC:
        print_asic(data)
    else:
        print_fpga(data, TARGETS[arguments.target])
