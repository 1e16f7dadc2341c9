"""``map --host`` and ``--memory``: what they change, and that they say so."""

import json

import numpy as np
import pytest

from compiler.command_line import main
from compiler.compare import FUSED, cycles
from compiler.driver import lower
from compiler.frontend import write_model
from compiler.ir.counts import macs
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from compiler.passes.host import CHOSEN
from compiler.zoo.builder import GraphBuilder
from golden.network import run
from hw.spec.config import preset
from sim.command_line import main as sim_main


def network():
    net = GraphBuilder("small", (9, 8, 3))
    x = net.conv("stem", "input", 8, 3, stride=2, activation="relu6")
    x = net.add("add", x, net.conv("project", net.depthwise("depthwise", x, 3), 8, 1))
    x = net.concatenate("joined", net.conv("left", x, 8, 1), net.max_pool("right", x, 3))
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(network(), tmp_path_factory.mktemp("model") / "small.json"))


@pytest.fixture(scope="module")
def usual_cycles():
    return cycles(network(), preset("tiny"), FUSED)


def mapped(model, folder, capsys, *words):
    assert main(["map", model, "-o", str(folder), "--preset", "tiny", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("layer", [node.name for node in network().nodes])
def test_every_layer_can_go_to_the_host_and_gives_the_same_bits(
    model, usual_cycles, tmp_path, capsys, layer
):
    found = mapped(model, tmp_path / "out", capsys, "--host", layer)
    assert found["cycles_without_host"] == usual_cycles and found["runs_without_host"] == 1
    assert found["host_macs"] == macs(network())[layer]
    assert found["macs"] + found["host_macs"] == found["model_macs"]
    x = np.random.default_rng(2).integers(-128, 128, (1, 9, 8, 3), np.int8)
    np.save(tmp_path / "x.npy", x)
    words = ["--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npy")]
    assert sim_main(["run", str(tmp_path / "out"), *words]) == 0
    plain = network().to_dict()
    expected = run(plain, {plain["inputs"][0]: x})[plain["outputs"][0]]
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)


def moves():
    """Moves of channels that convolutions take in, and a reshape that is a view."""
    net = GraphBuilder("moves", (6, 6, 3))
    x = net.conv("stem", "input", 12, 1)
    x = net.concatenate("joined", net.conv("left", x, 6, 1), net.conv("right", x, 6, 1))
    x = net.shuffle("shuffled", x, 2)
    x = net.add("add", net.conv("a", net.slice("low", x, 0, 6), 4, 1), net.conv("b", x, 4, 1))
    return randomize(net.finish(net.reshape("flat", net.conv("last", x, 4, 1), (1, 144))))


@pytest.mark.parametrize("layer", [node.name for node in moves().nodes])
def test_moves_and_their_neighbours_go_to_the_host_too(layer):
    found = lower(moves(), preset("tiny"), CompilerOptions(host=(layer,)))
    assert (layer, CHOSEN) in [(h.node.name, h.reason) for h in found.host]


def test_a_map_too_wide_for_the_array_goes_to_the_host(tmp_path, capsys):
    net = GraphBuilder("wide", (1, 20_000, 3))
    x = net.conv("long", "input", 4, 1, stride=(1, 4))
    path = write_model(randomize(net.finish(net.conv("short", x, 4, 1))), tmp_path / "wide.json")
    words = ["map", str(path), "-o", str(tmp_path / "out"), "--preset", "tiny"]
    assert main(words) == 2
    assert "'long'" in capsys.readouterr().err
    assert main([*words, "--host", "long"]) == 0
    assert "without it nothing maps" in capsys.readouterr().out
    found = mapped(str(path), tmp_path / "out", capsys, "--host", "long")
    assert found["cycles_without_host"] is None and found["runs_without_host"] is None


def test_every_tensor_is_stored_with_the_same_nodes_on_the_host(model, tmp_path, capsys):
    words = ["--host", "project", "--memory", "1MiB"]
    stored = mapped(model, tmp_path / "a", capsys, *words, "--materialize")["cycles"]
    assert (
        main(
            [
                "map",
                model,
                "-o",
                str(tmp_path / "b"),
                "--preset",
                "tiny",
                *words,
                "--unfused",
                "--layers",
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    line = next(x for x in text.splitlines() if "every tensor stored" in x)
    assert f"{stored:,}" in line


def test_costs_are_said(model, tmp_path, capsys):
    words = ["map", model, "-o", str(tmp_path / "out"), "--preset", "tiny"]
    assert main([*words, "--host", "depthwise", "--memory", "1MiB"]) == 0
    text = capsys.readouterr().out
    assert (
        CHOSEN in text and "2 runs instead of 1" in text and "bytes of 1,048,576 are used" in text
    )


def test_memory_is_a_limit(model, tmp_path, capsys):
    used = mapped(model, tmp_path / "a", capsys, "--memory", "1MiB")["memory_bytes"]
    mapping = json.loads((tmp_path / "a/mapping.json").read_text())
    assert used == mapping["write_range"][1]
    assert mapped(model, tmp_path / "b", capsys, "--memory", str(used))["memory_limit"] == used
    words = ["map", model, "-o", str(tmp_path / "c"), "--preset", "tiny", "--memory", str(used - 1)]
    assert main(words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{used} bytes of memory (commands " in error and f"at most {used - 1} are" in error
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--host", "stam"], "--host 'stam': no layer of small; 'stem'"),
        (["--memory", "0"], "--memory '0'"),
        (["--memory", "much"], "--memory 'much'"),
    ],
)
def test_faults_are_one_line(model, tmp_path, capsys, words, named):
    assert main(["map", model, "-o", str(tmp_path / "out"), *words]) == 2
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert out == "" and last.startswith("error: ") and named in last
    assert not (tmp_path / "out").exists()
