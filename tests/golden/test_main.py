import numpy as np
import pytest

from golden.arrays import tensor_files
from golden.command_line import main
from golden.files import tensor_file_name
from golden.network import run
from tests.golden.layers import activation, one_node
from tests.support.npy_headers import HOSTILE_HEADERS
from tests.support.tflite_builder import build_model


@pytest.fixture
def graph():
    x, y = activation((1, 2, 2, 3), 0.5, -3), activation((1, 1, 1, 3), 0.5, -3)
    graph = one_node(
        "max_pool2d", {"x": x}, {}, y, kernel=(2, 2), stride=(1, 1), padding=(0, 0, 0, 0)
    )
    graph["tensors"]["in/put:0"] = graph["tensors"].pop("x")
    graph["inputs"] = graph["nodes"][0]["inputs"] = ["in/put:0"]
    return graph


@pytest.fixture
def model(graph, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(build_model(graph))
    return path


def run_main(model, tmp_path, *arguments):
    return main(["run", str(model), "--output", str(tmp_path / "y.npy"), *map(str, arguments)])


def test_run_writes_the_output_and_every_tensor(graph, model, tmp_path):
    x = np.random.default_rng(0).integers(-128, 127, (1, 2, 2, 3), "int8")
    np.save(tmp_path / "x.npy", x)
    status = run_main(
        model, tmp_path, "--input", tmp_path / "x.npy", "--tensors", tmp_path / "tensors"
    )
    assert status == 0
    expected = run(graph, {"in/put:0": x})["y"]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "tensors" / "y.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "tensors" / "in_put_0.npy"), x)


def test_a_real_input_is_quantised(model, tmp_path):
    np.save(tmp_path / "x.npy", np.full((1, 2, 2, 3), 2.0))
    assert run_main(model, tmp_path, "--input", tmp_path / "x.npy") == 0
    assert (np.load(tmp_path / "y.npy") == 1).all()


def test_without_an_input_the_run_repeats(model, tmp_path):
    assert run_main(model, tmp_path) == 0
    first = np.load(tmp_path / "y.npy")
    assert run_main(model, tmp_path) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), first)


def save_nothing(path):
    path.write_text("no array")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "No such file"),
        (save_nothing, "not a .npy file"),
        (lambda path: np.save(path, np.zeros((1, 2, 3, 2), np.int8)), "shape is [1, 2, 3, 2]"),
        (lambda path: np.save(path, np.zeros((1, 2, 2, 3), np.uint8)), "type is uint8; int8"),
    ],
)
def test_a_faulty_input_is_one_line_and_status_2(model, tmp_path, capsys, write, message):
    path = tmp_path / "x.npy"
    write(path)
    assert run_main(model, tmp_path, "--input", path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.parametrize("header", HOSTILE_HEADERS)
def test_a_hostile_header_is_one_line_and_status_2(model, tmp_path, capsys, header):
    path = tmp_path / "x.npy"
    path.write_bytes(HOSTILE_HEADERS[header])
    assert run_main(model, tmp_path, "--input", path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ") and error.count("\n") == 1


def test_a_missing_model_is_status_2(tmp_path, capsys):
    assert run_main(tmp_path / "none.tflite", tmp_path) == 2
    assert "none.tflite" in capsys.readouterr().err


def test_too_many_inputs_are_status_2(model, tmp_path, capsys):
    assert run_main(model, tmp_path, "--input", "a.npy", "--input", "b.npy") == 2
    assert "has 1 inputs" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_status_2(model, tmp_path, capsys):
    assert main(["run", str(model), "--output", str(tmp_path / "no" / "y.npy")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_tensors_of_one_file_name_are_refused(tmp_path):
    values = {"a/b": np.zeros(1), "a:b": np.zeros(1)}
    with pytest.raises(Exception, match="tensors 'a/b' and 'a:b' have the same file name"):
        tensor_files(tmp_path, values)


def test_an_output_is_not_replaced_by_a_tensor(model, tmp_path, capsys):
    assert run_main(model, tmp_path, "--tensors", tmp_path) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'y.npy'}: an output and a tensor have the same file name" in error
    assert not (tmp_path / "y.npy").exists()


def test_long_tensor_names_are_cut_and_stay_apart():
    names = [tensor_file_name("a" * 300 + end) for end in "xy"]
    assert names[0] != names[1]
    assert all(len(name) == 255 and name.startswith("a" * 240) for name in names)
    assert tensor_file_name("b/" * 125) == "b_" * 125 + ".npy"


def test_a_failed_write_leaves_nothing(model, tmp_path, capsys):
    (tmp_path / "tensors" / "y.npy").mkdir(parents=True)
    assert run_main(model, tmp_path, "--tensors", tmp_path / "tensors") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [p for p in tmp_path.rglob("*.npy") if p.is_file()] == []


def test_second_outputs_are_numbered(graph, tmp_path):
    graph["outputs"] = ["y", "z"]
    graph["tensors"]["z"] = activation((1, 1, 1, 3), 0.5, -3)
    graph["nodes"].append({**graph["nodes"][0], "name": "second", "outputs": ["z"]})
    path = tmp_path / "two.tflite"
    path.write_bytes(build_model(graph))
    assert run_main(path, tmp_path) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.load(tmp_path / "y.1.npy"))
