"""Segments: the host between runs of the machine."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.compiled import Compiled
from compiler.codegen.program import encode_commands, image, mapping
from compiler.driver import compile
from compiler.errors import UnsupportedError
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.verify import verify
from compiler.options import CompilerOptions
from golden.network import run
from hw.spec.config import PRESETS, with_values
from sim.host_golden import model_compute
from sim.program_reader import program_of
from sim.simulation import (
    joined,
    run_timing,
    segment_times,
    simulate,
)
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net

TINY = PRESETS["tiny"]
SMALL = with_values(TINY, {"scratchpad_bytes": 160 * TINY.line_bytes})


def program(compiled: Compiled):
    return program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))


def check(graph: Graph, config=TINY, seed: int = 0) -> Compiled:
    """All tensors of a run are golden's, fused and materialised; returns the fused one."""
    rng = np.random.default_rng(seed)
    inputs = {}
    for name in graph.inputs:
        tensor = graph.tensors[name]
        info = np.iinfo(tensor.dtype)
        inputs[name] = rng.integers(info.min, info.max, tensor.shape, tensor.dtype, endpoint=True)
    model = graph.to_dict()
    expected = run(model, inputs)
    for materialize in (True, False):
        compiled = compile(graph, config, CompilerOptions(materialize))
        mapped = program(compiled)
        found = simulate(mapped, inputs, compute=model_compute(model))
        assert found.fault is None and set(found.tensors) >= set(graph.outputs)
        assert not materialize or set(found.tensors) == set(expected)
        for name, values in found.tensors.items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)
        for segment in compiled.segments:
            assert not hazards(encode_commands(segment.commands, config), config)
    return compiled


def block(net: Net, x: str) -> str:
    """A block of ConvNeXt in small."""
    channels = net.shape(x)[3]
    y = net.layer_norm(net.depthwise(x, (3, 3), padding=(1, 1, 1, 1)))
    y = net.conv(net.conv(y, 4 * channels, (1, 1), activation="relu"), channels, (1, 1))
    return net.add(x, y)


def segments(compiled: Compiled) -> list[tuple[list[str], list[str]]]:
    """Kinds of layers and operators of the host, by segment."""
    network = compiled.network
    return [
        (
            [op.kind for op in network.part(i).ops],
            [h.node.op for h in network.host if h.segment == i],
        )
        for i in range(network.segments)
    ]


@pytest.mark.parametrize("config", [TINY, SMALL, PRESETS["edge256"]], ids=["tiny", "small", "edge"])
def test_blocks_with_the_host_inside(config, seed):
    net = Net((9, 7, 3))
    x = net.layer_norm(net.conv("input", 20, (2, 2), stride=(2, 2)))
    x = block(net, block(net, x))
    x = net.layer_norm(net.pool("avg_pool2d", x, net.shape(x)[1:3]))
    compiled = check(net.finish(net.op("softmax", (net.dense(x, 11),))), config, seed)
    pointwise = ["conv2d", "conv2d+add"]
    assert segments(compiled) == [
        (["conv2d"], ["layer_norm"]),
        (["depthwise_conv2d"], ["layer_norm"]),
        ([*pointwise, "depthwise_conv2d"], ["layer_norm"]),
        ([*pointwise, "avg_pool2d"], ["layer_norm"]),
        (["fully_connected"], ["softmax"]),
    ]


def test_branches_share_segments():
    """Two host operators that do not depend on one another are between the same two segments."""
    net = Net((4, 4, 3))
    a, b = net.conv("input", 8, (1, 1)), net.conv("input", 8, (1, 1), activation="relu")
    x = net.add(net.layer_norm(a), net.op("softmax", (b,)))
    assert segments(check(net.finish(x))) == [
        (["conv2d", "conv2d"], ["layer_norm", "softmax"]),
        (["add"], []),
    ]


def test_the_network_s_input_goes_to_the_host_first():
    net = Net((4, 4, 3))
    graph = net.finish(net.add(*[net.op("softmax", ("input",))] * 2))
    assert segments(check(graph)) == [([], ["softmax"]), (["add"], [])]


def test_what_moves_values_of_the_host_stays_there():
    net = Net((4, 4, 3))
    x = net.op("reshape", (net.op("softmax", ("input",)),), shape=(1, 2, 8, 3))
    compiled = check(net.finish(net.conv(x, 5, (1, 1))))
    assert segments(compiled) == [([], ["softmax", "reshape"]), (["conv2d"], [])]
    assert compiled.network.host_maps == ["reshape1"]


@pytest.mark.parametrize("channels", [8, 5])
def test_concatenation_of_both_sides(channels, seed):
    """Maps of the host and of an earlier segment are copied; those beside them are in place."""
    net = Net((5, 4, 3))
    early = net.conv("input", channels, (1, 1))
    made = net.layer_norm(early)
    late = net.conv(made, channels, (1, 1))
    joined_maps = net.op("concatenation", (made, late, early))
    graph = net.finish(net.conv(joined_maps, 6, (1, 1)), joined_maps)
    compiled = check(graph, seed=seed)
    copies = [la for la in compiled.network.ops if la.kind == "concatenation" and la.notes]
    reasons = [la.notes[0] for la in copies if "not made in the same segment" in la.notes[0]]
    scales = [la.notes[0] for la in copies if "scale" in la.notes[0]]
    assert len(reasons) + len(scales) == 2


def test_a_view_of_the_input_that_the_host_reads(seed):
    """The flipped picture is nowhere in memory: the host converts it for itself."""
    net = Net((5, 4, 3))
    y = net.conv("input", 3, (1, 1))
    graph = net.finish(net.add(net.layer_norm("input"), y), net.op("softmax", ("input",)))
    quant = graph.tensors["input"].quant
    raw = Quant(quant.scale, (quant.zero_point[0] + 128,))
    graph.tensors["raw"] = Tensor("raw", (1, 5, 4, 3), "uint8", raw)
    graph.nodes.insert(0, Node("flip", "quantize", ("raw",), ("input",), {}))
    compiled = check(dataclasses.replace(graph, inputs=("raw",)), seed=seed)
    hosted = ["quantize", "layer_norm", "softmax"]
    assert segments(compiled) == [(["conv2d"], hosted), (["add"], [])]


@pytest.mark.parametrize("first", ("host", "layers"))
def test_a_product_with_a_map_of_another_segment(first, seed):
    """Its weights are made of a map that the host writes, or that an earlier segment stores."""
    net = Net((5, 4, 3))
    x = net.conv("input", 20, (1, 1))
    scale = net.pool("avg_pool2d", x, (5, 4))
    if first == "host":
        scale = net.layer_norm(scale)
    else:
        x = net.layer_norm(x)
    compiled = check(net.finish(net.op("mul", (x, scale))), seed=seed)
    assert compiled.network.segments == 2


def test_an_addition_does_not_join_a_convolution_of_an_earlier_segment():
    net = Net((4, 4, 3))
    x = net.conv("input", 8, (1, 1))
    y = net.conv(net.layer_norm(x), 8, (1, 1))
    z = net.conv("input", 8, (1, 1))
    graph = net.finish(net.add(z, net.layer_norm(y)))
    assert segments(check(graph))[-1] == (["add"], [])


def test_random_networks(seed):
    for number in range(seed, seed + 12):
        rng = random.Random(number)
        net = Net((rng.randint(2, 9), rng.randint(2, 9), rng.randint(1, 9)))
        x, maps = "input", []
        for _ in range(rng.randint(3, 9)):
            same = [m for m in maps if net.shape(m) == net.shape(x)]
            kind = rng.choice(("conv", "conv", "norm", "softmax", "add", "join", "silu", "mul"))
            if kind == "conv":
                x = net.conv(x, rng.choice((4, 8, 3, 17)), (1, 1), activation="relu")
            elif kind == "mul":
                x = net.op("mul", (x, net.pool("avg_pool2d", x, net.shape(x)[1:3])))
            elif kind == "silu":
                x = net.op("silu", (x,))
            elif kind == "add":
                x = net.add(x, rng.choice([*same, x]))
            elif kind == "join":
                x = net.op("concatenation", (x, rng.choice([*maps, x])))
            else:
                x = net.layer_norm(x) if kind == "norm" else net.op("softmax", (x,))
            maps.append(x)
        check(net.finish(x, *maps[:-1][:1]), rng.choice((TINY, SMALL)), number)


def test_times_are_the_sums_of_the_segments():
    net = Net((6, 6, 4))
    compiled = check(net.finish(block(net, net.conv("input", 8, (1, 1)))))
    mapped = program(compiled)
    each = [segment_times(mapped, segment) for segment in mapped.segments]
    timing = run_timing(mapped)
    assert timing == joined(mapped.layers, each)
    assert timing.cycles == sum(times.cycles for times in each)
    assert timing.counters["commands"] == len(mapped.commands)
    first, second = each
    for layer, times in zip(mapped.layers, timing.layers, strict=True):
        after = layer.commands[0] >= len(mapped.segments[0].commands)
        assert (times.start_cycle >= first.cycles) == after
        assert times.end_cycle <= (first.cycles + second.cycles if after else first.cycles)


def test_the_host_is_needed_in_the_middle():
    net = Net((4, 4, 3))
    mapped = program(compile(net.finish(net.conv(net.layer_norm("input"), 2)), TINY))
    with pytest.raises(ValueError, match="needs the host between two segments"):
        simulate(mapped)


def test_the_mapping_says_what_the_host_does():
    net = Net((4, 4, 3))
    x = net.conv(net.layer_norm("input"), 6)
    found = mapping(compile(net.finish(net.op("softmax", (x,))), TINY))
    assert [s["host"] for s in found["segments"]] == [["layer_norm0"], ["softmax2"]]
    assert [s["program_addr"] % 64 for s in found["segments"]] == [0, 0]
    assert [t["name"] for t in found["tensors"]] == ["layer_norm0", "conv2d1"]
    assert [t["name"] for t in found["host_tensors"]] == ["softmax2"]
    assert [h["elements"] for h in found["host"]] == [48, 24] and found["elements"] == 96
    assert [layer["segment"] for layer in found["layers"]] == [1]


def test_rows_of_two_maps_are_joined_by_the_host():
    """The anchors of a detector: maps of several sizes, reshaped and joined."""
    net = Net((4, 4, 3))
    a = net.conv("input", 6, padding=(1, 1, 1, 1))
    b = net.conv(a, 5, padding=(1, 1, 1, 1))
    rows = [net.op("reshape", (x,), shape=(1, 1, 1, size)) for x, size in ((a, 96), (b, 80))]
    y = net.op("concatenation", tuple(rows))
    compiled = check(net.finish(net.op("reshape", (y,), shape=(1, 88, 2))))
    assert segments(compiled) == [(["conv2d"] * 2, ["concatenation", "reshape"])]


@pytest.mark.parametrize("step", (2.0**-26, 2.0**-25))
def test_softmax_of_steps_that_vanish(step):
    """LiteRT's fixed point holds no difference of 2**-26; golden refuses what it cannot scale."""
    x, y = Quant((step,), (0,)), Quant((1 / 256,), (-128,))
    tensors = {name: Tensor(name, (1, 1, 1, 4), "int8", q) for name, q in (("x", x), ("y", y))}
    graph = Graph(
        "net", tensors, [Node("y", "softmax", ("x",), ("y",), {"beta": 1.0})], ("x",), ("y",)
    )
    if step > 2.0**-26:
        verify(graph, "quantised")
        run(graph.to_dict(), {"x": np.zeros((1, 1, 1, 4), np.int8)})
    else:
        with pytest.raises(UnsupportedError, match=r"'y' \(softmax\): beta \* input scale"):
            verify(graph, "quantised")
