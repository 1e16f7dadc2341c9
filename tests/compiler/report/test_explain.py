"""``map --explain``: what was weighed for each layer, and that the choice is the cheapest of it."""

import contextlib
import dataclasses
import io
import json
from itertools import pairwise
from unittest import mock

import pytest

from compiler import zoo
from compiler.command_line import main
from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from compiler.report.explain import explanation
from compiler.report.explain_tables import print_explanation
from compiler.schedule.live_ranges import live_ranges
from compiler.schedule.planner import Planner
from hw.spec.config import preset, with_values
from tests.compiler.graphs import Net
from tests.support.random_cascades import random_cascade
from tests.support.random_layers import random_layer

SMALL = ("--preset", "tiny", "--set", "scratchpad_bytes=5120")


def network():
    """A map larger than the scratchpad, a chain, and layers that leave no room for all maps."""
    net = Net((24, 24, 3))
    x = net.conv("input", 16, stride=(2, 2), padding=(1, 1, 1, 1))
    x = net.conv(x, 40, kernel=(1, 1))
    x = net.depthwise(x, padding=(1, 1, 1, 1))
    x = net.conv(x, 16, kernel=(1, 1))
    x = net.add(net.conv(x, 16, padding=(1, 1, 1, 1)), x)
    return net.finish(net.conv(net.pool("avg_pool2d", x, (3, 3), (3, 3)), 12, kernel=(1, 1)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(network(), tmp_path_factory.mktemp("model") / "small.json")


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    """Maps the model on a small scratchpad, with a cache of the module's own."""
    root = tmp_path_factory.mktemp("explain")

    def call(*options):
        out, err = io.StringIO(), io.StringIO()
        words = ["map", str(model), "-o", str(root / "out"), *SMALL, *options]
        with (
            mock.patch("compiler.map_cache.cache_root", lambda: root / "cache"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            assert main(words) == 0
        files = {path.name: path.read_bytes() for path in (root / "out").iterdir()}
        return out.getvalue(), "from the cache" in err.getvalue(), files

    return call


@pytest.fixture(scope="module")
def explained(run):
    """The JSON object of a mapping with --explain, and its mapping.json."""
    text, _, files = run("--explain", "--json")
    return json.loads(text), json.loads(files["mapping.json"])


def explain(graph, config, options=None):
    return explanation(compile(graph, config, options, Planner(record=True)))


def check_choices(found, searched=True):
    """The taken candidate fits as the others do. If the network is too large for the search around
    its schedule, it is the first of those with the fewest cycles."""
    for layer in found["layers"]:
        candidates, room = layer["candidates"], layer["room_bytes"]
        (chosen,) = [c for c in candidates if c["chosen"]]
        fitting = [c for c in candidates if c["cycles"] is not None]
        assert any(chosen is c for c in fitting)
        assert searched or chosen is min(fitting, key=lambda c: c["cycles"])
        assert all((c["scratchpad_bytes"] <= room) == (c["cycles"] is not None) for c in candidates)
    for cascade in found["cascades"]:
        (chosen,) = [s for s in cascade["strips"] if s["chosen"]]
        assert chosen["scratchpad_bytes"] <= cascade["room_bytes"]
        fitting = [s for s in cascade["strips"] if s["cycles"] is not None]
        assert any(chosen is s for s in fitting)
        assert searched or chosen is min(fitting, key=lambda s: s["cycles"])
    for trial in (*found["cascade_trials"], *found["release_trials"]):
        faster = trial["cycles"] is not None and trial["cycles"] < trial["cycles_before"]
        assert faster or not trial["won"]


def test_layers_of_a_large_network_take_the_cheapest_candidate():
    config = with_values(preset("tiny"), {"scratchpad_bytes": 20480})
    graph = randomize(zoo.build("mobilenet_v1_025", (64, 64)))
    check_choices(explain(graph, config), searched=False)


def test_each_layer_is_explained_in_one_json_object(explained):
    report, mapping = explained
    found = report["explain"]
    check_choices(found)
    names = [layer["name"] for layer in report["layers"]]
    assert [layer["name"] for layer in found["layers"]] == names
    for layer, mapped in zip(found["layers"], mapping["layers"], strict=True):
        (chosen,) = [c for c in layer["candidates"] if c["chosen"]]
        assert (chosen["tiles"], chosen["weight_parts"], chosen["order"]) == (
            mapped["tiles"],
            mapped["chunks"],
            mapped["order"],
        )
        assert chosen["array"] == [4 >> mapped["array_shape"], 4 << mapped["array_shape"]]
        together = f"together with {layer['cascade'][0]}" if layer["cascade"] else "together"
        assert (together in mapped["notes"][0]) == bool(layer["cascade"])
        roles = {m["role"]: m for m in layer["maps"]}
        for text in mapped["residency"].split(", "):
            role = next(r for r in roles if text.removeprefix("network ").startswith(r))
            assert (roles[role]["place"] == "scratchpad") == text.endswith("on chip")


def test_the_trials_lead_to_the_mapping(explained):
    found, mapping = explained[0]["explain"], explained[1]
    won = [t for t in found["cascade_trials"] if t["won"]]
    assert won and won[-1]["cycles"] == mapping["modelled_cycles"]
    assert all(a["cycles"] == b["cycles_before"] for a, b in pairwise(won))
    cascades = {tuple(cascade["layers"]) for cascade in found["cascades"]}
    assert cascades <= {tuple(t["layers"]) for t in won}
    assert cascades == {tuple(x["cascade"]) for x in found["layers"] if x["cascade"]}


def test_reasons(explained):
    """Of maps in the scratchpad and in memory; the whole scratchpad keeps all of them."""
    layers = explained[0]["explain"]["layers"]
    reasons = {m["name"]: m["reason"] for x in layers for m in x["maps"]}
    assert reasons["input"] == "an input of the network"
    assert any(reason.startswith("inside a cascade") for reason in reasons.values())
    assert layers[-1]["maps"][-1]["reason"] == "it fits; stored in memory: an output of the network"
    whole = explain(network(), preset("tiny"))
    maps = [m for x in whole["layers"] for m in x["maps"] if m["name"] != "input"]
    assert {m["place"] for m in maps} == {"scratchpad"}
    stored = explain(network(), preset("tiny"), CompilerOptions(materialize=True))
    outputs = [x["maps"][-1] for x in stored["layers"]]
    assert all(m["reason"].endswith("stored in memory: --materialize") for m in outputs)


def test_the_mapping_is_the_same_and_the_cache_explains_too(explained, run):
    """A mapping without the option comes second, so that neither is the other's entry."""
    plain, cached, files = run("--json")
    assert not cached
    assert {k: v for k, v in explained[0].items() if k != "explain"} == json.loads(plain)
    text, cached, again = run("--explain", "--json")
    assert cached and again == files and json.loads(text) == explained[0]


def test_no_ways_are_kept_unless_asked_for():
    (segment,) = compile(
        network(),
        with_values(preset("tiny"), {"scratchpad_bytes": 160 * preset("tiny").line_bytes}),
    ).segments
    assert segment.plan.trials and not segment.plan.residence.cascades
    assert all(plan.choice is None for plan in segment.plan.plans)


def test_the_tables_on_a_terminal(explained, run):
    text, cached, _ = run("--explain")
    assert cached
    for title in (
        "What was weighed",
        "Where the maps lie",
        "Strips of cascades",
        "Cascades that were tried",
        "an input of the network",
    ):
        assert title in text
    assert "What was weighed" not in run()[0]


JOINT = 95291131
"""A layer whose release trials name a concatenation that no layer reads or writes as a whole."""


@pytest.mark.parametrize("draw", (random_layer, random_cascade))
def test_whatever_is_mapped_is_explained(draw, seed):
    for number in (JOINT, *range(seed, seed + 5)):
        drawn = draw(preset("tiny"), number)
        config = dataclasses.replace(
            drawn.config, scratchpad_bytes=drawn.scratchpad_lines * drawn.config.line_bytes
        )
        try:
            compiled = compile(drawn.graph, config, drawn.options, Planner(record=True))
        except AllocationError:
            continue
        found = explanation(compiled)
        assert len(found["layers"]) == len(compiled.plans)
        print_explanation(found)
        check_choices(found)
        for segment in compiled.segments:
            left, kept = set(segment.plan.residence.departures), set(segment.plan.places)
            assert not left & kept and left | kept == set(live_ranges(segment.plan.network))
