"""The PyTorch module of ``golden latency`` against golden."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from compiler.errors import UnsupportedError
from compiler.ir.ops import OPS
from golden.bench import agreement as agreements
from golden.bench.agreement import (
    agreement,
    snr_db,
)
from golden.bench.module import (
    Network,
    as_numpy,
    as_torch,
    check_batch,
    stored_inputs,
)
from golden.bench.pooling import Maximum
from golden.network import run
from hw.spec.config import preset
from tests.golden.layers import RandomLayers, activation, constant, one_node
from tests.support.random_layers import random_layer

LAYERS = 20
"""Random networks, and random layers of each kind."""


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that share a busy core wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def agreed(graph, inputs):
    return agreement(graph, Network(graph), run(graph, inputs))


def test_random_networks_differ_from_golden_by_a_rounding(seed):
    checked = 0
    for number in range(LAYERS):
        layer = random_layer(preset("tiny"), seed + number)
        graph = layer.graph.to_dict()
        if any(node["op"] == "lookup" for node in graph["nodes"]):
            continue
        found = agreed(graph, layer.inputs)
        assert found.worst_steps <= 1, (seed + number, found)
        assert found.layers == len(graph["nodes"])
        checked += found.layers
    assert checked


@pytest.mark.parametrize("op", ["avg_pool2d", "max_pool2d", "mean", "concatenation", "softmax"])
def test_random_layers_differ_from_golden_by_a_rounding(seed, op):
    source = RandomLayers(seed)
    for _ in range(LAYERS):
        graph = source.pool(op, 5) if op.endswith("pool2d") else getattr(source, op)()
        if op == "avg_pool2d":
            graph["nodes"][0]["attrs"]["count_include_pad"] = source.pick(False, True)
            graph["nodes"][0]["attrs"].pop("dilation", None)
        found = agreed(graph, source.inputs(graph))
        assert found.worst_steps <= 1, (graph, found)


def test_a_dilated_window_may_have_more_padding_than_half_its_kernel():
    attrs = {"kernel": (3, 3), "stride": (1, 1), "dilation": (3, 2), "padding": (3, 3, 2, 2)}
    x = torch.arange(80.0).reshape(1, 1, 8, 10).sin()
    found = Maximum(SimpleNamespace(attrs=attrs))(x)
    rows, columns = (slice(i, i + n) for i, n in ((3, 8), (2, 10)))
    wide = torch.full((1, 1, 14, 14), float("-inf"))
    wide[:, :, rows, columns] = x
    taps = [wide[:, :, i : i + 8, j : j + 10] for i in (0, 3, 6) for j in (0, 2, 4)]
    assert torch.equal(found, torch.stack(taps).amax(0))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("corners, centers", [(False, False), (True, False), (False, True)])
def test_resizes_read_golden_s_pixels(seed, mode, corners, centers):
    source = RandomLayers(seed)
    for _ in range(LAYERS):
        size = source.integer(1, 20), source.integer(1, 20)
        x = activation((1, source.integer(1, 20), source.integer(1, 20), 3), 0.5, 3)
        graph = one_node(
            "resize",
            {"x": x},
            {},
            activation((1, *size, 3), 0.5, 3),
            mode=mode,
            size=size,
            align_corners=corners,
            half_pixel_centers=centers,
        )
        found = agreed(graph, source.inputs(graph))
        assert found.worst_steps <= (0 if mode == "nearest" else 1), (graph, found)


def convolution(zero_point, name="conv2d", **attrs):
    """Two channels in, two out: x - y and y - x."""
    weights = np.array([[1, -1], [-1, 1]], np.int8).reshape(2, 1, 1, 2)
    return one_node(
        "conv2d",
        {"x": activation((1, 1, 2, 2), 1.0, 0)},
        {"w": constant(weights, [1.0])},
        activation((1, 1, 2, 2), 1.0, zero_point),
        stride=(1, 1),
        dilation=(1, 1),
        padding=(0, 0, 0, 0),
        groups=1,
        activation="none",
        **attrs,
    )


def test_a_range_from_0_is_a_rectifier_and_saturation_is_left_out():
    stored = np.array([[[[100, -100], [3, 5]]]], np.int8)
    x = as_torch(stored, convolution(0)["tensors"]["x"])
    (linear,), (rectified,) = Network(convolution(0))(x), Network(convolution(-128))(x)
    np.testing.assert_array_equal(as_numpy(linear), [[[[200, -200], [-2, 2]]]])
    np.testing.assert_array_equal(as_numpy(rectified), [[[[200, 0], [0, 2]]]])


def test_results_that_wrap_are_left_out_before_a_rectifier_hides_them():
    graph = convolution(-128)
    graph["tensors"]["w"]["scale"] = [2.0**24]
    inputs = {"x": np.array([[[[100, -100], [3, 5]]]], np.int8)}
    assert run(graph, inputs)["y"][0, 0, 0, 0] != 127
    assert agreed(graph, inputs).worst_steps <= 1


def test_scales_that_count_as_one_may_be_apart():
    x, y = activation((1, 2, 2, 1), 1e-6, 0), activation((1, 1, 1, 1), 1.5e-6, 0)
    graph = one_node(
        "max_pool2d",
        {"x": x},
        {},
        y,
        kernel=(2, 2),
        stride=(2, 2),
        padding=(0, 0, 0, 0),
        activation="none",
    )
    inputs = {"x": np.full((1, 2, 2, 1), 120, np.int8)}
    assert agreed(graph, inputs).worst_steps <= 1


def test_these_are_the_operators_that_move_values():
    moving = {op for op, spec in OPS.items() if spec.same_quant}
    assert moving == agreements.KEEP_SCALE


def test_stored_values_are_dequantised_into_channels_first():
    tensor = activation((1, 2, 3, 4), 0.25, -7)
    stored = np.arange(24, dtype=np.int8).reshape(1, 2, 3, 4)
    x = as_torch(stored, tensor)
    assert x.shape == (1, 4, 2, 3) and x[0, 1, 1, 2] == 0.25 * (stored[0, 1, 2, 1] + 7)
    np.testing.assert_array_equal(as_numpy(x), 0.25 * (stored.astype(float) + 7))


def test_a_batch_is_its_inputs_one_by_one(seed):
    for number in range(LAYERS // 2):
        graph = random_layer(preset("tiny"), seed + number).graph.to_dict()
        if any(node["op"] == "lookup" for node in graph["nodes"]):
            continue
        network, tensors = Network(graph), graph["tensors"]
        stored = stored_inputs(graph, 3, seed)
        whole = [as_torch(x, tensors[n]) for n, x in zip(network.inputs, stored, strict=True)]
        outputs = network(*whole)
        for part in range(3):
            alone = network(*[x.chunk(3)[part] for x in whole])
            for one, batched in zip(alone, outputs, strict=True):
                torch.testing.assert_close(one, batched.chunk(3)[part])


def test_tensors_without_a_batch_axis_are_refused():
    graph = one_node("tanh", {"x": activation((4,), 1.0, 0)}, {}, activation((4,), 1.0, 0))
    check_batch(graph, 1)
    with pytest.raises(UnsupportedError, match="--batch 2: tensor 'x' has one dimension"):
        check_batch(graph, 2)


def test_a_table_of_stored_values_is_refused_by_name():
    x = activation((1, 4), 1.0, 0)
    table = {**constant(np.arange(-128, 128).astype(np.int8), [1.0]), "scale": None}
    graph = one_node("lookup", {"x": x}, {"table": table}, x)
    with pytest.raises(UnsupportedError, match="node 'lookup': lookup has no meaning"):
        Network(graph)


def test_a_wrong_layer_is_found():
    graph = convolution(0)
    values = run(graph, {"x": np.array([[[[10, -10], [3, 5]]]], np.int8)})
    network = Network(graph)
    agreement(graph, network, values).check()
    network.layers[0].body.weight[0, 0] = 2
    with pytest.raises(AssertionError, match=r"layer 'conv2d' in PyTorch is 10.00 steps off"):
        agreement(graph, network, values).check()


def test_layers_in_the_wrong_place_are_found():
    """Each layer is right on golden's inputs, the network is not."""
    graph = convolution(0)
    graph["nodes"].append(
        {**graph["nodes"][0], "name": "b", "inputs": ["y", "w", ""], "outputs": ["z"]}
    )
    graph["tensors"]["z"], graph["outputs"] = graph["tensors"]["y"], ["y", "z"]
    values = run(graph, {"x": np.array([[[[10, -10], [3, 5]]]], np.int8)})
    network = Network(graph)
    agreement(graph, network, values).check()
    network.outputs.reverse()
    with pytest.raises(AssertionError, match="rounding explains no less than"):
        agreement(graph, network, values).check()


def test_the_ratio_is_in_decibels():
    one, zero = np.ones(4), np.zeros(4)
    assert snr_db([one], [one * 1.1]) == pytest.approx(20)
    assert snr_db([one, one], [one * 1.1, one]) == pytest.approx(20)
    assert snr_db([zero], [one]) is None
    assert snr_db([one], [one * np.nan]) == -agreements.LIMIT_DB
    assert snr_db([one], [one]) == agreements.LIMIT_DB
