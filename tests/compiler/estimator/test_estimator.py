"""The estimator against the way of ``map`` and ``sim run``, to the cycle."""

import random
from dataclasses import replace

import pytest

from compiler import driver, zoo
from compiler.codegen import execute
from compiler.codegen.program import write_program
from compiler.errors import CompilerError, InputError
from compiler.estimator import Estimator
from compiler.ir.graph import Graph, Quant
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from compiler.passes import lower_node
from compiler.schedule import candidates
from hw.spec.config import preset, with_values
from sim.program_reader import read_program
from sim.report import summary
from sim.simulation import run_timing
from tests.compiler.graphs import Net
from tests.support import random_layers
from tests.support.mutated_networks import (
    Block,
    mutated,
    network,
)

SMALL = (Block(1, 8, 1), Block(4, 16, 2), Block(4, 16, 1), Block(6, 24, 2), Block(6, 24, 1))


def mapped(graph, config, folder, options=None):
    """The run as ``map --json`` gives it, of a quantised graph."""
    write_program(driver.compile(graph, config, options), folder)
    program = read_program(folder)
    return summary(program, run_timing(program))


def same(found, wanted):
    """Whether a latency says what ``map --json`` does."""
    units = found.mac_units
    plain = {**vars(found), "utilization": found.utilization}
    layers = plain.pop("layers")
    return plain == {key: wanted[key] for key in plain} and all(
        _same_layer(layer, units, other)
        for layer, other in zip(layers, wanted["layers"], strict=True)
    )


def _same_layer(layer, units, wanted):
    """Whether times and causes of idle cycles are those of a layer of the object."""
    plain = {**vars(layer), "utilization": layer.macs / (units * layer.cycles)}
    causes = plain.pop("causes")
    idle = {name: causes[name] for name in causes.keys() & wanted["lost"].keys()}
    return (
        len(idle) == len(causes) - 1
        and plain == {key: wanted[key] for key in plain}
        and idle == {name: wanted["lost"][name] for name in idle}
    )


def check_mutated(name, seed, count, tmp_path):
    """Compare ``count`` networks, each with a change to the one before, for a preset."""
    draw, config, blocks = random.Random(seed), preset(name), SMALL
    estimator = Estimator(config)
    for _ in range(count):
        blocks = mutated(blocks, draw)
        graph = network(blocks, size=32, stem=8, head=64, classes=20)
        wanted = mapped(randomize(graph), config, tmp_path)
        assert same(estimator.latency(graph), wanted), blocks
        assert estimator.cycles(graph) == wanted["cycles"]


def check_mutated_with_cascades(seed, count, tmp_path):
    """Likewise where maps pass through memory, so that layers form chains and run in many tiles."""
    draw, blocks = random.Random(seed), SMALL
    config = with_values(preset("tiny"), {"scratchpad_bytes": 256 * preset("tiny").line_bytes})
    estimator = Estimator(config)
    whole = driver.compile(randomize(network(blocks, size=48, stem=8, head=64)), config)
    assert whole.segments[0].plan.cascades
    for _ in range(count):
        graph = network(blocks, size=48, stem=8, head=64, classes=20)
        assert same(estimator.latency(graph), mapped(randomize(graph), config, tmp_path)), blocks
        blocks = mutated(blocks, draw)


@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_mutated_networks(name, seed, tmp_path):
    check_mutated(name, seed, 4, tmp_path)


def test_mutated_networks_with_cascades(seed, tmp_path):
    check_mutated_with_cascades(seed, 3, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", ("tiny", "edge256"))
def test_many_mutated_networks(name, seed, tmp_path):
    check_mutated(name, seed + 1, 12, tmp_path)


@pytest.mark.full
def test_many_mutated_networks_with_cascades(seed, tmp_path):
    check_mutated_with_cascades(seed + 1, 8, tmp_path)


MACHINES = {
    "rows": (4, 8),
    "cols": (4, 8),
    "line_words": (4, 8),
    "queue_depth": (2, 4),
    "memory": (
        {"latency": 16},
        {"latency": 100},
        {"bytes_per_cycle": 2},
    ),
    "scratchpad_bytes": (1 << 14, 3 << 13, 1 << 16),
}


def other_machine(draw):
    """``tiny`` with a few other keys."""
    keys = draw.sample(sorted(MACHINES), draw.randrange(1, 4))
    return with_values(preset("tiny"), {key: draw.choice(MACHINES[key]) for key in keys})


def check_shared(seed, count):
    """Estimators of machines that share what they know answer as those that share nothing."""
    draw, shared, blocks = random.Random(seed), None, SMALL
    for _ in range(count):
        config = other_machine(draw)
        graph = network(blocks, size=32, stem=8, head=64, classes=20)
        shared = Estimator(config, like=shared)
        wanted = Estimator(config)
        assert vars(shared.latency(graph)) == vars(wanted.latency(graph)), (config, blocks)
        if draw.random() < 0.5:
            blocks = mutated(blocks, draw)


def test_machines_share_what_does_not_depend_on_them(seed):
    check_shared(seed, 3)


@pytest.mark.full
def test_many_machines_share_what_does_not_depend_on_them(seed):
    check_shared(seed + 1, 60)


def test_a_machine_with_another_latency_plans_nothing_anew(monkeypatch):
    made = []
    for module, name in ((candidates, "_candidate"), (execute, "_executes")):
        monkeypatch.setattr(module, name, noted(getattr(module, name), made))
    graph = network(SMALL, size=32, stem=8, head=64, classes=20)
    first = Estimator("tiny")
    first.cycles(graph)
    assert made
    made.clear()
    slow = with_values(preset("tiny"), {"memory": {"latency": 100}, "queue_depth": 2})
    Estimator(slow, like=first).cycles(graph)
    assert not made


def test_layers_and_steps_are_remembered(monkeypatch):
    """Otherwise the comparisons above would say nothing about them."""
    made = []
    for module, name in ((lower_node, "_lowered"), (execute, "_executes")):
        monkeypatch.setattr(module, name, noted(getattr(module, name), made))
    estimator, counts = Estimator(preset("tiny")), []
    for width in (24, 32):
        made.clear()
        blocks = (*SMALL[:-1], Block(6, width, 1))
        estimator.cycles(network(blocks, size=32, stem=8, head=64, classes=20))
        counts.append([made.count(name) for name in ("_lowered", "_executes")])
    assert all(0 < second < first / 2 for first, second in zip(*counts, strict=True)), counts


def noted(function, names):
    """The function, noting its name at every call."""

    def call(*arguments):
        names.append(function.__name__)
        return function(*arguments)

    return call


@pytest.mark.parametrize(
    "name",
    (
        "mobilenet_v3_small",
        "shufflenet_v2",
        "squeezenet_1_1",
        "retinaface_mnet025_ssh",
        "resnet20",
    ),
)
def test_networks_of_all_kinds(name, tmp_path):
    graph, config = zoo.build(name, zoo.reduced_size(name)), preset("edge256")
    wanted = mapped(randomize(graph), config, tmp_path)
    assert same(Estimator(config).latency(graph), wanted)


def test_networks_with_weights(seed, tmp_path):
    print(f"seed {seed}")
    config = preset("tiny")
    estimator = Estimator(config)
    for number in range(8):
        graph = random_layers.random_layer(config, seed + number).graph
        assert same(estimator.latency(graph), mapped(graph, config, tmp_path)), number


def test_options(tmp_path):
    graph, config = network(SMALL, size=32, stem=8, head=64, classes=20), preset("tiny")
    options = CompilerOptions(materialize=True)
    wanted = mapped(randomize(graph), config, tmp_path, options)
    assert same(Estimator(config, options).latency(graph), wanted)


def test_runs_are_resumed():
    """Otherwise the comparisons above would say nothing about it."""
    estimator, restored = Estimator(preset("tiny")), []
    for width in (24, 32):
        blocks = (*SMALL[:-1], Block(6, width, 1))
        estimator.cycles(network(blocks, size=32, stem=8, head=64, classes=20))
        restored.append(estimator.prefixes.restored)
    assert restored[0] == 0 and restored[1] > 0


def test_a_wrong_graph_is_refused():
    graph = network(SMALL, size=32, stem=8, head=64, classes=20)
    graph.outputs = ("nothing",)
    with pytest.raises(InputError, match="nothing"):
        Estimator(preset("tiny")).cycles(graph)


@pytest.mark.parametrize(
    "quant",
    [
        Quant((0.1,), (500,)),
        Quant((float("nan"),), (0,)),
        Quant((0.1, 0.1, 0.1), (0, 0, 0), 3),
    ],
    ids=["zero point", "scale", "channels"],
)
def test_parameters_that_map_refuses_are_refused(quant):
    graph = network(SMALL, size=32, stem=8, head=64, classes=20)
    (name,) = graph.inputs
    tensors = graph.tensors | {name: replace(graph.tensors[name], quant=quant)}
    with pytest.raises(CompilerError, match=name):
        Estimator(preset("tiny")).cycles(replace(graph, tensors=tensors))


def test_a_network_of_functions_gets_parameters(tmp_path):
    net = Net((6, 5, 3))
    net.op("tanh", ("input",))
    bare = Graph("tanh", net.tensors, net.nodes, ("input",), (net.nodes[-1].name,))
    wanted = mapped(randomize(bare), preset("tiny"), tmp_path)
    assert same(Estimator(preset("tiny")).latency(bare), wanted)
