"""The C header of ``map --header``: a C program with it and the driver, against the RTL."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.c_header import c_header
from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.ir.graph import Graph, Tensor
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from golden.network import run as golden_run
from hw.spec.config import preset
from hw.spec.docgen import c_header as registers_header
from hw.tools import integration, verilator
from hw.tools.cosim.design import TOPS
from tests.compiler.graphs import Net
from tests.e2e.cases import design

HERE = Path(__file__).parent
SOURCES = Path(integration.__file__).parent
FLAGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
BASES = (0x4000_0000, 0, 0x4FFF_F000)


def network() -> Graph:
    """Inputs of both layouts and types, and a slice that the host makes between two runs."""
    net = Net((6, 5, 3))
    net.tensors["other"] = Tensor("other", (1, 6, 5, 6), "uint8")
    y = net.op("quantize", ("other",))
    x = net.add(net.conv("input", 7, (3, 3), padding=(1, 1, 1, 1)), net.conv(y, 7, (1, 1)))
    x = net.conv(net.op("slice", (x,), begin=1, size=5), 6, (3, 2))
    return randomize(Graph("small network", net.tensors, net.nodes, ("input", "other"), (x,)))


def real(tensor: Tensor, values: np.ndarray) -> list[float]:
    """What the stored values of a tensor mean."""
    (scale,), (zero_point,) = tensor.quant.scale, tensor.quant.zero_point
    return (float(scale) * (values.ravel().astype(np.int64) - int(zero_point))).tolist()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return network()


@pytest.fixture(scope="module")
def compiled(graph):
    host = tuple(node.name for node in graph.nodes if node.op == "slice")
    return compile(graph, preset("tiny"), CompilerOptions(host=host, base=BASES[0]))


@pytest.fixture(scope="module")
def library(compiled, tmp_path_factory) -> Path:
    """The C program with driver and header as a shared library."""
    folder = tmp_path_factory.mktemp("header")
    (folder / "small_network.h").write_text(c_header(mapping(compiled)), encoding="ascii")
    (folder / "regs.h").write_text(registers_header())
    path = folder / "host.so"
    sources = (HERE / "header_host.c", SOURCES / "accel.c")
    includes = ("-I", folder, "-I", SOURCES)
    options = ("-std=c99", *FLAGS, "-O1", "-shared", "-fPIC")
    subprocess.run(["gcc", *options, *includes, "-o", path, *sources], check=True)
    return path


@pytest.mark.xdist_group("accelerator_tiny")
def test_a_c_program_runs_the_network_at_every_base(graph, compiled, library, tmp_path, seed):
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(*bounds, graph.tensors[name].shape, graph.tensors[name].dtype, True)
        for name, bounds in (("input", (-128, 127)), ("other", (0, 255)))
    }
    (name,) = graph.outputs
    expected = real(graph.tensors[name], golden_run(graph.to_dict(), inputs)[name])
    (tmp_path / "program.bin").write_bytes(image(compiled))
    plan = {
        "library": str(library),
        "image": str(tmp_path / "program.bin"),
        "inputs": [real(graph.tensors[name], inputs[name]) for name in graph.inputs],
        "outputs": len(expected),
        "bases": BASES,
    }
    (tmp_path / "header.json").write_text(json.dumps(plan))
    bench = "tests.hw.tools.integration.header_bench"
    verilator.simulate(design("tiny").build("cocotbext"), tmp_path, TOPS["cocotbext"], bench)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert not seen["violation"]
    for run in seen["runs"]:
        assert run["cycles"] > 0, "what run_network says is wrong"
        assert run["output"] == expected
    assert len({run["cycles"] for run in seen["runs"]}) == 1
