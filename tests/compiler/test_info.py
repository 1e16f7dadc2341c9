"""``compiler info``: a model at a glance."""

from __future__ import annotations

import json

import pytest

from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    net = GraphBuilder("net", (9, 8, 3))
    x = net.conv("stem", "input", 8, 3, stride=2, activation="relu6")
    x = net.layer_norm("norm", net.add("add", x, net.depthwise("depthwise", x, 3)))
    graph = net.finish(net.fully_connected("logits", x, 5))
    return str(write_model(randomize(graph), tmp_path_factory.mktemp("model") / "net.json"))


def test_figures_are_those_of_map(model, tmp_path, capsys):
    assert main(["info", model, "--preset", "tiny", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["map", model, "-o", str(tmp_path / "out"), "--preset", "tiny", "--json"]) == 0
    mapped = json.loads(capsys.readouterr().out)
    assert found["maps"] and found["segments"] == 2
    for key in ("network", "preset", "model_macs", "host_macs"):
        assert found[key] == mapped[key], key
    host = json.loads((tmp_path / "out" / "mapping.json").read_text())["host"]
    assert [x["node"] for x in host] == ["norm"]
    for node in host:
        (layer,) = (x for x in found["layers"] if x["name"] == node["node"])
        assert (layer["place"], layer["reason"]) == ("host", node["reason"])


def test_layers_have_macs_and_parameters_by_hand(model, capsys):
    assert main(["info", model, "--json"]) == 0
    layers = {x["name"]: x for x in json.loads(capsys.readouterr().out)["layers"]}
    assert list(layers) == ["stem", "depthwise", "add", "norm", "logits"]
    assert layers["stem"]["macs"] == 5 * 4 * 8 * 3 * 3 * 3
    assert layers["stem"]["parameters"] == 8 * 3 * 3 * 3 + 8
    assert layers["stem"]["output_shape"] == [1, 5, 4, 8]
    assert layers["logits"]["macs"] == 5 * 4 * 8 * 5
    assert layers["add"]["macs"] == layers["add"]["parameters"] == 0
    assert {x["place"] for name, x in layers.items() if name != "norm"} == {"array"}


def test_the_text_names_the_hosts_layers_and_reasons(model, capsys):
    assert main(["info", model]) == 0
    text = capsys.readouterr().out
    assert "On the host: norm (layer_norm): each pixel" in text
    assert "in 2 runs of the machine" in text


def test_a_model_that_does_not_map_is_refused_as_map_does(tmp_path, capsys):
    net = GraphBuilder("deep", (4, 4, 4000))
    graph = net.finish(net.conv("wide", "input", 8, 3))
    path = str(write_model(graph, tmp_path / "deep.json"))
    errors = []
    for words in (["info", path], ["map", path, "-o", str(tmp_path / "out")]):
        assert main([*words, "--preset", "tiny"]) == 2
        errors.append(capsys.readouterr().err)
    assert errors[0] == errors[1] and "'wide'" in errors[0]
