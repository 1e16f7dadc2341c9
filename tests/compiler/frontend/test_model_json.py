import copy
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from compiler.errors import InputError, UnsupportedError
from compiler.ir.ops import OPS
from compiler.load import load_model
from tests.support.npy_headers import HOSTILE_HEADERS

ROOT = Path(__file__).parents[3]

MODEL = {
    "format": "cnn-graph",
    "version": 1,
    "name": "small",
    "weights": "small.npz",
    "inputs": ["x"],
    "outputs": ["z"],
    "tensors": {
        "x": {"shape": [1, 5, 5, 2], "dtype": "int8", "quant": {"scale": 0.5, "zero_point": 3}},
        "w": {
            "shape": [4, 3, 3, 2],
            "dtype": "int8",
            "quant": {"scale": [0.1, 0.2, 0.3, 0.4], "zero_point": 0, "axis": 0},
        },
        "b": {"shape": [4], "dtype": "int32"},
        "y": {"shape": [1, 3, 3, 4], "dtype": "int8", "quant": {"scale": 1.0, "zero_point": -7}},
        "z": {"shape": [1, 1, 1, 4], "dtype": "int8", "quant": {"scale": 1, "zero_point": -7}},
    },
    "nodes": [
        {"name": "conv", "op": "conv2d", "inputs": ["x", "w", "b"], "outputs": ["y"]},
        {
            "op": "avg_pool2d",
            "inputs": ["y"],
            "outputs": ["z"],
            "attrs": {"kernel": [3, 3], "activation": "relu6"},
        },
    ],
}
ARRAYS = {"w": np.arange(72).reshape(4, 3, 3, 2).astype(np.int8), "b": np.arange(4, dtype=np.int32)}


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "small.npz", **ARRAYS)
    return tmp_path


def load(folder, model):
    text = model if isinstance(model, str) else json.dumps(model)
    (folder / "small.json").write_text(text, encoding="utf-8")
    return load_model(folder / "small.json")


def changed(*path, value=None, remove=False):
    """The model with the entry at ``path`` set or removed."""
    model = copy.deepcopy(MODEL)
    parent = model
    for part in path[:-1]:
        parent = parent[part]
    if remove:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return model


def test_defaults_and_shorthands(folder):
    graph = load(folder, MODEL)
    conv, pool = graph.nodes
    assert conv.attrs == {
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0, 0, 0),
        "groups": 1,
        "activation": "none",
    }
    assert pool.name == "z" and pool.attrs["count_include_pad"] is False
    assert graph.tensors["w"].quant.zero_point == (0, 0, 0, 0)
    assert not graph.random_weights
    np.testing.assert_array_equal(graph.tensors["w"].data, ARRAYS["w"])


def test_bias_may_be_left_out(folder):
    model = changed("nodes", 0, "inputs", value=["x", "w"])
    del model["tensors"]["b"]
    np.savez(folder / "small.npz", w=ARRAYS["w"])
    assert load(folder, model).nodes[0].inputs == ("x", "w", "")


TEXT_ERRORS = [
    ("", "the file is empty"),
    ("{", "not valid JSON: Expecting property name .* line 1, column 2"),
    (json.dumps(MODEL)[:300], "not valid JSON"),
    ("not json", "not valid JSON: Expecting value at line 1, column 1"),
    ("[" * 100000, "nested too deeply"),
    ("[]", r"the model is \[\]; accepted: object"),
    (json.dumps(MODEL).replace("0.5", "NaN"), "number NaN; a finite number is accepted"),
    (json.dumps(MODEL).replace("0.5", "-Infinity"), "number -Infinity"),
    (json.dumps(MODEL).replace("0.5", "1e999"), "number 1e999; a finite number is accepted"),
    (json.dumps(MODEL).replace("0.5", "9" * 5000), "not valid JSON|scale holds"),
    (json.dumps(MODEL).replace('"y": {', '"x": {', 1), "key 'x' is given twice"),
    ("\ufeff{}", "not valid JSON"),
]

QUANT = ("tensors", "x", "quant")
INPUT_ERRORS = [
    (changed("format", value="onnx"), "format is 'onnx'; 'cnn-graph' is accepted"),
    (changed("name", remove=True), "the model: key 'name' is missing"),
    (changed("name", value="a\nb"), r"network 'a\\nb': the name has 3 characters"),
    (changed("colour", value=1), "the model: unknown key 'colour'; accepted: format, version"),
    (changed("inputs", value=[]), r"inputs is \[\]; minItems 1 is accepted"),
    (changed("nodes", value=[]), "nodes is"),
    (changed("tensors", "x", "dtype", value="float64"), r"tensors\['x'\].dtype is 'float64'; acc"),
    (changed("tensors", "x", "shape", value=[1, 0, 5, 2]), r"tensors\['x'\].shape\[1\] is 0; mini"),
    (changed("tensors", "x", "shape", value=[1, 5, 5, "a"]), r"shape\[3\] is 'a'; accepted: inte"),
    (changed("tensors", "x", "shape", value=[1, 2**20, 2**20, 2]), "elements; at most 268435456"),
    (changed("tensors", "x", "size", value=1), r"tensors\['x'\]: unknown key 'size'"),
    (changed(*QUANT, "scale", value=0), "tensor 'x': scale is 0.0; 1.18e-38"),
    (changed(*QUANT, "scale", value=-1), "tensor 'x': scale is -1.0"),
    (changed(*QUANT, "scale", value=1e300), "scale holds 1e[+]300; finite numbers are accepted"),
    (changed(*QUANT, "scale", value=[0.5, 0.5]), "2 scales and 1 zero points; 1 of each"),
    (changed(*QUANT, "scale", value=["a"]), "scale holds 'a'; finite numbers are accepted"),
    (changed(*QUANT, "zero_point", value=200), "zero_point is 200; -128 to 127 is accepted"),
    (changed(*QUANT, "zero_point", value=[0.5]), "zero_point holds 0.5; integers are accepted"),
    (changed("tensors", "b", "quant", value={"scale": 1, "zero_point": 0, "axis": 1}), "axis is 1"),
    (changed(*QUANT, "axis", value=4.0), "quant.axis is 4.0; maximum 3 is accepted"),
    (changed(*QUANT, remove=True), "tensor 'x' has no quantisation parameters"),
    (changed("tensors", "q", value=MODEL["tensors"]["b"]), "tensor 'q': no node uses it"),
    (changed("tensors", "y", remove=True), r"node 'conv' \(conv2d\): tensor 'y' is not defined"),
    (changed("tensors", "y", "shape", value=[1, 3, 3, 5]), r"'y' has shape .*give \[1, 3, 3, 4\]"),
    (changed("nodes", 0, "attrs", value={"pad": 1}), "node 'conv' .*: unknown attribute 'pad'"),
    (changed("nodes", 0, "attrs", value={"stride": 2}), "stride is 2; accepted: two integers"),
    (changed("nodes", 0, "attrs", value={"stride": [0, 1]}), r"stride is \(0, 1\); accepted"),
    (changed("nodes", 0, "attrs", value={"stride": [True, 1]}), r"stride is \(True, 1\); accepted"),
    (changed("nodes", 0, "attrs", value={"padding": [1, 1]}), "accepted: 4 integers"),
    (changed("nodes", 0, "attrs", value={"groups": {}}), "groups is {}; accepted: an integer"),
    (
        changed("nodes", 0, "attrs", value={"activation": "tanh"}),
        "accepted: one of none, relu, relu6",
    ),
    (changed("nodes", 0, "attrs", value={"groups": 3}), "accept 6"),
    (changed("nodes", 1, "attrs", value={}), "attribute kernel is missing; accepted: two integers"),
    (changed("nodes", 1, "attrs", "kernel", value=[4, 3]), "window of height 4 does not fit"),
    (changed("nodes", 1, "attrs", "padding", value=[3, 0, 0, 0]), "less than the kernel"),
    (changed("nodes", 1, "name", value="conv"), "node 'conv': the name is used twice"),
    (changed("nodes", 1, "color", value="conv"), r"nodes\[1\]: unknown key 'color'"),
    (changed("nodes", 0, "op", remove=True), r"nodes\[0\]: key 'op' is missing"),
    (changed("nodes", 0, "inputs", value=["x"]), "1 inputs; 3 are accepted"),
    (changed("nodes", 0, "inputs", value=["gone", "w", "b"]), "tensor 'gone' is not defined"),
    (changed("nodes", 0, "inputs", value=["z", "w", "b"]), "'z' is used before any node"),
    (changed("nodes", 0, "outputs", value=["y", "z"]), "2 outputs; 1 is accepted"),
    (changed("nodes", 1, "outputs", value=["x"]), "output 'x' is already an input"),
    (changed("nodes", value=MODEL["nodes"][::-1]), "'y' is used before any node or input makes"),
    (changed("outputs", value=["w"]), "outputs: 'w' is made by no node"),
    (changed("outputs", value=["z", "z"]), "outputs: 'z' is listed twice"),
    (changed("weights", value="../small.npz"), "weights is '../small.npz'; a file next to"),
    (changed("weights", value="gone.npz"), "weights file gone.npz: not a readable .npz"),
    (changed("weights", value="small.json"), "weights file small.json: not a readable .npz"),
    (changed("seed", value=1), "seed is given; it is accepted for a model without weights"),
]


UINT8 = {**MODEL["tensors"]["y"], "dtype": "uint8", "quant": {"scale": 1.0, "zero_point": 7}}


@pytest.mark.parametrize(("text", "message"), TEXT_ERRORS)
def test_text_error(folder, text, message):
    with pytest.raises(InputError, match=message):
        load(folder, text)


def test_text_that_is_not_utf8(folder):
    (folder / "small.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(InputError, match="not UTF-8 at byte 10"):
        load_model(folder / "small.json")


@pytest.mark.parametrize(("model", "message"), INPUT_ERRORS)
def test_input_error(folder, model, message):
    with pytest.raises(InputError, match=message) as caught:
        load(folder, model)
    assert str(caught.value).startswith(f"{folder / 'small.json'}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (changed("version", value=2), "version is 2; 1 is accepted"),
        (changed("nodes", 0, "op", value="lstm"), "node 'conv': operator 'lstm'; accepted: conv2d"),
        (changed("nodes", 0, "inputs", value=["x", "x", "b"]), "weights 'x' is computed"),
        (changed("tensors", "y", value=UINT8), "'y' has type uint8; int8 is accepted"),
        (changed("tensors", "z", "quant", "scale", value=2), "output has scale 2 and zero point"),
    ],
)
def test_unsupported(folder, model, message):
    with pytest.raises(UnsupportedError, match=message):
        load(folder, model)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"w": ARRAYS["w"]}, "weights file small.npz: array 'b' is missing"),
        ({**ARRAYS, "v": ARRAYS["b"]}, "array 'v' is no constant of the model"),
        ({**ARRAYS, "b": ARRAYS["b"][:3]}, r"array 'b' is int32 \[3\]; int32 \[4\] is accepted"),
        ({**ARRAYS, "b": ARRAYS["b"].astype(np.int8)}, r"array 'b' is int8 \[4\]; int32 \[4\]"),
        ({**ARRAYS, "w": np.zeros(9999)}, "array 'w' has .* bytes; 72 and a header are accepted"),
        ({**ARRAYS, "b": np.array([None])}, r"array 'b' is object \[1\]; int32 \[4\]"),
    ],
)
def test_weights_error(folder, arrays, message):
    np.savez(folder / "small.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load(folder, MODEL)


def test_a_message_is_one_line(folder):
    with pytest.raises(InputError, match=r"weights file a\\nb: not a readable .npz"):
        load(folder, {**MODEL, "weights": "a\nb"})


def test_compressed_and_foreign_byte_order_weights(folder):
    arrays = {"w": ARRAYS["w"], "b": ARRAYS["b"].astype(">i4")}
    np.savez_compressed(folder / "small.npz", **arrays)
    data = load(folder, MODEL).tensors["b"].data
    assert data.dtype == np.dtype("int32") and data.dtype.isnative
    np.testing.assert_array_equal(data, ARRAYS["b"])


def test_entry_that_is_no_array(folder):
    with zipfile.ZipFile(folder / "small.npz", "w") as archive:
        archive.writestr("w", b"text")
    with pytest.raises(InputError, match=r"entry 'w' is no \.npy array"):
        load(folder, MODEL)


@pytest.mark.parametrize("header", HOSTILE_HEADERS)
def test_weights_with_a_hostile_header(folder, header):
    with zipfile.ZipFile(folder / "small.npz", "w") as archive:
        for name in ARRAYS:
            archive.writestr(f"{name}.npy", HOSTILE_HEADERS[header])
    with pytest.raises(InputError, match=r"weights file small.npz: array '\w+' (is|has|cannot)"):
        load(folder, MODEL)


def test_corrupted_weights_never_escape(folder):
    data = (folder / "small.npz").read_bytes()
    for at in range(0, len(data), 3):
        (folder / "small.npz").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            load(folder, MODEL)
        except InputError as fault:
            assert "weights file small.npz" in str(fault)


def test_the_documented_example_loads(tmp_path):
    text = (ROOT / "docs" / "model_format.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.S)
    (tmp_path / "example.json").write_text(example)
    graph = load_model(tmp_path / "example.json")
    assert graph.random_weights and len(graph.nodes) == 5


def test_the_documents_list_every_operator_and_attribute():
    text = (ROOT / "docs" / "ir.md").read_text(encoding="utf-8")
    for op, spec in OPS.items():
        (row,) = re.findall(rf"^\| `{op}` \|.*$", text, re.M)
        for attr in spec.attrs:
            assert f"`{attr}`" in row, (op, attr)
