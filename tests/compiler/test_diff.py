"""``compiler diff``: the tensors of two runs, and the layer that loses the signal."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from compiler.command_line import main
from compiler.frontend import write_model
from compiler.load import load_model
from golden.command_line import main as golden_main
from sim.command_line import main as sim_main
from tests.support.float_onnx import calibration_of, mobile_net
from tests.support.onnx_builder import OnnxBuilder, run_onnx


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A float model, its calibration, one input, and the mapped folder."""
    folder = tmp_path_factory.mktemp("files")
    generator = np.random.default_rng(5)
    model = folder / "net.onnx"
    model.write_bytes(mobile_net(generator).bytes())
    samples = calibration_of(folder / "samples.npy", generator)
    np.save(folder / "x.npy", np.load(samples)[:1])
    words = ["--calibrate", str(samples), "--preset", "tiny", "-o", str(folder / "out"), "--json"]
    assert main(["map", str(model), *words]) == 0
    return folder


def rows_of(capsys, *words):
    capsys.readouterr()
    assert main(["diff", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["tensors"]


def test_layers_are_compared_with_the_float_model(files, capsys):
    words = ["--calibrate", files / "samples.npy", "--input", files / "x.npy"]
    rows = rows_of(capsys, files / "out", "--reference", files / "net.onnx", *words)
    graph = load_model(files / "out/model.json")
    made = [name for node in graph.nodes for name in node.outputs]
    assert [row["tensor"] for row in rows] == [*graph.inputs, *made]
    assert all(row["sqnr_db"] > 10 for row in rows)
    words = ["--input", files / "x.npy", "--output", files / "y.npy"]
    assert golden_main(["run", *map(str, [files / "out/model.json", *words])]) == 0
    (exact,) = run_onnx((files / "net.onnx").read_bytes(), {"image": np.load(files / "x.npy")})
    noise = np.square(np.load(files / "y.npy").astype(float) - exact).sum()
    expected = 10 * np.log10(np.square(exact.astype(float)).sum() / noise)
    assert rows[-1]["sqnr_db"] == pytest.approx(expected, abs=1e-3)


def test_without_an_input_the_first_of_the_calibration_is_compared(files, capsys):
    words = ["--reference", files / "net.onnx", "--calibrate", files / "samples.npy"]
    with_input = rows_of(capsys, files / "out", *words, "--input", files / "x.npy")
    assert rows_of(capsys, files / "out", *words) == with_input


def test_another_calibration_than_maps_is_said(files, capsys):
    words = ["diff", str(files / "out"), "--reference", str(files / "net.onnx")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "another scale" in error and "--calibrate" in error


def test_a_spoiled_layer_is_named(files, tmp_path, capsys):
    graph = load_model(files / "out/model.json")
    node = next(node for node in graph.nodes if node.op == "depthwise_conv2d")
    weights = graph.tensors[node.inputs[1]]
    spoiled = dataclasses.replace(weights, data=-weights.data)
    tensors = {**graph.tensors, weights.name: spoiled}
    path = write_model(dataclasses.replace(graph, tensors=tensors), tmp_path / "spoiled.json")
    rows = rows_of(capsys, files / "out", "--reference", path)
    names = [row["layer"] for row in rows]
    before = rows[: names.index(node.name)]
    assert before and all(row["equal"] for row in before)
    assert max(rows, key=lambda row: row["noise_added"])["layer"] == node.name
    assert main(["diff", str(files / "out"), "--reference", str(path)]) == 0
    assert f"{node.name} adds most noise" in capsys.readouterr().out


def test_tensors_have_their_scales_beside_them_and_are_compared(files, tmp_path, capsys):
    words = ["--input", str(files / "x.npy"), "--tensors"]
    assert sim_main(["run", str(files / "out"), *words, str(tmp_path / "sim")]) == 0
    found = json.loads((tmp_path / "sim/tensors.json").read_text())
    tensors = load_model(files / "out/model.json").tensors
    assert {entry["file"] for entry in found.values()} == {
        path.name for path in (tmp_path / "sim").glob("*.npy")
    }
    for name, entry in found.items():
        assert entry["scale"] == list(tensors[name].quant.scale)
        assert entry["zero_point"] == list(tensors[name].quant.zero_point)
        assert np.load(tmp_path / "sim" / entry["file"]).dtype == entry["dtype"]
    rows = rows_of(capsys, tmp_path / "sim", "--reference", files / "out")
    assert rows and all(row["equal"] for row in rows)
    turned = rows_of(capsys, files / "out", "--reference", tmp_path / "sim")
    assert turned and all(row["equal"] for row in turned)
    assert rows_of(capsys, tmp_path / "sim", "--reference", tmp_path / "sim") == [
        row | {"layer": row["tensor"], "op": "", "noise_added": None} for row in rows
    ]
    assert main(["diff", str(tmp_path / "sim"), "--reference", str(files / "out")]) == 0
    assert f"All {len(rows)} tensors are equal." in capsys.readouterr().out


def test_an_input_for_two_runs_that_are_known_is_a_fault(files, tmp_path, capsys):
    assert sim_main(["run", str(files / "out"), "--tensors", str(tmp_path)]) == 0
    capsys.readouterr()
    words = [str(tmp_path), "--reference", str(tmp_path)]
    assert main(["diff", *words, "--input", str(files / "x.npy")]) == 2
    assert "--input for two runs" in capsys.readouterr().err
    entries = json.loads((tmp_path / "tensors.json").read_text())
    del next(iter(entries.values()))["scale"]
    (tmp_path / "tensors.json").write_text(json.dumps(entries))
    assert main(["diff", *words]) == 2
    assert "not what --tensors writes" in capsys.readouterr().err


def test_values_that_are_not_finite_have_no_figures(files, tmp_path, capsys):
    assert sim_main(["run", str(files / "out"), "--tensors", str(tmp_path / "one")]) == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    entries = json.loads((tmp_path / "two" / "tensors.json").read_text())
    name, entry = list(entries.items())[1]
    values = np.load(tmp_path / "two" / entry["file"]).astype(np.float32)
    values.ravel()[:2] = (np.nan, np.inf)
    np.save(tmp_path / "two" / entry["file"], values)
    words = [tmp_path / "one", "--reference", tmp_path / "two"]
    rows = {row["tensor"]: row for row in rows_of(capsys, *words)}
    assert not rows[name]["equal"] and rows[name]["noise"] is None and not rows[name]["sqnr_db"]
    assert sum(row["equal"] for row in rows.values()) == len(rows) - 1
    assert main(["diff", *map(str, words)]) == 0
    assert f"Not finite from {name} on: 1 tensors." in capsys.readouterr().out


def test_sizes_that_a_model_leaves_open_are_given(tmp_path, capsys):
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input("n", 4, "h", "w")))
    (tmp_path / "open.onnx").write_bytes(net.bytes())
    shape = ["--shape", "input=1,4,5,6"]
    assert main(["map", str(tmp_path / "open.onnx"), *shape, "-o", str(tmp_path / "out")]) == 0
    words = [tmp_path / "out", "--reference", tmp_path / "open.onnx", *shape]
    assert rows_of(capsys, *words)
    assert main(["diff", str(tmp_path / "out"), "--reference", str(tmp_path / "out"), *shape]) == 2
    assert "--shape for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{files}", "--reference", "{files}/out"], "no model.json"),
        (["{files}/out", "--reference", "{files}/none.onnx"], "none.onnx: no such file"),
        (["{files}/out", "--reference", "{files}/out", "--input", "{files}/y"], "y: No such file"),
        (["{files}/out", "--reference", "{files}/out", "--calibrate", "x"], "--calibrate for"),
        (["{files}/out", "--reference", "mobilenet.json"], "mobilenet.json"),
    ],
)
def test_faults_are_one_line(files, capsys, words, named):
    assert main(["diff", *(word.format(files=files) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ") and named in err
