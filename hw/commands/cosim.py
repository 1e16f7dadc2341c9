"""``hw cosim``: a mapped network on the RTL, compared with golden and the simulator."""

from __future__ import annotations

import argparse
import json

from golden.pictures import preprocessing
from hw.tools.cosim.compare import check_values, record, run_segments, timing_of
from hw.tools.cosim.wave_options import waves_of
from sim.files import read_inputs, write_files, write_timeline
from sim.host import Host
from sim.host_golden import host_compute
from sim.program_reader import read_program
from sim.report import print_summary, summary


def run(arguments: argparse.Namespace) -> None:
    """Run on the RTL, compare with golden and the simulator, report as that does.

    Raises CompilerError and Failure.
    """
    program = read_program(arguments.folder)
    waves = waves_of(arguments, program)
    inputs = read_inputs(program, arguments.input, preprocessing(arguments))
    host = Host(program, inputs, host_compute(program))
    if waves is not None and waves.only:
        files = record(program, host, arguments.simulator, waves)
        print(f"recorded to {', '.join(map(str, files))}; the run was not finished nor compared")
        return
    memory, results = run_segments(program, host, arguments.simulator, waves)
    values = host.tensors(memory)
    write_files(program, values, arguments.output, arguments.tensors)
    made = {name: value for name, value in values.items() if name not in program.graph["inputs"]}
    check_values(arguments.folder, inputs, made)
    timing = timing_of(program, results)
    write_timeline(arguments.timeline, program, timing, arguments.host_cost)
    report = summary(program, timing)
    report["cycles_per_second"] = report["cycles"] / sum(r.wall_time for r in results)
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
        return
    print_summary(report)
    print(
        f"{len(made)} tensors equal golden's, the cycles the simulator's; "
        f"{report['cycles_per_second']:,.0f} cycles per second"
    )
