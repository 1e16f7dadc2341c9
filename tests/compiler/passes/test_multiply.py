"""Products with a value per channel: how they are mapped, and that the values are golden's."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.errors import UnsupportedError
from compiler.hwir.network import ArrayOp
from compiler.ir.graph import Graph, Quant, Tensor
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from compiler.passes.multiply import taps
from compiler.schedule.plan_cache import Known
from compiler.schedule.residency import Residency
from compiler.schedule.schedule import place
from hw.spec.config import PRESETS, with_values
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check, check_compiled

TINY, NARROW = PRESETS["tiny"], PRESETS["ecp5"]
ZERO_POINTS = (-128, -127, -1, 0, 1, 126, 127)


def ops(graph: Graph, config=TINY) -> list[ArrayOp]:
    return compile(graph, config).network.ops


def of_inputs(x_shape: tuple, s_shape: tuple, x_zero: int, s_zero: int, swap: bool) -> Graph:
    """The product of two inputs of the network."""
    net = Net(x_shape)
    net.tensors["s"] = Tensor("s", (1, *s_shape), "int8")
    for name, zero_point in (("input", x_zero), ("s", s_zero)):
        quant = Quant((1 / 64,), (zero_point,))
        net.tensors[name] = dataclasses.replace(net.tensors[name], quant=quant)
    y = net.op("mul", ("s", "input") if swap else ("input", "s"), activation="none")
    return randomize(Graph("product", net.tensors, net.nodes, ("input", "s"), (y,)))


def excitation(shape: tuple, hidden: int, **attrs: str) -> Graph:
    net = Net(shape)
    x = net.conv("input", shape[2], kernel=(1, 1))
    s = net.conv(net.op("mean", (x,)), hidden, kernel=(1, 1), activation="relu")
    s = net.conv(s, shape[2], kernel=(1, 1))
    return net.finish(net.op("mul", (x, s), **attrs))


def placed(case: str) -> Graph:
    """Operands that lie elsewhere, or that others read too."""
    net = Net((1, 1, 8))
    x, s, z = (net.conv("input", 8, kernel=(1, 1)) for _ in range(3))
    if case == "in a concatenation":
        both = net.op("concatenation", (z, s))
        y = net.op("mul", (x, s))
        return net.finish(net.add(y, net.conv(both, 8, kernel=(1, 1))))
    y = net.op("mul", (x, s))
    if case == "in a later concatenation":
        return net.finish(net.op("concatenation", (y, z, s)))
    if case == "with itself":
        return net.finish(net.op("mul", (y, y)))
    if case == "output":
        return net.finish(net.op("mul", (z, y)), s, y)
    assert case == "also an addend"
    return net.finish(net.op("mul", (net.add(s, x), y)))


@pytest.mark.parametrize("x_zero", ZERO_POINTS)
@pytest.mark.parametrize("s_zero", ZERO_POINTS)
@pytest.mark.parametrize("config", (TINY, NARROW), ids=lambda config: config.name)
def test_every_kind_of_zero_point(x_zero, s_zero, config, seed):
    graph = of_inputs((3, 5, 9), (1, 1, 9), x_zero, s_zero, swap=bool(x_zero & 1))
    assert check(graph, config, False, seed)


def test_weights_amount_to_the_formula():
    for x_zero, s_zero in itertools.product(range(-128, 128), repeat=2):
        t = taps(x_zero, s_zero)
        assert all(-128 <= v <= 127 for v in (*t.constants, t.pad_value))
        assert t.rows * t.columns <= 6 and len(t.constants) == t.columns - 1
        assert sum(t.constants) == -s_zero
        assert t.pad_value * (t.copies - 1) == -x_zero


def test_an_excitation_takes_no_copy_and_few_commands():
    graph = excitation((6, 6, 40), 7)
    found = ops(graph)
    assert [op.kind for op in found][-2:] == ["mul", "mul"]
    weights, product = found[-2:]
    assert product.factor == weights.output and product.kernel[0] * product.kernel[1] <= 6
    assert sum(op.macs for op in found) == 36 * 1600 + 2 * 280
    compiled = compile(graph, PRESETS["edge256"])
    executes = [c.text for c in compiled.commands if c.opcode.name == "EXECUTE"]
    assert len(executes) == 5 + len(weights.regions)


@pytest.mark.parametrize(
    "case",
    [
        "in a concatenation",
        "in a later concatenation",
        "with itself",
        "output",
        "also an addend",
    ],
)
@pytest.mark.parametrize("materialize", (False, True))
def test_operands_that_lie_elsewhere(case, materialize, seed):
    assert check(placed(case), TINY, materialize, seed)


@pytest.mark.parametrize("shape", [(256, 1, 5), (600, 2, 3), (1, 700, 4), (20, 70, 5)])
@pytest.mark.parametrize("lines", (64, 2048))
def test_tall_and_wide_maps(shape, lines, seed):
    config = with_values(TINY, {"scratchpad_bytes": lines * TINY.line_bytes})
    graph = of_inputs(shape, (1, 1, shape[2]), 77, -128, swap=False)
    assert check(graph, config, False, seed)
    assert not hazards(encode_commands(compile(graph, config).commands, config), config)


class NothingStays(Residency):
    """Maps pass through memory, except the weights that the array makes."""

    def plans(self):
        for name in self.resident - self.factors:
            self.occupancy.evict(name)
        return super().plans()


def test_every_operand_passes_through_memory(seed):
    config = with_values(TINY, {"scratchpad_bytes": 96 * TINY.line_bytes})
    graph = excitation((9, 8, 40), 30, activation="relu6")
    compiled = compile(
        graph, config, scheduler=lambda n, c, p: [place(n, c, (), Known(p), NothingStays)]
    )
    assert list(compiled.segments[0].plan.places) == ["mul4/weights"]
    assert len(compiled.plans[3].chunks) > 1
    assert check_compiled(compiled, graph, seed)
    assert not hazards(encode_commands(compiled.commands, config), config)


@pytest.mark.parametrize("lines", (64, 96, 200))
def test_maps_that_leave_little_room(lines, seed):
    config = with_values(TINY, {"scratchpad_bytes": lines * TINY.line_bytes})
    for materialize in (False, True):
        graph = excitation((9, 8, 24), 30, activation="relu6")
        assert check(graph, config, materialize, seed)
        commands = compile(graph, config, CompilerOptions(materialize)).commands
        assert not hazards(encode_commands(commands, config), config)


def test_two_maps_of_many_pixels_are_multiplied_on_the_host():
    net = Net((4, 4, 3))
    graph = net.finish(net.op("mul", ("input", net.conv("input", 3, kernel=(1, 1)))))
    (host,) = compile(graph, TINY).network.host
    assert host.reason == "the array multiplies a map by one value per channel"


def test_a_map_beyond_the_largest_kernel_has_no_mean():
    net = Net((256, 1, 3))
    with pytest.raises(UnsupportedError, match="Kernels of 1 to 255 rows"):
        compile(net.finish(net.op("mean", ("input",))), TINY)


@pytest.mark.parametrize("op", ("mul", "mean"))
def test_scales_far_apart(op, seed):
    net = Net((5, 4, 6))
    y = net.op("mean", ("input",))
    graph = net.finish(net.op("mul", ("input", y)) if op == "mul" else y)
    name = graph.outputs[0]
    for scale in (2.0**40, 2.0**-45):
        quant = Quant((scale,), (3,))
        graph.tensors[name] = dataclasses.replace(graph.tensors[name], quant=quant)
        if scale > 1:
            assert check(graph, TINY, False, seed)
            continue
        with pytest.raises(UnsupportedError, match=r"times finer .* at most 2\*\*31 is accepted"):
            compile(graph, TINY)
