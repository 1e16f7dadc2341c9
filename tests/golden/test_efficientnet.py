"""The whole of EfficientNet-Lite0 int8 against LiteRT's reference kernels, bit for bit."""

import numpy as np
import pytest

from compiler.load import load_model
from golden.network import run, run_node
from tests.golden.layers import seeds
from tests.golden.oracle import run_litert
from tests.support.assets import lite0_path


@pytest.fixture(scope="module")
def path():
    return lite0_path()


@pytest.fixture(scope="module")
def graph(path):
    return load_model(path).to_dict()


@pytest.fixture(scope="module", params=["noise", "picture"])
def reference(request, path, graph):
    """LiteRT's tensors for a random input, or for a smooth one with a picture's statistics."""
    rng = np.random.default_rng(seeds(1)[0])
    (name,) = graph["inputs"]
    shape = graph["tensors"][name]["shape"]
    x = rng.integers(0, 256, shape, dtype=np.uint8)
    if request.param == "picture":
        for axis in (1, 2):
            x = np.mean([np.roll(x, k, axis) for k in range(16)], axis=0)
        spread = (x - x.mean()) / x.std()
        x = np.clip(128 + 60 * spread, 0, 255).astype(np.uint8)
    return run_litert(path, {name: x})


def test_every_layer_on_the_reference_s_own_inputs(graph, reference):
    for node in graph["nodes"]:
        for name, actual in run_node(graph, node, reference).items():
            np.testing.assert_array_equal(actual, reference[name], err_msg=node["name"])


def test_the_whole_network(graph, reference):
    inputs = {name: reference[name] for name in graph["inputs"]}
    values = run(graph, inputs)
    assert len(values) == len(graph["nodes"]) + 1
    for name, actual in values.items():
        np.testing.assert_array_equal(actual, reference[name], err_msg=name)
