"""The side inside the simulator: a C program runs a network through the header of ``map``.

The memory is cocotb's, 4 GiB of it, which the C program fills and reads. Reads ``header.json`` in
the working directory, and leaves ``seen.json`` there: cycles and output of each run.
"""

from __future__ import annotations

import ctypes
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiRam

from hw.tools.cosim.bench import PERIOD, AxiLite
from tests.hw.tools.integration.driver_bench import BASE, READ, WRITE, Accel

PUT = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)
GET = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)
DOUBLES = np.ctypeslib.ndpointer(np.float64, flags="C")


class Memory(ctypes.Structure):
    """``struct memory``."""

    _fields_ = [("write", PUT), ("read", GET)]


@cocotb.test()
async def the_c_program_runs(dut: Any) -> None:
    plan = json.loads(Path("header.json").read_text())
    logging.getLogger("cocotb." + dut._name).setLevel(logging.WARNING)
    dut.load.value, dut.dump.value, dut.rst.value, dut.axi_log.value = 0, 0, 1, 0
    Clock(dut.clk, PERIOD, unit="step").start()
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=1 << 32)
    host = AxiLite(dut)
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 3)
    read, write = resume(host.read), resume(host.write)
    accel = Accel(
        BASE,
        READ(lambda address: read(address - BASE)),
        WRITE(lambda address, value: write(address - BASE, value)),
    )
    memory = Memory(
        PUT(lambda address, value: ram.write(address, bytes([value]))),
        GET(lambda address: ram.read(address, 1)[0]),
    )
    run = ctypes.CDLL(plan["library"]).run_network
    run.restype = ctypes.c_int64
    run.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_uint32, ctypes.c_char_p, *[DOUBLES] * 3]
    inputs = [np.array(values, np.float64) for values in plan["inputs"]]
    image, seen = Path(plan["image"]).read_bytes(), []
    for base in plan["bases"]:
        output = np.zeros(plan["outputs"])
        places = ctypes.addressof(accel), ctypes.addressof(memory)
        call = partial(run, *places, base, image, *inputs, output)
        cycles = await bridge(lambda call=call: call())()
        seen.append({"cycles": cycles, "output": output.tolist()})
    violation = bool(dut.violation.value)
    Path("seen.json").write_text(json.dumps({"runs": seen, "violation": violation}))
