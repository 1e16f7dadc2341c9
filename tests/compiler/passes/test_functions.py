"""Functions of one value: where they run, and the table's way to the machine."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from compiler.codegen.compiled import Compiled
from compiler.codegen.program import encode_commands, mapping
from compiler.driver import compile
from compiler.errors import UnsupportedError
from compiler.ir.graph import Graph, Quant
from compiler.ir.ops import FUNCTIONS
from compiler.options import CompilerOptions
from hw.spec.config import PRESETS, with_values
from hw.spec.isa import Opcode
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY = PRESETS["tiny"]
EDGE = PRESETS["edge256"]
STORED = CompilerOptions(materialize=True)


def ops(compiled: Compiled) -> list[str]:
    """Kind of each layer, with a mark behind those that use the table."""
    found = compiled.network.ops
    return [op.kind + "*" * (op.table is not None) for op in found]


def same_quant(graph: Graph, tensor: str, other: str) -> Graph:
    """The graph with the parameters of ``other`` for ``tensor``."""
    quant = graph.tensors[other].quant
    changed = dataclasses.replace(graph.tensors[tensor], quant=quant)
    return dataclasses.replace(graph, tensors={**graph.tensors, tensor: changed})


@pytest.mark.parametrize("config", (TINY, EDGE), ids=lambda c: c.name)
@pytest.mark.parametrize("op", FUNCTIONS)
def test_a_function_alone_and_behind_every_kind_of_layer(op, config, seed):
    makers = (
        lambda n: "input",
        lambda n: n.conv("input", 9),
        lambda n: n.depthwise("input"),
        lambda n: n.add(n.conv("input", 8, kernel=(1, 1)), "input"),
        lambda n: n.add("input", "input"),
        lambda n: n.pool("avg_pool2d", "input", (3, 3), padding=(1, 1, 1, 1)),
        lambda n: n.pool("max_pool2d", "input", (2, 2)),
        lambda n: n.op("pad", ("input",), padding=(0, 1, 2, 0)),
        lambda n: n.dense("input", 11),
    )
    for maker in makers:
        net = Net((9, 8, 8))
        graph = net.finish(net.function(op, maker(net)), seed=seed)
        for materialize in (False, True):
            stored = check(graph, config, materialize, seed)
            assert stored == (len(graph.nodes) if materialize else 1)


def test_a_function_leaves_with_the_layer_before_it():
    net = Net((4, 4, 3))
    x = net.function("hard_swish", net.conv("input", 4, kernel=(1, 1)))
    y = net.add(net.conv(x, 4, kernel=(1, 1)), x)
    graph = net.finish(net.function("tanh", net.function("silu", y)))
    fused = compile(graph, TINY)
    assert ops(fused) == ["conv2d+hard_swish*", "conv2d+add+silu+tanh*"]
    missing = mapping(fused)["not_stored"]
    assert missing == [n.outputs[0] for n in graph.nodes[:-1]]
    assert ops(compile(graph, TINY, STORED)) == [
        "conv2d",
        "hard_swish*",
        "conv2d",
        "add",
        "silu*",
        "tanh*",
    ]


@pytest.mark.parametrize("case", ("output", "two readers", "part of a concatenation"))
def test_a_function_stays_alone_where_its_input_is_wanted(case):
    net = Net((4, 4, 4))
    x = net.conv("input", 4, kernel=(1, 1))
    y = net.function("tanh", x)
    outputs = [x] if case == "output" else []
    if case == "two readers":
        y = net.add(y, x)
    if case == "part of a concatenation":
        outputs = [net.op("concatenation", (x, net.conv("input", 4, kernel=(1, 1))))]
    graph = net.finish(y, *outputs)
    assert "tanh*" in ops(compile(graph, TINY))
    assert check(graph, TINY, False, 1)


def test_a_function_of_a_part_of_a_concatenation_goes_where_it_belongs():
    net = Net((4, 4, 4))
    parts = [net.function(op, net.conv("input", 4, kernel=(1, 1))) for op in ("silu", "gelu")]
    graph = net.finish(net.conv(net.op("concatenation", tuple(parts)), 5))
    assert ops(compile(graph, TINY)) == ["conv2d+silu*", "conv2d+gelu*", "conv2d"]
    assert check(graph, TINY, False, 2)


@pytest.mark.parametrize("op", ("relu", "relu6", "relu_n1_to_1"))
@pytest.mark.parametrize("residual", (False, True))
def test_what_only_clamps_takes_no_table(op, residual):
    net = Net((5, 4, 6))
    x = net.conv("input", 6, kernel=(1, 1))
    x = net.add(x, "input") if residual else x
    y = net.function(op, x)
    graph = same_quant(net.finish(y), y, x)
    kind = f"conv2d+add+{op}" if residual else f"conv2d+{op}"
    assert ops(compile(graph, TINY)) == [kind]
    assert ops(compile(graph, TINY, STORED))[-1] == op
    for materialize in (False, True):
        assert check(graph, TINY, materialize, 3)


def test_a_clamp_behind_a_table_is_in_the_table():
    net = Net((5, 4, 6))
    x = net.function("silu", net.conv("input", 6))
    y = net.function("relu", x)
    graph = same_quant(net.finish(y), y, x)
    assert ops(compile(graph, TINY)) == ["conv2d+silu+relu*"]
    assert check(graph, TINY, False, 4)


def table_loads(compiled: Compiled) -> list[int]:
    return [c.layer for c in compiled.commands if c.opcode == Opcode.LOAD and " table " in c.text]


def test_a_layer_of_many_executes_loads_its_table_once():
    config = with_values(TINY, {"scratchpad_bytes": 64 * TINY.line_bytes})
    net = Net((20, 12, 24))
    graph = net.finish(net.function("gelu", net.conv("input", 40, kernel=(1, 1))))
    compiled = compile(graph, config)
    plan = compiled.plans[0]
    assert len(plan.tiles) > 1 and len(plan.chunks) > 1
    assert table_loads(compiled) == [0]
    net = Net((6, 6, 5))
    x = net.pool("avg_pool2d", "input", (3, 3), padding=(1, 1, 1, 1))
    regions = compile(net.finish(net.function("silu", x)), TINY)
    executes = [c for c in regions.commands if c.opcode == Opcode.EXECUTE]
    assert len(executes) == 9 and all(c.fields["table"] for c in executes)
    assert table_loads(regions) == [0]


def test_the_table_is_waited_for():
    """The last LOAD that the second layer waits for is its table's."""
    net = Net((6, 6, 5))
    x = net.conv("input", 8)
    compiled = compile(net.finish(net.function("tanh", net.conv(x, 8))), TINY)
    commands = list(compiled.commands)
    last = max(i for i, c in enumerate(commands) if c.opcode == Opcode.EXECUTE)
    load, execute, store = commands[last].waits
    loads = [c for c in commands if c.opcode == Opcode.LOAD]
    assert " table " in loads[load - 1].text
    commands[last] = dataclasses.replace(commands[last], waits=(load - 1, execute, store))
    first, count = loads[load - 1].fields["scratchpad_addr"], TINY.table_words
    found = hazards(encode_commands(commands, TINY), TINY)
    assert len(found) == count
    assert all(any(f"('scratchpad', {w})" in f for f in found) for w in range(first, first + count))


def test_an_output_too_fine_for_hard_swish_is_refused():
    net = Net((4, 4, 3))
    graph = net.finish(net.function("hard_swish", "input"))
    fine = dataclasses.replace(graph.tensors["hard_swish0"], quant=Quant((1e-6,), (0,)))
    graph.tensors["hard_swish0"] = fine
    with pytest.raises(UnsupportedError) as fault:
        compile(graph, TINY)
    assert str(fault.value).startswith("node 'hard_swish0' (hard_swish): y_scale must be at least")


def test_equal_graphs_of_random_tables_give_equal_tables():
    def table(seed: int) -> np.ndarray:
        net = Net((4, 4, 3))
        graph = net.finish(net.function("lookup", "input"), seed=seed)
        data = graph.tensors[graph.nodes[0].inputs[1]].data
        assert data is not None and data.dtype == np.int8
        return data

    np.testing.assert_array_equal(table(1), table(1))
    assert not np.array_equal(table(1), table(2))
