"""Maps of one column: run as one row, with golden's values and a row's cycles."""

import random
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.passes.columns_as_rows import NOTE
from golden.network import run
from hw.spec.config import PRESETS
from sim.program_reader import program_of
from sim.simulation import run_timing, run_values
from tests.compiler.graphs import Net

TINY, EDGE = PRESETS["tiny"], PRESETS["edge256"]


def turned(tall, pair):
    return pair if tall else pair[::-1]


def network(tall, seed):
    """Convolutions over 30 to 90 pixels one above the other, or the same side by side."""
    rng = random.Random(seed)
    net = Net((*turned(tall, (rng.randint(30, 90), 1)), rng.choice((1, 3, 8, 20))))

    def window(kernel, stride=1, dilation=1):
        before, after = (rng.randrange(kernel) for _ in range(2))
        padding = (before, after, 0, 0) if tall else (0, 0, before, after)
        return {
            "kernel": turned(tall, (kernel, 1)),
            "stride": turned(tall, (stride, 1)),
            "padding": padding,
        } | ({"dilation": turned(tall, (dilation, 1))} if dilation > 1 else {})

    x = net.conv("input", rng.randint(1, 20), **window(rng.randint(1, 9), rng.randint(1, 3)))
    y = net.depthwise(x, **window(rng.randint(1, 5), 1, rng.randint(1, 2)))
    y = net.pool(rng.choice(("avg_pool2d", "max_pool2d")), y, **window(rng.randint(1, 3), 2))
    y = net.conv(y, 8, turned(tall, (1, 1)))
    y = net.add(y, net.conv(y, 8, turned(tall, (1, 1)), activation="relu"))
    if rng.random() < 0.5:
        y = net.op("mean", (y,))
    return net.finish(net.dense(y, 5), name="tall" if tall else "flat", seed=seed)


def compiled(graph, config):
    found = compile(graph, config)
    return found, program_of(Path(), np.frombuffer(image(found), np.uint8), mapping(found))


@pytest.mark.parametrize("case", range(8))
def test_values_are_golden_s(case, seed):
    graph = network(True, seed + case)
    _, program = compiled(graph, (TINY, EDGE)[case % 2])
    values = np.random.default_rng(seed).integers(-128, 128, graph.tensors["input"].shape)
    inputs = {"input": values.astype(np.int8)}
    expected = run(graph.to_dict(), inputs, keep=True)
    tensors = program.tensors(run_values(program, inputs))
    assert set(tensors) >= set(graph.outputs)
    for tensor, values in tensors.items():
        np.testing.assert_array_equal(values, expected[tensor], err_msg=tensor)


@pytest.mark.parametrize("config", (TINY, EDGE), ids=lambda c: c.name)
def test_a_column_takes_the_cycles_of_a_row(config):
    runs = []
    for tall in (True, False):
        found, program = compiled(network(tall, 3), config)
        runs.append(run_timing(program).cycles)
        assert any(NOTE in op.notes for op in found.network.ops) == tall
    assert runs[0] == runs[1]


def test_a_map_of_several_columns_stays():
    net = Net((12, 1, 8))
    x = net.resize(net.conv("input", 8, (3, 1)), (10, 4))
    found, _ = compiled(net.finish(net.conv(x, 8, (1, 3))), TINY)
    assert not any(NOTE in op.notes for op in found.network.ops)
