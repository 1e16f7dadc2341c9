"""Whole built-in networks with branches against LiteRT's reference kernels, bit for bit."""

import numpy as np
import pytest

from compiler import zoo
from compiler.frontend.tflite import read_tflite
from compiler.ir.randomize import randomize
from golden.network import run
from tests.golden.layers import seeds
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model

LONG = ("inception_v1", "inception_v2", "inception_v3")


@pytest.mark.parametrize(
    "name", ["squeezenet_1_1", *(pytest.param(n, marks=pytest.mark.full) for n in LONG)]
)
def test_every_tensor(name):
    graph = randomize(zoo.build(name))
    model = build_model(graph.to_dict())
    assert read_tflite(model, name).nodes == graph.nodes
    shape = graph.tensors["input"].shape
    picture = np.random.default_rng(seeds(1)[0]).integers(-128, 128, shape).astype(np.int8)
    expected = run_litert(model, {"input": picture})
    for tensor, actual in run(graph.to_dict(), {"input": picture}).items():
        np.testing.assert_array_equal(actual, expected[tensor], err_msg=tensor)
