"""Rewrites into layers, and the messages for what is not accepted."""

from __future__ import annotations

import dataclasses
import re

import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.errors import UnsupportedError
from compiler.hwir import constraints
from compiler.hwir.feature_map import Words
from compiler.ir.graph import Graph, Quant
from compiler.options import CompilerOptions
from compiler.passes.fuse import fuse_adds
from compiler.passes.legalise import legalise
from compiler.passes.needed import needs
from hw.spec.config import PRESETS
from tests.compiler.graphs import Net

TINY, EDGE = PRESETS["tiny"], PRESETS["edge256"]


def kinds(graph: Graph, materialize: bool = False) -> list[str]:
    network = compile(graph, TINY, CompilerOptions(materialize)).network
    return [op.kind for op in network.ops]


def test_add_joins_the_later_convolution():
    net = Net((4, 4, 3))
    x = net.conv("input", 4, kernel=(1, 1))
    graph = net.finish(net.add(x, net.conv(x, 4, kernel=(1, 1))))
    assert kinds(graph) == ["conv2d", "conv2d+add"]
    assert kinds(graph, materialize=True) == ["conv2d", "conv2d", "add"]


@pytest.mark.parametrize("case", ("output", "two readers", "same operand"))
def test_add_that_cannot_join(case):
    net = Net((4, 4, 3))
    x = net.conv("input", 4, kernel=(1, 1))
    outputs = []
    if case == "same operand":
        y = net.add(x, x)
    else:
        z = net.op("pad", (net.pool("max_pool2d", x, (1, 1)),), padding=(0, 0, 0, 0))
        y = net.add(x, z)
        outputs = [x] if case == "output" else []
    network = compile(net.finish(y, *outputs), TINY).network
    assert [op.kind for op in network.ops][-1] == "add"


def test_pad_folds_into_convolutions_only():
    net = Net((4, 4, 3))
    padded = net.op("pad", ("input",), padding=(1, 0, 2, 1))
    graph = net.finish(net.conv(net.op("pad", (padded,), padding=(0, 1, 0, 0)), 4))
    assert kinds(graph) == ["conv2d"]
    assert compile(graph, TINY).network.ops[0].padding == (1, 1, 2, 1)
    assert kinds(graph, materialize=True) == ["pad", "pad", "conv2d"]
    net = Net((4, 4, 3))
    padded = net.op("pad", ("input",), padding=(1, 0, 2, 1))
    assert kinds(net.finish(net.pool("max_pool2d", padded, (2, 2)))) == ["pad", "max_pool2d"]


def test_grouped_convolution_reads_only_its_planes():
    net = Net((4, 4, 32))
    graph = net.finish(net.conv("input", 32, groups=4))
    plan = compile(graph, TINY).plans[0]
    assert {r.in_blocks for c in plan.chunks for r in c.ranges} == {2}


def test_one_group_per_channel_is_depthwise():
    net = Net((4, 4, 6))
    op = compile(net.finish(net.conv("input", 6, groups=6)), TINY).network.ops[0]
    assert op.depthwise


def test_softmax_and_what_follows_run_on_the_host():
    net = Net((4, 4, 3))
    x = net.op("softmax", (net.dense("input", 5),), beta=1.0)
    network = compile(net.finish(net.op("reshape", (x,), shape=(1, 5, 1))), TINY).network
    assert [h.node.op for h in network.host] == ["softmax", "reshape"]
    assert [m.name for m in network.maps.values() if m.stored] == ["fully_connected0"]


def test_a_reshape_that_moves_values_in_memory_runs_on_the_host():
    net = Net((4, 4, 3))
    x = net.op("reshape", (net.conv("input", 4),), shape=(1, 1, 1, 16))
    network = compile(net.finish(net.conv(x, 2, kernel=(1, 1))), TINY).network
    (host,) = network.host
    assert host.node.op == "reshape" and [op.segment for op in network.ops] == [0, 1]
    assert "words of memory, for node 'conv2d2' (conv2d)" in host.reason


LONG = {"add": (1, 9000, 1), "concatenation": (1, 1, 20000)}
"""Maps with more columns, or blocks of channels, than the fields of commands hold."""


@pytest.mark.parametrize("case", LONG)
def test_what_has_no_products_and_is_too_large_runs_on_the_host(case):
    net = Net(LONG[case])
    attrs = {"activation": "none"} if case == "add" else {}
    y = net.op(case, ("input", "input"), **attrs)
    network = legalise((graph := net.finish(y)), needs(graph), CompilerOptions(), Words(4, 8))
    (host,) = network.host
    assert not network.ops and host.node.op == case
    assert re.match(r"kernel \[1, 1\], .* are accepted", host.reason)


def test_what_has_products_and_is_too_large_is_refused():
    graph = (net := Net(LONG["add"])).finish(net.conv("input", 1, kernel=(1, 1)))
    with pytest.raises(UnsupportedError, match="Maps of up to 8191 rows and columns"):
        compile(graph, TINY)


def _geometry(**changes: object) -> constraints.Geometry:
    net = Net((4, 4, 3))
    graph = net.finish(net.conv("input", 4))
    network = fuse_adds(legalise(graph, needs(graph), CompilerOptions(), Words(4, 8)))
    maps = network.maps
    usual = constraints.Geometry(
        maps["input"], maps["conv2d0"], (3, 3), (1, 1), (1, 1), (0, 0, 0, 0), 4
    )
    return dataclasses.replace(usual, **changes)


@pytest.mark.parametrize(
    ("start", "changes"),
    (
        ("Kernels", {"kernel": (256, 1)}),
        ("Strides", {"stride": (1, 256)}),
        ("Dilations", {"dilation": (1, 256)}),
        ("Maps of up to 8191 rows", {"padding": (0, 8188, 0, 0)}),
        ("Maps of up to 4095 blocks", {"source": ("channels", 1 << 15)}),
        ("Output rows", {"output": ("width", 8000), "stride": (1, 3)}),
        ("Vertical strides", {"dilation": (255, 1), "source": ("width", 8000)}),
    ),
)
def test_each_constraint_says_what_is_accepted(start, changes):
    usual = _geometry()
    for key, value in list(changes.items()):
        if key in ("source", "output"):
            changes[key] = dataclasses.replace(getattr(usual, key), **{value[0]: value[1]})
    broken = dataclasses.replace(usual, **changes)
    (limit,) = (c for c in constraints.CONSTRAINTS if c.text.startswith(start))
    assert limit.met(usual) and not limit.met(broken)
    net = Net((4, 4, 3))
    net.conv("input", 4)
    with pytest.raises(UnsupportedError) as fault:
        constraints.check(net.nodes[0], broken)
    assert str(fault.value).startswith("node 'conv2d0' (conv2d): kernel [")
    assert str(fault.value).endswith(limit.text)


@pytest.mark.parametrize(
    ("rows", "width", "stride", "padding"),
    (
        (97, 8191, (32, 3), (0, 0, 0, 0)),
        (128, 8189, (30, 1), (1, 1, 1, 1)),
        (300, 1027, (255, 255), (254, 254, 0, 0)),
    ),
)
def test_steps_of_many_pixels_fit_the_commands(rows, width, stride, padding):
    net = Net((rows, width, 1))
    kernel = tuple(max(3, side) for side in (padding[0] + 1, padding[2] + 1))
    x = net.op("max_pool2d", ("input",), kernel=kernel, stride=stride, padding=padding)
    assert encode_commands(compile(net.finish(x), EDGE).commands, EDGE)


@pytest.mark.parametrize(
    ("shape", "kernel", "text"),
    (
        ((3, 8191, 1), (3, 3), "padding of up to 262143 pixels"),
        ((1024, 1024, 1), (1024, 1024), "Kernels of 1 to 255"),
    ),
)
@pytest.mark.parametrize("op", ("max_pool2d", "avg_pool2d"))
def test_pools_that_do_not_fit_the_commands_are_refused(shape, kernel, text, op):
    net = Net(shape)
    x = net.op(op, ("input",), kernel=kernel, stride=(200, 3))
    with pytest.raises(UnsupportedError, match=text):
        compile(net.finish(x), EDGE)


def test_scales_whose_product_is_beyond_float32_are_refused():
    net = Net((4, 4, 3))
    graph = net.finish(net.op("mul", (net.conv("input", 4), net.conv("input", 4))))
    tensors = dict(graph.tensors)
    for name in graph.nodes[-1].inputs:
        tensors[name] = dataclasses.replace(tensors[name], quant=Quant((1e20,), (0,)))
    with pytest.raises(UnsupportedError, match="node 'mul"):
        compile(dataclasses.replace(graph, tensors=tensors), TINY)


def test_every_constraint_is_checked():
    for constraint in constraints.CONSTRAINTS:
        assert constraint.met(_geometry())
        assert "accepted" in constraint.text
