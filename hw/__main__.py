"""Command line: ``python -m hw generate`` and ``python -m hw cosim DIR``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compiler.__main__ import add_config_options, config_of
from compiler.errors import CompilerError, InputError
from compiler.frontend import load_model
from golden.network import run as golden_run
from hw.cosim.runner import RtlError, run_rtl
from hw.cosim.runs import MemoryModel, RtlResult, RunSpec
from hw.cosim.wrapper import Design
from hw.spec.config import ConfigurationError
from hw.spec.docgen import c_header
from hw.spec.isa import Opcode
from hw.spec.regs import FAULT_DOC, Counter, Fault, offset_of
from hw.verilator import ToolError
from sim.__main__ import add_data_options, read_inputs, run_host, write_files
from sim.machine import Timing, layer_times, run_timing
from sim.program import MODEL, Program, ProgramError, read_program
from sim.report import print_summary, reporting, summary
from sim.values.state import CommandFault

FAULT = 0b100
FAULT_CODE_LSB = 8
"""Places of fault and fault code in the status register."""
START = 0b101
"""Start, with the interrupt enabled."""
TIMEOUT_FACTOR = 2
TIMEOUT_EXTRA = 100_000
"""A run may take TIMEOUT_FACTOR times the simulated cycles, and so many more."""


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
    except (ToolError, RtlError, RunFailure, CommandFault) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hw", description="The accelerator's RTL.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="write the Verilog and a C header")
    add_config_options(generate)
    generate.add_argument("-o", dest="folder", metavar="DIR", type=Path, required=True)
    generate.set_defaults(command=_generate)
    cosim = commands.add_parser("cosim", help="run a mapped network on the RTL")
    add_data_options(cosim)
    cosim.add_argument("--waves", metavar="FILE", type=Path, help="record a VCD file (slow)")
    cosim.set_defaults(command=_cosim)
    return parser


def _generate(arguments: argparse.Namespace) -> int:
    """Write accel.v, ports.json and regs.h; files that would not change keep their time."""
    from hw.generate import verilog

    config = config_of(arguments)
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        text = verilog(config)
        files = {
            "accel.v": text,
            "ports.json": json.dumps(ports(text), indent=2) + "\n",
            "regs.h": c_header(),
        }
        for name, content in files.items():
            path = arguments.folder / name
            if not path.is_file() or path.read_text() != content:
                path.write_text(content)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    return 0


def ports(text: str) -> list[dict[str, str | int]]:
    """Name, direction and width in bits of each port of the Verilog module ``accelerator``."""
    body = re.search(r"^module accelerator\b.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    assert body is not None
    found = re.findall(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s+)?(\w+)\s*;", body[0], re.MULTILINE)
    return [
        {"name": name, "direction": direction, "width": int(high or 0) + 1}
        for direction, high, name in found
    ]


def _cosim(arguments: argparse.Namespace) -> int:
    """Run on the RTL, compare with golden, report as the simulator does."""
    program = read_program(arguments.folder)
    inputs = read_inputs(program, arguments.input)
    result = _run(program, inputs, arguments.waves)
    _check_fault(result)
    values = run_host(program, inputs | _tensors(program, result))
    write_files(program, values, arguments.output, arguments.tensors)
    _compare(arguments.folder, inputs, values)
    report = summary(program, timing_of(program, result))
    report["cycles_per_second"] = result.cycles_per_second
    if arguments.json:
        print(json.dumps(report))
        return 0
    print_summary(report)
    print(
        f"{len(values)} tensors equal golden's; "
        f"{report['cycles_per_second']:,.0f} cycles per second"
    )
    return 0


def run_spec(program: Program, inputs: dict[str, np.ndarray], timeout: int) -> RunSpec:
    """The run of a program on ``inputs`` (stored integers by name)."""
    windows = program.windows
    image = program.image.copy()
    for name, array in inputs.items():
        program.places[name].write(image, array, program.config.cols)
    values = {
        "program_addr": program.address,
        "program_size": program.size,
        "read_base": windows.read_base,
        "read_limit": windows.read_limit,
        "write_base": windows.write_base,
        "write_limit": windows.write_limit,
    }
    memory = program.config.memory
    names = [f"{c.name.lower()}_{half}" for c in Counter for half in ("lo", "hi")]
    return RunSpec(
        image=image,
        writes=tuple((offset_of(name), value) for name, value in values.items()),
        start=(offset_of("control"), START),
        reads=tuple(offset_of(name) for name in ("status", "fault_index", *names)),
        timeout=timeout,
        memory=MemoryModel(memory.latency, memory.bytes_per_cycle or None),
        dump=(windows.write_base, windows.write_limit),
    )


def timing_of(program: Program, result: RtlResult) -> Timing:
    """Cycles, counters and layers' times as the RTL has them."""
    registers = result.registers
    counters = {}
    for counter in Counter:
        name = counter.name.lower()
        low, high = registers[offset_of(f"{name}_lo")], registers[offset_of(f"{name}_hi")]
        counters[name] = high << 32 | low
    starts, ends = (_in_order(program, result, event) for event in ("start", "done"))
    busy = [0] * len(program.commands)
    for event in result.events:
        if event.event == "busy":
            busy[event.index] += event.count
    spans = tuple(zip(starts, ends, busy, strict=True))
    return Timing(result.cycles, counters, layer_times(program.layers, spans), spans)


def _in_order(program: Program, result: RtlResult, kind: str) -> list[int]:
    """Cycle of each command's start or done: a unit's commands start and end in program order."""
    cycles = [0] * len(program.commands)
    for opcode in (Opcode.LOAD, Opcode.STORE, Opcode.EXECUTE):
        unit = opcode.name.lower()
        seen = [e.cycle for e in result.events if e.unit == unit and e.event == kind]
        own = [c.index for c in program.commands if c.opcode == opcode]
        for index, cycle in zip(own, seen, strict=True):
            cycles[index] = cycle
    return cycles


def _run(program: Program, inputs: dict[str, np.ndarray], waves: Path | None) -> RtlResult:
    from hw.generate import verilog

    expected = run_timing(program).cycles
    spec = run_spec(program, inputs, TIMEOUT_FACTOR * expected + TIMEOUT_EXTRA)
    end = max(len(spec.image), program.windows.read_limit, program.windows.write_limit)
    design = Design(verilog(program.config), program.config.bus_bytes, 1 << (end - 1).bit_length())
    with reporting(f"co-simulating {program.network}") as progress:
        return run_rtl(
            design, spec, waves=waves, progress=lambda _, cycles: progress(cycles, expected)
        )


def _check_fault(result: RtlResult) -> None:
    status = result.registers[offset_of("status")]
    if status & FAULT:
        code = Fault(status >> FAULT_CODE_LSB & 0xFF)
        index = result.registers[offset_of("fault_index")]
        raise RunFailure(f"fault {code.name} at command {index}: {FAULT_DOC[code]}")


def _tensors(program: Program, result: RtlResult) -> dict[str, np.ndarray]:
    memory = program.image.copy()
    lo, hi = program.windows.write_base, program.windows.write_limit
    memory = np.zeros(max(len(memory), hi), np.uint8)
    memory[lo:hi] = result.dram
    return {
        name: place.read(memory, program.config.cols)
        for name, place in program.places.items()
        if name not in program.graph["inputs"]
    }


def _compare(folder: Path, inputs: dict[str, np.ndarray], values: dict[str, np.ndarray]) -> None:
    """Raise RunFailure with the names of the tensors that golden computes otherwise."""
    expected = golden_run(load_model(folder / MODEL).to_dict(), inputs)
    wrong = [name for name, value in values.items() if not np.array_equal(value, expected[name])]
    if wrong:
        raise RunFailure(f"tensors differ from golden's: {', '.join(wrong)}")


if __name__ == "__main__":
    sys.exit(main())
