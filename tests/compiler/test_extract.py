"""``compiler extract``: a layer as a model of its own gives what it gives in the whole."""

import shutil

import numpy as np
import pytest

from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.load import load_model
from compiler.zoo.builder import GraphBuilder
from golden.network import run
from sim.command_line import main as sim_main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A mapped network with an addition that is fused into a convolution."""
    net = GraphBuilder("small", (9, 8, 3))
    x = net.conv("stem", "input", 8, 3, stride=2, activation="relu6")
    y = net.conv("project", net.depthwise("depthwise", x, 3), 8, 1)
    graph = randomize(net.finish(net.fully_connected("logits", net.add("add", x, y), 5)))
    place = tmp_path_factory.mktemp("mapped")
    model = write_model(graph, place / "small.json")
    assert main(["map", str(model), "-o", str(place / "out"), "--preset", "tiny", "--json"]) == 0
    np.save(place / "x.npy", np.random.default_rng(3).integers(-128, 128, (1, 9, 8, 3), np.int8))
    return place


@pytest.mark.parametrize(
    ("layer", "ops", "tensor"),
    [
        ("stem", ["conv2d"], "stem"),
        ("depthwise", ["depthwise_conv2d"], "depthwise"),
        ("project", ["conv2d", "add"], "add"),
        ("logits", ["fully_connected"], "logits"),
    ],
)
def test_its_output_is_the_tensor_of_the_whole(folder, tmp_path, layer, ops, tensor):
    words = ["--layer", layer, "-o", str(tmp_path / "part"), "--input", str(folder / "x.npy")]
    assert main(["extract", str(folder / "out"), *words]) == 0
    part = load_model(tmp_path / "part/model.json")
    assert [node.op for node in part.nodes] == ops
    plain = load_model(folder / "out/model.json").to_dict()
    expected = run(plain, {plain["inputs"][0]: np.load(folder / "x.npy")})[tensor]
    assert np.array_equal(np.load(tmp_path / "part/output.npy"), expected)
    mapped = str(tmp_path / "mapped")
    words = ["-o", mapped, "--preset", "tiny", "--json"]
    assert main(["map", str(tmp_path / "part/model.json"), *words]) == 0
    files = [f"input{end}.npy" for end in ("", ".1")][: len(part.inputs)]
    words = [word for file in files for word in ("--input", str(tmp_path / "part" / file))]
    assert sim_main(["run", mapped, *words, "--output", str(tmp_path / "y.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)


def test_a_layer_that_the_compiler_made_is_refused_as_such(folder, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(folder / "out", out)
    text = (out / "mapping.json").read_text()
    (out / "mapping.json").write_text(text.replace('"name": "project"', '"name": "stem/copy"'))
    words = ["--layer", "stem/copy", "-o", str(tmp_path / "part")]
    assert main(["extract", str(out), *words]) == 2
    assert "the compiler made this layer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{folder}/out", "--layer", "steam"], "--layer 'steam': no layer of small; 'stem'"),
        (["{folder}", "--layer", "stem"], "no model.json"),
        (["{folder}/out", "--layer", "stem", "--input", "{folder}/y.npy"], "y.npy"),
    ],
)
def test_faults_are_one_line(folder, tmp_path, capsys, words, named):
    words = [word.format(folder=folder) for word in words]
    assert main(["extract", *words, "-o", str(tmp_path / "part")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ") and named in err
    assert not (tmp_path / "part").exists()
