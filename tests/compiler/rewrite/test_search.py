"""``compiler rewrite --search``: a budget of cycles that is kept, with the least error."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from compiler.command_line import main
from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx
from compiler.ir.counts import macs
from compiler.rewrite import rewrite
from compiler.rewrite.chain import loss_of
from compiler.rewrite.graph_network import GraphNetwork
from compiler.rewrite.onnx_network import OnnxNetwork
from compiler.rewrite.rules import wanted
from compiler.rewrite.search import Search, limit_of
from compiler.zoo.builder import GraphBuilder
from tests.support.float_onnx import FloatNet

WIDTHS = (16, 24, 16, 24)
RANKS = (2, 4, 6)


class Products:
    """A machine that takes a cycle for each multiply-accumulate."""

    def cycles(self, graph):
        return sum(macs(graph).values())


def weights(generator, outputs, inputs, fall):
    """A matrix whose singular values fall by a factor each."""
    left, _, right = np.linalg.svd(generator.normal(size=(outputs, inputs)), full_matrices=False)
    return (left * fall ** np.arange(left.shape[1])) @ right


@pytest.fixture
def model(generator):
    """Pointwise layers ``layer0`` and on, the later the easier to make of low rank."""
    net = FloatNet(generator)
    x = net.input("N", WIDTHS[0], 4, 4, name="x")
    for i, (inputs, outputs) in enumerate(itertools.pairwise(WIDTHS)):
        w = weights(generator, outputs, inputs, 0.9 - 0.3 * i)[:, :, None, None]
        x = net.node(
            "Relu", net.node("Conv", x, net.constant(w.astype(np.float32), f"layer{i}.weight"))
        )
    net.output(x)
    return net.bytes()


@pytest.fixture
def search(model, tmp_path):
    network = OnnxNetwork(parse_onnx(model, tmp_path))
    net = GraphBuilder("net", (4, 4, WIDTHS[0]))
    x = "input"
    for i, outputs in enumerate(WIDTHS[1:]):
        x = net.conv(f"layer{i}", x, outputs, 1, activation="relu")
    rules = [wanted(f"low_rank={rank}") for rank in RANKS]
    return network, Search(network, net.finish(x), rules, None, Products(), lambda *_: None)


def best(network, before, limit):
    """The least error of all choices of a rank, or none, for each layer."""
    options = []
    for layer in network.layers():
        own = [(0.0, 0)]
        for rank in RANKS:
            chain = wanted(f"low_rank={rank}").rule.forms[""].chain(layer, rank, None)
            full = layer.inputs * layer.outputs
            saved = 16 * (full - rank * (layer.inputs + layer.outputs))
            own.append((loss_of(layer, chain.values, None), saved))
        options.append(own)
    sums = (tuple(map(sum, zip(*each, strict=True))) for each in itertools.product(*options))
    return min(error for error, saved in sums if before - saved <= limit)


@pytest.mark.parametrize("share", [0.95, 0.8, 0.65, 0.5])
def test_the_error_is_nearly_the_least_of_all_choices(share, search):
    network, found = search
    limit = int(share * found.before)
    rules = found.within(limit)
    layers = {layer.name: layer for layer in network.layers()}
    structure, error = GraphNetwork(found._graph), 0.0
    for rule in rules:
        (name,) = rule.layers
        chain = rule.rule.forms[""].chain(layers[name], rule.value, None)
        error += loss_of(layers[name], chain.values, None)
        structure.replace(name, chain.layers)
    assert Products().cycles(structure.graph) <= limit
    assert error <= 1.5 * best(network, found.before, limit) + 1e-9


def test_a_budget_out_of_reach_is_refused(search):
    _, found = search
    for limit, named in ((100, "the fewest"), (found.before, "the model takes")):
        with pytest.raises(InputError, match=named):
            found.within(limit)


@pytest.mark.parametrize(
    ("rule", "named"), [("convfirst", "keep weights"), ("low_rank@layer9", "'layer9'")]
)
def test_a_rule_that_is_not_searched_is_refused(rule, named, search):
    network, found = search
    rules = [wanted("low_rank"), wanted(rule)]
    with pytest.raises(InputError, match=named):
        Search(network, found._graph, rules, None, Products(), lambda *_: None)


def test_the_limit_that_is_missed_is_the_one_that_was_given(model, tmp_path, capsys, monkeypatch):
    """The next search, for the cycles that the result took too much, has a limit of its own."""
    path, figures = tmp_path / "net.onnx", rewrite.figures
    path.write_bytes(model)
    before = []

    def slow(graph, estimator):
        found = figures(graph, estimator)
        before.append(found.cycles)
        return found if len(before) == 1 else dataclasses.replace(found, cycles=7 * before[0])

    monkeypatch.setattr(rewrite, "figures", slow)
    words = ["--rule", "low_rank=2", "--search", "cycles<=0.9x", "--preset", "tiny"]
    assert main(["rewrite", str(path), *words, "-o", str(tmp_path / "out.onnx")]) == 2
    wanted, reached = f"{int(0.9 * before[0]):,}", f"{7 * before[0]:,}"
    assert f"--search: {wanted} cycles; {reached} were reached" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["cycles<=2x", "macs<=0.5x", "cycles<0.5x", "cycles<=0", ""])
def test_an_expression_that_cannot_be_is_named(text):
    with pytest.raises(InputError, match="--search"):
        limit_of(text)


def test_the_file_keeps_the_budget_and_its_rules_make_it_again(model, tmp_path, capsys):
    path, out = tmp_path / "net.onnx", tmp_path / "out.onnx"
    path.write_bytes(model)

    def run(*words):
        words = ["rewrite", str(path), *words, "--preset", "tiny", "-o", str(out), "--json"]
        assert main(words) == 0
        return json.loads(capsys.readouterr().out), out.read_bytes()

    found, data = run("--rule", "low_rank=2", "--search", "cycles<=0.85x")
    assert found["limit"] == int(0.85 * found["before"]["cycles"])
    assert found["after"]["cycles"] <= found["limit"]
    again, same = run(*itertools.chain(*(("--rule", rule) for rule in found["rules"])))
    assert same == data and again["after"] == found["after"]
