"""Models that cannot work are refused: status 2, one line that helps, and nothing left behind."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from tests.e2e.refusals import (
    MODEL_COMMANDS,
    TFLITE,
    Write,
    check_status,
    edited,
    refused,
    run,
    tflite_graph,
    write_document,
)
from tests.support.tflite_builder import build_model

BAD_FILES: dict[str, tuple[str, Write, tuple[str, ...]]] = {
    "missing json": ("m.json", lambda p: None, ("no such file",)),
    "missing tflite": ("m.tflite", lambda p: None, ("no such file",)),
    "folder json": ("m.json", Path.mkdir, ("not a regular file", "accepted")),
    "folder tflite": ("m.tflite", Path.mkdir, ("not a regular file", "accepted")),
    "empty json": ("m.json", Path.touch, ("empty", "accepted")),
    "empty tflite": ("m.tflite", Path.touch, ("empty", "accepted")),
    "random json": ("m.json", lambda p: p.write_bytes(random.Random(1).randbytes(999)), ("JSON",)),
    "random tflite": (
        "m.tflite", lambda p: p.write_bytes(random.Random(1).randbytes(999)), ("TFL3", "accepted")),
    "another json": ("m.json", lambda p: p.write_text('{"a": 1}'), ("'format' is missing",)),
    "list": ("m.json", lambda p: p.write_text("[1, 2]"), ("[1, 2]", "object")),
    "half a json": ("m.json", lambda p: p.write_text('{"format": "cnn-graph", '), ("line 1",)),
    "half a tflite": ("m.tflite", lambda p: p.write_bytes(TFLITE[: len(TFLITE) // 2]), ()),
    "onnx": ("m.onnx", lambda p: p.write_bytes(b"\x08\x07"), ("not a valid ONNX model",)),
    "random onnx": ("m.onnx", lambda p: p.write_bytes(random.Random(1).randbytes(999)), ("ONNX",)),
    "h5": ("m.h5", lambda p: p.write_bytes(b"x"), (".h5", ".json, .onnx and .tflite")),
    "no suffix": ("model", lambda p: p.write_bytes(TFLITE), ("suffix", "; names of", "`zoo`")),
}  # fmt: skip


@pytest.mark.parametrize("command", MODEL_COMMANDS)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_model(tmp_path, capsys, name, command):
    file, write, parts = BAD_FILES[name]
    write(tmp_path / file)
    refused(capsys, tmp_path, (str(tmp_path / file), *parts), command, tmp_path / file)


def set_node(**values: object) -> Callable[[dict], object]:
    return lambda d: d["nodes"][0].update(values)


def set_tensor(name: str, **values: object) -> Callable[[dict], object]:
    return lambda d: d["tensors"][name].update(values)


def set_quant(name: str, **values: object) -> Callable[[dict], object]:
    return lambda d: d["tensors"][name]["quant"].update(values)


BAD_MODELS: dict[str, tuple[Callable[[dict], object], tuple[str, ...]]] = {
    "operator": (set_node(op="gru"), ("'stem'", "'gru'", "accepted: conv2d")),
    "type": (set_tensor("input", dtype="float32"), ("input", "'float32'", "int8")),
    "bfloat": (set_tensor("input", dtype="bfloat16"), ("input", "'bfloat16'", "int8")),
    "shape of a result": (set_tensor("stem", shape=[1, 4, 4, 4]), ("'stem'", "[1, 4, 4, 4]")),
    "shape of weights": (set_tensor("stem/weights", shape=[4, 3, 3, 2]), ("stem",)),
    "empty shape": (set_tensor("input", shape=[]), ("'input'", "[]")),
    "no channels": (set_tensor("input", shape=[1, 4, 4, 0]), ("'input'", "0")),
    "negative side": (set_tensor("input", shape=[1, -4, 4, 3]), ("'input'", "-4")),
    "scale": (set_quant("input", scale=0.0), ("'input'", "scale", "0")),
    "negative scale": (set_quant("stem", scale=-1.0), ("'stem'", "scale", "-1")),
    "text for a scale": (set_quant("input", scale="big"), ("'input'", "scale", "'big'")),
    "zero point": (set_quant("input", zero_point=300), ("'input'", "zero_point", "300")),
    "missing input": (set_node(inputs=["nothing", "stem/weights", ""]), ("'nothing'",)),
    "attribute": (set_node(attrs={"stride": [0, 1]}), ("'stem'", "stride")),
    "unknown attribute": (set_node(attrs={"colour": 1}), ("'stem'", "colour")),
    "unknown output": (lambda d: d.update(outputs=["end"]), ("'end'",)),
    "version": (lambda d: d.update(version=99), ("version", "99", "accepted")),
    "no nodes": (lambda d: d.pop("nodes"), ("nodes",)),
    "weights elsewhere": (lambda d: d.update(weights="../w.npz"), ("'../w.npz'", "accepted")),
    "weights missing": (lambda d: d.update(weights="w.npz"), ("w.npz",)),
}


@pytest.mark.parametrize("command", MODEL_COMMANDS)
@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_model_that_contradicts_itself(tmp_path, capsys, document, name, command):
    change, parts = BAD_MODELS[name]
    path = tmp_path / "small.json"
    write_document(path, edited(change)(document[0]), document[1])
    refused(capsys, tmp_path, (str(path), *parts), command, path)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_scale_that_is_no_number(tmp_path, capsys, document, value):
    path = tmp_path / "small.json"
    content = edited(set_quant("input", scale="SCALE"))(document[0])
    write_document(path, content, document[1])
    path.write_text(path.read_text().replace('"SCALE"', value))
    refused(capsys, tmp_path, (str(path), value, "finite"), "map", path)


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_damaged_weights_file(tmp_path, capsys, document, size):
    path = tmp_path / "small.json"
    write_document(path, document[0], document[1][:size])
    refused(capsys, tmp_path, (str(path), "small.npz"), "map", path)


def changed_tflite(change: Callable[[dict], object]) -> bytes:
    graph = tflite_graph()
    change(graph)
    return build_model(graph)


BAD_TFLITE: dict[str, tuple[Callable[[dict], object], tuple[str, ...]]] = {
    "type": (lambda g: g["tensors"]["x"].update(dtype="float32"), ("'x'", "FLOAT32")),
    "NaN": (lambda g: g["tensors"]["x"].update(scale=np.array([np.nan])), ("'x'", "nan")),
    "shapes": (lambda g: g["tensors"]["x"].update(shape=(1, 4, 4, 5)), ("5 channels",)),
    "result": (lambda g: g["tensors"]["y"].update(shape=(1, 4, 3, 4)), ("'y'", "[1, 4, 3, 4]")),
}


@pytest.mark.parametrize("command", MODEL_COMMANDS)
@pytest.mark.parametrize("name", BAD_TFLITE)
def test_a_tflite_model_that_contradicts_itself(tmp_path, capsys, name, command):
    change, parts = BAD_TFLITE[name]
    path = tmp_path / "m.tflite"
    path.write_bytes(changed_tflite(change))
    refused(capsys, tmp_path, (str(path), *parts), command, path)


def test_any_damage_to_a_tflite_file(tmp_path, capsys, seed):
    """A changed byte may leave a model; else it is refused like any other input."""
    rng = random.Random(seed)
    path = tmp_path / "m.tflite"
    for number in range(150):
        data = bytearray(TFLITE)
        for _ in range(rng.randint(1, 3)):
            value = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            data[rng.randrange(len(data))] = value
        path.write_bytes(data if number % 3 else data[: rng.randrange(len(data))])
        check_status(capsys, run("golden", path), (str(path), number))


def test_a_layer_too_large_for_the_pool(tmp_path, capsys):
    net = GraphBuilder("large", (64, 64, 16))
    path = write_model(randomize(net.finish(net.fully_connected("huge", "input", 8))),
                       tmp_path / "large.json")  # fmt: skip
    refused(capsys, tmp_path, ("'huge'",), "map", path, "--set", "scratchpad_bytes=8192")
