"""A network with operators of the host in the middle, through the command lines."""

import json

import numpy as np
import pytest

from compiler.command_line import main as compiler_main
from compiler.frontend import write_model
from golden.command_line import main as golden_main
from hw.command_line import main as hw_main
from sim.command_line import main as sim_main
from tests.compiler.graphs import Net

pytestmark = pytest.mark.xdist_group("accelerator_tiny")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    net = Net((6, 5, 3))
    x = net.conv("input", 8, (2, 2), stride=(2, 1))
    y = net.layer_norm(net.depthwise(x, padding=(1, 1, 1, 1)))
    x = net.add(x, net.conv(net.conv(y, 12, (1, 1), activation="relu"), 8, (1, 1)))
    x = net.op("softmax", (net.dense(x, 7),))
    return write_model(net.finish(x, y), tmp_path_factory.mktemp("model") / "model.json")


@pytest.fixture(scope="module")
def mapped(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped") / "model"
    assert compiler_main(["map", str(model), "-o", str(folder), "--preset", "tiny"]) == 0
    return folder


def test_simulator_and_rtl_equal_golden(model, mapped, tmp_path, capsys):
    x = np.random.default_rng(0).integers(-128, 128, (1, 6, 5, 3)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    runs = {
        "golden": (golden_main, ["run", model]),
        "sim": (sim_main, ["run", mapped, "--json"]),
        "rtl": (hw_main, ["cosim", mapped, "--json"]),
    }
    reports = {}
    for name, (main, words) in runs.items():
        folder = tmp_path / name
        folder.mkdir()
        words = [*words, "--input", tmp_path / "x.npy", "--output", folder / "y.npy"]
        assert main([*map(str, words), "--tensors", str(folder / "tensors")]) == 0
        text = capsys.readouterr().out
        reports[name] = json.loads(text) if text else None
        for file in ("y.npy", "y.1.npy"):
            expected = np.load(tmp_path / "golden" / file)
            np.testing.assert_array_equal(np.load(folder / file), expected)
        for path in (folder / "tensors").glob("*.npy"):
            expected = np.load(tmp_path / "golden" / "tensors" / path.name)
            np.testing.assert_array_equal(np.load(path), expected)
    assert reports["rtl"].pop("cycles_per_second") > 0
    assert reports["rtl"] == reports["sim"]
    ends = [layer["end_cycle"] for layer in reports["sim"]["layers"]]
    assert ends == sorted(ends) and ends[-1] <= reports["sim"]["cycles"]


def test_the_report_lists_the_host_s_operators(model, tmp_path, capsys):
    words = ["map", str(model), "-o", str(tmp_path / "mapped"), "--preset", "tiny"]
    assert compiler_main(words) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "On the host: layer_norm (each pixel is divided" in text
    assert "96 of the network's 638 computed values (15.0%): layer_norm2." in text
    assert "The machine runs 2 segments, the host between them" in text
