"""Inputs and outputs as the model declares them, in every command that reads and writes them."""

import dataclasses

import numpy as np
import pytest

from compiler.command_line import main as compiler_main
from compiler.errors import InputError
from compiler.frontend import write_model
from compiler.frontend.tflite import read_tflite
from compiler.ir.graph import Declared, Graph
from compiler.ir.verify import verify
from compiler.load import load_model
from golden.command_line import main as golden_main
from sim.command_line import main as sim_main
from tests.golden.layers import activation, constant, one_node
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model

NCHW = (0, 2, 3, 1)


def real(shape: tuple[int, ...]) -> dict:
    """A float32 tensor of the dict form."""
    found = activation(shape, 1.0, 0, "float32")
    return found | {"scale": None, "zero_point": None}


def convolution(seed: int) -> dict:
    """One convolution of random values, 3x3 and SAME, in the dict form."""
    rng = np.random.default_rng(seed)
    weights = constant(rng.integers(-127, 128, (6, 3, 3, 3), np.int8), [0.01])
    zero_points = rng.integers(-128, 128, 2)
    x = activation((1, 5, 7, 3), rng.uniform(0.01, 0.1), int(zero_points[0]))
    bias = constant(rng.integers(-9999, 9999, 6, np.int32), x["scale"] * 0.01)
    return one_node(
        "conv2d",
        {"x": x},
        {"weights": weights, "bias": bias},
        activation((1, 5, 7, 6), rng.uniform(0.05, 0.2), int(zero_points[1])),
        stride=(1, 1),
        dilation=(1, 1),
        padding=(1, 1, 1, 1),
        groups=1,
        activation="none",
    )


def float_model(seed: int, dtype: str = "int8") -> dict:
    """A convolution between QUANTIZE and DEQUANTIZE; from a uint8 picture it is one more."""
    graph = convolution(seed)
    tensors, (node,) = graph["tensors"], graph["nodes"]
    (x,), (y,) = graph["inputs"], graph["outputs"]
    nodes = [node]
    entry = x
    if dtype == "uint8":
        entry = "picture"
        tensors[entry] = activation(tensors[x]["shape"], 0.25, 128, "uint8")
        nodes.insert(0, _node("quantize", entry, x))
    tensors["real_x"], tensors["real_y"] = (real(tensors[n]["shape"]) for n in (x, y))
    nodes = [_node("quantize", "real_x", entry), *nodes, _node("dequantize", y, "real_y")]
    return {**graph, "nodes": nodes, "inputs": ["real_x"], "outputs": ["real_y"]}


def _node(op: str, x: str, y: str) -> dict:
    return {"name": f"{op} {y}", "op": op, "inputs": [x], "outputs": [y], "attrs": {}}


def float_input(seed: int, graph: dict) -> np.ndarray:
    """Real values within and beyond the input's range, ties between two steps among them."""
    entry = graph["tensors"][graph["nodes"][0]["outputs"][0]]
    rng = np.random.default_rng(seed)
    steps = rng.integers(-600, 600, entry["shape"]) / 2
    scale = np.float32(entry["scale"][0])
    return (steps * scale + rng.choice((0, 0.1), entry["shape"]) * scale).astype(np.float32)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_float_tflite_model_equals_litert(seed, tmp_path, dtype):
    model = float_model(seed, dtype)
    content, x = build_model(model), float_input(seed, model)
    expected = run_litert(content, {"real_x": x})
    (tmp_path / "model.tflite").write_bytes(content)
    np.save(tmp_path / "x.npy", x)
    folder = tmp_path / "mapped"
    options = ["--preset", "tiny", "--materialize", "--json"]
    assert compiler_main(["map", str(tmp_path / "model.tflite"), "-o", str(folder), *options]) == 0
    for main, source in ((golden_main, tmp_path / "model.tflite"), (sim_main, folder)):
        files = tmp_path / source.stem / "tensors"
        words = ["run", source, "--input", tmp_path / "x.npy"]
        words += ["--output", tmp_path / "y.npy", "--tensors", files]
        assert main([*map(str, words)]) == 0
        y = np.load(tmp_path / "y.npy")
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, expected["real_y"])
        stored = {path.stem for path in files.glob("*.npy")}
        assert stored >= {model["nodes"][0]["outputs"][0], "y"} and "real_x" not in stored
        for name in stored:
            np.testing.assert_array_equal(np.load(files / f"{name}.npy"), expected[name])


def test_float_operators_inside_are_refused():
    model = float_model(1)
    model["tensors"]["again"] = activation(model["tensors"]["y"]["shape"], 0.5, 0)
    model["nodes"].append(_node("quantize", "real_y", "again"))
    model["outputs"] = ["again"]
    with pytest.raises(Exception, match=r"DEQUANTIZE\) .*not handled"):
        read_tflite(build_model(model), "model")
    model = float_model(1)
    model["tensors"]["again"] = {**model["tensors"]["x"]}
    model["nodes"].insert(1, _node("quantize", "real_x", "again"))
    model["outputs"].append("again")
    with pytest.raises(Exception, match=r"real_x.* type FLOAT32"):
        read_tflite(build_model(model), "model")


def declared_graph(seed: int, dtype: str) -> Graph:
    """A convolution whose input is declared NCHW, its output NCHW without the batch."""
    graph = read_tflite(build_model(convolution(seed)), "declared")
    for name in ("x", "y"):
        tensor = graph.tensors[name]
        _, height, width, channels = tensor.shape
        shape, order = (1, channels, height, width), NCHW
        if name == "y":
            shape, order = shape[1:], (1, 2, 0)
        graph.tensors[name] = dataclasses.replace(tensor, declared=Declared(dtype, shape, order))
    return graph


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("command", ["golden", "sim"])
def test_nchw_is_what_a_transposed_nhwc_run_gives(seed, tmp_path, dtype, command):
    graph = declared_graph(seed, dtype)
    plain = {**graph.tensors}
    for name in ("x", "y"):
        plain[name] = dataclasses.replace(plain[name], declared=None)
    nhwc = np.random.default_rng(seed).integers(-128, 127, graph.tensors["x"].shape, np.int8)
    found, expected = (
        _files(tmp_path / name, dataclasses.replace(graph, tensors=tensors), array, command)
        for name, tensors, array in (
            ("declared", graph.tensors, nhwc.transpose(0, 3, 1, 2)),
            ("plain", plain, nhwc),
        )
    )
    y = expected["y"][0].transpose(2, 0, 1)
    np.testing.assert_array_equal(found["tensors/y"], y)
    np.testing.assert_array_equal(found["tensors/x"], nhwc.transpose(0, 3, 1, 2))
    assert found["y"].dtype == dtype
    if dtype == "float32":
        quant = graph.tensors["y"].quant
        y = (y.astype(np.float64) - quant.zero_point[0]) * quant.scale[0]
    np.testing.assert_array_equal(found["y"], y.astype(dtype))


def _files(folder, graph: Graph, x: np.ndarray, command: str) -> dict[str, np.ndarray]:
    """What a run on ``x`` writes, by file."""
    folder.mkdir()
    model = write_model(graph, folder / "model.json")
    np.save(folder / "x.npy", x)
    main, source = golden_main, model
    if command == "sim":
        main, source = sim_main, folder / "mapped"
        assert compiler_main(["map", str(model), "-o", str(source), "--preset", "tiny"]) == 0
    words = ["run", source, "--input", folder / "x.npy"]
    words += ["--output", folder / "y.npy", "--tensors", folder / "tensors"]
    assert main([*map(str, words)]) == 0
    return {
        "y": np.load(folder / "y.npy"),
        **{f"tensors/{path.stem}": np.load(path) for path in (folder / "tensors").glob("*.npy")},
    }


def test_the_declared_form_survives_the_projects_format(tmp_path):
    graph = declared_graph(3, "float32")
    found = load_model(write_model(graph, tmp_path / "model.json"))
    assert found.tensors["x"].declared == graph.tensors["x"].declared
    assert found.tensors["y"].declared == graph.tensors["y"].declared


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "uint8"}, "declared dtype uint8; int8 or float32 is accepted"),
        ({"shape": (1, 1, 1, 1000)}, "as many elements as in"),
        ({"order": (0, 1, 1, 2)}, "each axis of .* once is accepted"),
    ],
)
def test_a_contradiction_is_an_input_error(change, message):
    graph = declared_graph(3, "float32")
    x = graph.tensors["x"]
    declared = dataclasses.replace(x.declared, **change)
    graph.tensors["x"] = dataclasses.replace(x, declared=declared)
    with pytest.raises(InputError, match=message):
        verify(graph, "quantised")


def test_an_array_of_another_layout_is_an_input_error(tmp_path, capsys):
    model = write_model(declared_graph(3, "float32"), tmp_path / "model.json")
    np.save(tmp_path / "x.npy", np.zeros((1, 2, 3, 4), np.float32))
    words = ["run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"]
    assert golden_main([*map(str, words)]) == 2
    assert "shape is [1, 2, 3, 4]; [" in capsys.readouterr().err
