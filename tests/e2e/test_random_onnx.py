"""Random ONNX models of operators beyond the array: golden, the simulator and onnxruntime."""

import numpy as np
import pytest

from compiler.frontend.onnx import parse_onnx, read_onnx
from tests.fuzz.judge import judge
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
    path = folder / "net.onnx"
    path.write_bytes(net.bytes())
    assert judge(path, seed) == "right", f"seed {seed}"


def test_random_models(tmp_path, seed):
    for number in range(QUICK):
        check(tmp_path, seed + number)


@pytest.mark.full
def test_many_random_models(tmp_path, seed):
    for number in range(LONG):
        check(tmp_path, seed + QUICK + number)
