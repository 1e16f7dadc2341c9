"""Random ONNX models of operators beyond the array: golden, the simulator and onnxruntime."""

import numpy as np
import pytest

from compiler import driver
from compiler.codegen.program import write
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.options import CompilerOptions
from golden.network import run
from hw.spec.config import preset
from sim.host_golden import host_compute
from sim.program_reader import read_program
from sim.simulation import simulate
from tests.support.onnx_builder import layer_differences, random_inputs
from tests.support.random_onnx import random_onnx

QUICK, LONG = 3, 300


def check(folder, seed):
    """The simulator equals golden in every tensor; each node is near to onnxruntime."""
    net = random_onnx(seed)
    model = parse_onnx(net.bytes(), None)
    graph = read_onnx(model, "net")
    inputs = random_inputs(graph, np.random.default_rng(seed))
    differences = layer_differences(model, graph, inputs)
    # A resize that changes its scale is rounded twice.
    twice = {node.outputs[0] for node in graph.nodes if node.op == "quantize"}
    far = {name: d for name, d in differences.items() if d > 1 + (name in twice)}
    assert not far, f"seed {seed}: {far}"
    compiled = driver.compile(graph, preset("tiny"), CompilerOptions())
    program = read_program(write(compiled, folder / str(seed)))
    result = simulate(program, inputs, compute=host_compute(program))
    assert result.fault is None, f"seed {seed}"
    expected = run(graph.to_dict(), inputs)
    for name, found in result.tensors.items():
        np.testing.assert_array_equal(found, expected[name], f"seed {seed}: {name}")


def test_random_models(tmp_path, seed):
    for number in range(QUICK):
        check(tmp_path, seed + number)


@pytest.mark.full
def test_many_random_models(tmp_path, seed):
    for number in range(LONG):
        check(tmp_path, seed + QUICK + number)
