"""``compiler rewrite``: files, figures and faults."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import pytest

from compiler import zoo
from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.rewrite.rules import Wanted, wanted
from compiler.zoo.builder import GraphBuilder
from tests.support.float_onnx import FloatNet, calibration_of, mobile_net
from tests.support.onnx_builder import run_onnx


@pytest.fixture
def model(tmp_path, generator):
    """A float model with an open batch."""
    path = tmp_path / "net.onnx"
    path.write_bytes(mobile_net(generator).bytes())
    return path


def small():
    net = GraphBuilder("small", (12, 12, 8))
    x = net.conv("stem", "input", 16, 3, activation="relu")
    return net.finish(net.fully_connected("logits", x, 10))


def run(capsys, *words):
    assert main(["rewrite", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def latency(capsys, *words):
    assert main(["latency", *map(str, words), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["networks"]
    return found


def test_a_float_model_keeps_its_form_and_its_figures_are_those_of_map(
    model, tmp_path, generator, capsys
):
    out, samples = tmp_path / "out.onnx", calibration_of(tmp_path / "x.npy", generator)
    words = ["--calibrate", samples, "--preset", "tiny"]
    found = run(capsys, model, "--rule", "low_rank=0.5", *words, "-o", out)
    assert found["files"] == [str(out)] and not found["refused"]
    assert [c["rule"] for c in found["changes"]] == ["low_rank"] * len(found["changes"])
    old, new = onnx.load(model), onnx.load(out)
    onnx.checker.check_model(new, full_check=True)
    assert new.graph.input[0] == old.graph.input[0], "the batch stays open"
    for key, path in (("before", model), ("after", out)):
        assert main(["map", str(path), *map(str, words), "-o", str(tmp_path / key), "--json"]) == 0
        mapped = json.loads(capsys.readouterr().out)
        for name in ("cycles", "utilization", "dram_read_bytes", "dram_write_bytes"):
            assert found[key][name] == mapped[name], (key, name)
    x = np.load(samples)
    (was,), (now,) = (run_onnx(path.read_bytes(), {"image": x}) for path in (model, out))
    ratio = 10 * np.log10(np.square(was).sum() / np.square(now - was).sum())
    (sqnr,) = found["fidelity"]["sqnr_db"].values()
    assert sqnr == pytest.approx(ratio, abs=1e-3)
    assert found["fidelity"]["agreement"] == (was.argmax(1) == now.argmax(1)).mean()


def test_a_model_without_weights_stays_one(tmp_path, capsys):
    """The same layers written down by hand take the same cycles."""
    out, source = tmp_path / "out.json", write_model(small(), tmp_path / "small.json")
    found = run(capsys, source, "--rule", "depthwise_svd=2@stem", "-o", out)
    (change,) = found["changes"]
    assert change["weights"] == "none" and found["fidelity"] is None
    net = GraphBuilder("small", (12, 12, 8))
    x = net.depthwise("stem/depthwise", "input", 3, multiplier=2)
    x = net.conv("stem/pointwise", x, 16, 1, activation="relu")
    by_hand = write_model(net.finish(net.fully_connected("logits", x, 10)), tmp_path / "hand.json")
    rows = [latency(capsys, path) for path in (out, by_hand)]
    assert rows[0]["cycles"] == rows[1]["cycles"] == found["after"]["cycles"]
    assert latency(capsys, source)["cycles"] == found["before"]["cycles"]
    assert found["after"]["macs"] == rows[1]["model_macs"]


def test_the_context_modules_become_those_of_the_zoo(tmp_path, capsys):
    """Counts of the paper: 34,560 weights of a module become 5,824 (docs/networks.md)."""
    out, (ssh, by_hand) = (
        tmp_path / "out.json",
        (
            write_model(
                zoo.build(f"retinaface_mnet025_{name}", (64, 64)), tmp_path / f"{name}.json"
            )
            for name in ("ssh", "ddc")
        ),
    )
    found = run(capsys, ssh, "--rule", "ddc", "-o", out)
    assert [c["parameters"] for c in found["changes"]] == [5824 + 64] * 3
    assert [c["parameters_before"] for c in found["changes"]] == [34560 + 96] * 3
    wanted = latency(capsys, by_hand)
    assert found["after"]["cycles"] == wanted["cycles"]
    assert found["after"]["macs"] == wanted["model_macs"]


def test_what_training_needs_is_written_beside(model, tmp_path, capsys):
    out = tmp_path / "out.onnx"
    found = run(capsys, model, "--rule", "bsconv_s=0.5", "--preset", "tiny", "-o", out)
    notes = tmp_path / "out.training.json"
    assert found["files"] == [str(out), str(notes)]
    orthonormal = json.loads(notes.read_text())["orthonormal"]
    names = {node.name for node in onnx.load(out).graph.node}
    assert orthonormal["factor"] == 0.1 and orthonormal["layers"]
    assert names.issuperset(orthonormal["layers"])


def test_the_table_says_what_is_structure_only(tmp_path, capsys):
    words = ["mbconv_block", "--rule", "convfirst", "-o", str(tmp_path / "out.json")]
    assert main(["rewrite", *words]) == 0
    text = capsys.readouterr().out
    assert "no weights" in text and "cycles" in text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{model}", "--rule", "low_rank", "-o", "{folder}/y.json"], ".onnx is accepted"),
        (["{model}", "--rule", "low_rank", "-o", "{folder}/none/y.onnx"], "none"),
        (["{model}", "--rule", "low_rank", "-o", "{model}"], "is the model itself"),
        (["{model}", "--rule", "rank", "-o", "{folder}/y.onnx"], "'rank'"),
        (["{model}", "--rule", "low_rank@x", "-o", "{folder}/y.onnx"], "net.onnx"),
        (["{whole}", "--rule", "low_rank", "-o", "{folder}/y.json"], "quantised"),
        (["small", "--rule", "low_rank", "-o", "{folder}/y.json"], "small"),
        (["{bare}", "--rule", "low_rank", "--calibrate", "x", "-o", "{folder}/y.json"], "float"),
    ],
)
def test_faults_are_one_line_and_write_nothing(words, named, model, tmp_path, capsys):
    graph = small()
    places = {
        "model": model,
        "folder": tmp_path,
        "bare": write_model(graph, tmp_path / "bare.json"),
        "whole": write_model(
            dataclasses.replace(randomize(graph), random_weights=False), tmp_path / "whole.json"
        ),
    }
    assert main(["rewrite", *(word.format(**places) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ") and named in err
    assert not list(tmp_path.glob("y.*"))


def test_notes_for_training_go_with_the_model_that_they_are_for(model, tmp_path, capsys):
    out, notes = tmp_path / "out.onnx", tmp_path / "out.training.json"
    run(capsys, model, "--rule", "bsconv_s", "-o", out)
    assert notes.is_file()
    run(capsys, model, "--rule", "low_rank", "-o", out)
    assert not notes.exists()


def test_nodes_of_one_name_are_layers_of_their_own(tmp_path, generator, capsys):
    """Names are those of ``compiler info``; a comma in one is written as any character."""
    net, path = FloatNet(generator), tmp_path / "net.onnx"
    x = net.input("N", 16, 4, 4, name="x")
    for _ in range(3):
        x = net.node("Relu", net.node("Conv", x, net.random(16, 16, 1, 1)))
    net.output(x)
    named = onnx.ModelProto.FromString(net.bytes())
    for node in named.graph.node:
        node.name = "a,b" if node.op_type == "Conv" else node.name
    path.write_bytes(named.SerializeToString())
    assert main(["info", str(path), "--json"]) == 0
    names = [layer["name"] for layer in json.loads(capsys.readouterr().out)["layers"]]
    assert names == ["a,b", "a,b_1", "a,b_2"]
    out = tmp_path / "out.onnx"
    found = run(capsys, path, "--rule", "low_rank=4@a?b_1", "-o", out)
    assert [change["layers"] for change in found["changes"]] == [["a,b_1"]]
    assert len(onnx.load(out).graph.node) == 7
    assert wanted(wanted("low_rank@a?b").text).chooses("a,b")
    assert Wanted("low_rank", "", None, ("a,b",)).text == "low_rank@a?b"
