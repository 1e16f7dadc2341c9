"""Command line: ``python -m hw generate``, ``cosim DIR``, ``lint`` and ``synth``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from compiler.__main__ import OUTPUT, add_config_options, config_of
from compiler.errors import CompilerError, InputError
from compiler.load import load_model
from compiler.quantities import whole
from golden.files import output_path
from golden.network import run as golden_run
from hw.spec.config import NAME, AccelConfig, ConfigurationError
from hw.spec.isa import Opcode
from hw.spec.regs import FAULT_DOC, Counter, Fault, bit_of, offset_of
from hw.tools.cosim.design import (
    Design,
    Simulator,
)
from hw.tools.cosim.run_spec import (
    MemoryModel,
    RtlResult,
    RunSpec,
)
from hw.tools.cosim.runner import (
    RtlError,
    run_rtl,
)
from hw.tools.integration.files import files
from hw.tools.integration.ports import ports
from hw.tools.lint import lint
from hw.tools.synth.device import (
    ECP5,
    TARGETS,
)
from hw.tools.synth.flow import (
    check_tools,
    print_report,
    synthesise,
)
from hw.tools.verilator import (
    SimulationError,
    ToolError,
)
from sim.__main__ import (
    add_data_options,
    host_compute,
    read_inputs,
    write_files,
    write_timeline,
)
from sim.host import Host
from sim.program_reader import (
    MODEL,
    Program,
    ProgramError,
    Segment,
    read_program,
)
from sim.report import print_summary, reporting, summary
from sim.simulation import (
    Times,
    Timing,
    joined,
    segment_times,
)
from sim.values.memories import CommandFault

FAULT, FAULT_CODE_LSB = 1 << bit_of("status", "fault"), bit_of("status", "fault_code")
"""Places of fault and fault code in the status register."""
START = 1 << bit_of("control", "start") | 1 << bit_of("control", "irq_enable")
"""Start, with the interrupt enabled."""
LEAST_MEMORY: dict[Simulator, int] = {"verilator": 1 << 25, "icarus": 1 << 12}
"""Bytes of simulated memory at least: most networks share a simulation that is long to build, and
Icarus, which clears each word in a loop, has few."""
TIMEOUT_FACTOR = 2
TIMEOUT_EXTRA = 100_000
"""A run may take TIMEOUT_FACTOR times the simulated cycles, and so many more."""
SEED, SEEDS = 1, 1 << 64
"""The placement's seed without --seed, and how many there are."""


class RunFailure(Exception):
    """The run on the RTL ended in a fault, or with wrong results."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 anything else."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (CompilerError, ConfigurationError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ToolError, SimulationError, RtlError, RunFailure, CommandFault) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hw", description="The accelerator's RTL.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="write the Verilog and a driver in C")
    add_config_options(generate)
    generate.add_argument("-o", dest="folder", metavar="DIR", type=Path, required=True)
    generate.add_argument(
        "--name",
        metavar="PREFIX",
        help="put PREFIX_ before the names of modules and files: for several machines in a design",
    )
    generate.set_defaults(command=_generate)
    cosim = commands.add_parser("cosim", help="run a mapped network on the RTL")
    add_data_options(cosim)
    cosim.add_argument(
        "--simulator",
        choices=get_args(Simulator),
        default="verilator",
        help="default: verilator; icarus is slow, but has four states",
    )
    cosim.add_argument(
        "--waves",
        metavar="FILE",
        type=Path,
        help="record a VCD file, with icarus an FST file (slow); "
        "for a second segment x.vcd becomes x.1.vcd, and so on",
    )
    cosim.set_defaults(command=_cosim)
    check = commands.add_parser("lint", help="check the Verilog with Verilator's -Wall")
    add_config_options(check)
    check.set_defaults(command=_lint)
    synth = commands.add_parser("synth", help="synthesise for an FPGA, place and route")
    add_config_options(synth)
    synth.add_argument("--target", choices=TARGETS, default=ECP5.name, help="default: ecp5")
    synth.add_argument("--pnr", action="store_true", help="place and route (ecp5 only)")
    synth.add_argument(
        "--seed",
        metavar="N",
        help=f"seed of the placement, with --pnr (default: {SEED})",
    )
    synth.add_argument(
        "-o", dest="folder", metavar="DIR", type=Path, help="default: out/synth_NAME"
    )
    synth.add_argument("--json", action="store_true", help="print one JSON object")
    synth.set_defaults(command=_synth)
    return parser


def _design(arguments: argparse.Namespace) -> AccelConfig:
    """The configuration of a design, in which the memory has no part: says so where it is set."""
    config = config_of(arguments)
    keys = [text.partition("=")[0] for text in arguments.set if text.startswith("memory.")]
    if keys:
        print(
            f"--set {', '.join(keys)}: no effect here: the Verilog is the same for every memory",
            file=sys.stderr,
        )
    return config


def _generate(arguments: argparse.Namespace) -> int:
    """Write the Verilog and what a system needs beside it; unchanged files keep their time."""
    from hw.generate import verilog

    config, prefix = _design(arguments), _prefix(arguments)
    texts = files(verilog(config, prefix), config, prefix)
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for name, content in texts.items():
            path = arguments.folder / name
            if not path.is_file() or path.read_text() != content:
                path.write_text(content)
    except OSError as error:
        raise InputError(f"{error.filename or arguments.folder}: {error.strerror}") from error
    return 0


def _prefix(arguments: argparse.Namespace) -> str:
    """What --name puts before names, nothing without it. Raises InputError."""
    name = arguments.name
    if name is None:
        return ""
    if not NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r}: an identifier of letters, digits and _, no digit first, 64 at most, "
            "is accepted"
        )
    return f"{name}_"


def _lint(arguments: argparse.Namespace) -> int:
    """Print what the lint says; 1 if that is anything."""
    from hw.generate import TOP, verilog

    found = lint(verilog(_design(arguments)), TOP)
    print("\n".join(found) or "no warnings")
    return 1 if found else 0


def _synth(arguments: argparse.Namespace) -> int:
    """Synthesise one configuration and report its resources and, after routing, its clock."""
    from hw.generate import verilog

    config, target = _design(arguments), TARGETS[arguments.target]
    if arguments.pnr and target is not ECP5:
        raise InputError(f"--pnr with --target {target.name}: accepted with --target {ECP5.name}")
    seed = _seed(arguments)
    check_tools(arguments.pnr)
    folder = arguments.folder or OUTPUT / f"synth_{config.name}"
    text = verilog(config)
    try:
        report = synthesise(config, target, text, ports(text), folder, seed=seed)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror}") from error
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
    else:
        print_report(report, target)
    return 0


def _seed(arguments: argparse.Namespace) -> int | None:
    """The seed of the placement, None without one. Raises InputError."""
    if arguments.seed is not None and not arguments.pnr:
        raise InputError("--seed without --pnr: it is the seed of the placement")
    if not arguments.pnr:
        return None
    return SEED if arguments.seed is None else whole(arguments.seed, "--seed", 0, SEEDS - 1)


def _cosim(arguments: argparse.Namespace) -> int:
    """Run on the RTL, compare with golden and the simulator, report as that does."""
    program = read_program(arguments.folder)
    if arguments.waves and not arguments.waves.parent.is_dir():
        raise InputError(f"{arguments.waves.parent}: not a directory")
    if arguments.waves and arguments.simulator == "icarus" and arguments.waves.suffix != ".fst":
        raise InputError(
            f"--waves {arguments.waves}: --simulator icarus writes FST; a name in .fst is accepted"
        )
    inputs = read_inputs(program, arguments.input)
    host = Host(program, inputs, host_compute(program))
    memory, results = _run(program, host, arguments.simulator, arguments.waves)
    values = host.tensors(memory)
    write_files(program, values, arguments.output, arguments.tensors)
    made = {name: value for name, value in values.items() if name not in program.graph["inputs"]}
    _compare(arguments.folder, inputs, made)
    timing = timing_of(program, results)
    write_timeline(arguments.timeline, program, timing)
    report = summary(program, timing)
    report["cycles_per_second"] = report["cycles"] / sum(r.wall_time for r in results)
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
        return 0
    print_summary(report)
    print(
        f"{len(made)} tensors equal golden's, the cycles the simulator's; "
        f"{report['cycles_per_second']:,.0f} cycles per second"
    )
    return 0


def run_spec(program: Program, segment: Segment, memory: np.ndarray, timeout: int) -> RunSpec:
    """The run of a segment that begins with ``memory`` (Program.memory)."""
    windows = program.windows
    values = {
        "program_addr": segment.address,
        "program_size": segment.size,
        "read_base": windows.read_base,
        "read_limit": windows.read_limit,
        "write_base": windows.write_base,
        "write_limit": windows.write_limit,
    }
    model = program.config.memory
    names = [f"{c.name.lower()}_{half}" for c in Counter for half in ("lo", "hi")]
    return RunSpec(
        image=memory,
        writes=tuple((offset_of(name), value) for name, value in values.items()),
        start=(offset_of("control"), START),
        reads=tuple(offset_of(name) for name in ("status", "fault_index", *names)),
        timeout=timeout,
        memory=MemoryModel(model.latency, model.bytes_per_cycle or None),
        dump=(windows.write_base, windows.write_limit),
    )


def timing_of(program: Program, results: Sequence[RtlResult]) -> Timing:
    """Cycles, counters and layers' times as the RTL has them; ``results`` are by segment."""
    pairs = zip(program.segments, results, strict=True)
    return joined(program.layers, [_times(segment, result) for segment, result in pairs])


def _times(segment: Segment, result: RtlResult) -> Times:
    registers = result.registers
    counters = {}
    for counter in Counter:
        name = counter.name.lower()
        low, high = registers[offset_of(f"{name}_lo")], registers[offset_of(f"{name}_hi")]
        counters[name] = high << 32 | low
    starts, ends = (_in_order(segment, result, event) for event in ("start", "done"))
    busy = [0] * len(segment.commands)
    for event in result.events:
        if event.event == "busy":
            busy[event.index] += event.count
    return Times(result.cycles, counters, tuple(zip(starts, ends, busy, strict=True)))


def _in_order(segment: Segment, result: RtlResult, kind: str) -> list[int]:
    """Cycle of each command's start or done: a unit's commands start and end in program order."""
    cycles = [0] * len(segment.commands)
    for opcode in (Opcode.LOAD, Opcode.STORE, Opcode.EXECUTE):
        unit = opcode.name.lower()
        seen = [e.cycle for e in result.events if e.unit == unit and e.event == kind]
        own = [i for i, c in enumerate(segment.commands) if c.opcode == opcode]
        for index, cycle in zip(own, seen, strict=True):
            cycles[index] = cycle
    return cycles


def _run(
    program: Program, host: Host, simulator: Simulator, waves: Path | None
) -> tuple[np.ndarray, list[RtlResult]]:
    """Run every segment in a simulation of its own; the memory goes from one to the next.

    Returns the memory in the end, and the segments' results. Raises RunFailure.
    """
    from hw.generate import verilog

    expected = [segment_times(program, segment).cycles for segment in program.segments]
    memory = program.memory(host.values)
    depth = max(LEAST_MEMORY[simulator], 1 << (len(memory) - 1).bit_length())
    design = Design(verilog(program.config), program.config.bus_bytes, depth)
    results: list[RtlResult] = []
    with reporting(f"co-simulating {program.network}") as progress:
        for number, segment in enumerate(program.segments):
            timeout = TIMEOUT_FACTOR * expected[number] + TIMEOUT_EXTRA
            before = sum(expected[:number])
            result = run_rtl(
                design,
                run_spec(program, segment, memory, timeout),
                simulator=simulator,
                waves=waves and output_path(waves, number),
                progress=lambda _, cycles, before=before: progress(before + cycles, sum(expected)),
            )
            _check_fault(segment, result)
            _check_cycles(number, result.cycles, expected[number])
            low, high = program.windows.write_base, program.windows.write_limit
            memory[low:high] = result.dram
            host.run(segment, memory)
            results.append(result)
    return memory, results


def _check_fault(segment: Segment, result: RtlResult) -> None:
    status = result.registers[offset_of("status")]
    if status & FAULT:
        code = Fault(status >> FAULT_CODE_LSB & 0xFF)
        index = segment.first + result.registers[offset_of("fault_index")]
        raise RunFailure(f"fault {code.name} at command {index}: {FAULT_DOC[code]}")


def _check_cycles(segment: int, cycles: int, expected: int) -> None:
    if cycles != expected:
        raise RunFailure(f"segment {segment}: {cycles} cycles on the RTL, {expected} simulated")


def _compare(folder: Path, inputs: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> None:
    """Raise RunFailure with the names of the tensors that golden computes otherwise."""
    expected = golden_run(load_model(folder / MODEL).to_dict(), inputs)
    wrong = [name for name, value in values.items() if not np.array_equal(value, expected[name])]
    if wrong:
        raise RunFailure(f"tensors differ from golden's: {', '.join(wrong)}")


if __name__ == "__main__":
    sys.exit(main())
