"""What cannot work is refused: status 2, one line that helps, and nothing left behind."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compiler.__main__ import main as compiler_main
from compiler.codegen.program import write as write_mapping
from compiler.driver import compile
from compiler.frontend import write_model
from compiler.ir.graph import Declared
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from golden.__main__ import main as golden_main
from hw.__main__ import main as hw_main
from hw.spec.config import preset
from sim.__main__ import main as sim_main
from tests.compiler.backend.graphs import Net
from tests.golden.layers import activation, constant, one_node
from tests.support.tflite_builder import build_model

Files = dict[str, object]
Write = Callable[[Path], object]

MODEL_COMMANDS = ("map", "import", "golden")
RUN_COMMANDS = ("sim", "cosim")
ON_TINY = ("--preset", "tiny")


def network():
    net = GraphBuilder("small", (4, 4, 3))
    x = net.conv("stem", "input", 4, 3, stride=2, activation="relu6")
    return randomize(net.finish(net.fully_connected("logits", x, 5)))


def tflite_graph() -> dict:
    weights = constant(np.ones((4, 1, 1, 3), np.int8), [0.5] * 4, 0)
    x, y = activation((1, 4, 4, 3), 0.5, 0), activation((1, 4, 4, 4), 0.5, 0)
    attrs = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "activation": "none"}
    return one_node("conv2d", {"x": x}, {"w": weights}, y, **attrs)


TFLITE = build_model(tflite_graph())


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> tuple[dict, bytes]:
    """A good model: the content of its .json, and of the weights file beside it."""
    path = write_model(network(), tmp_path_factory.mktemp("good") / "small.json")
    return json.loads(path.read_text()), path.with_suffix(".npz").read_bytes()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory, document) -> Files:
    """The files of a mapped network, by name."""
    folder = tmp_path_factory.mktemp("mapped")
    path = write_model(network(), folder / "small.json")
    assert compiler_main(["map", str(path), "-o", str(folder / "out"), *ON_TINY, "--json"]) == 0
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


@pytest.fixture
def folder(tmp_path, mapped) -> Path:
    """A mapped network."""
    path = tmp_path / "mapped"
    path.mkdir()
    for name, content in mapped.items():
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def model(tmp_path, document) -> Path:
    """A good model."""
    write_document(tmp_path / "small.json", *document)
    return tmp_path / "small.json"


def write_document(path: Path, content: dict, weights: bytes) -> None:
    path.write_text(json.dumps(content))
    path.with_name("small.npz").write_bytes(weights)


def run(command: str, target: Path, *options: object) -> int:
    """Run a command on a model or a folder, with an output beside it."""
    out = target.parent / "result"
    main, words, output = {
        "map": (compiler_main, ["map", target], ["-o", out, *ON_TINY]),
        "import": (compiler_main, ["import", target], ["-o", f"{out}.json"]),
        "golden": (golden_main, ["run", target], ["--output", out]),
        "sim": (sim_main, ["run", target], ["--output", out]),
        "cosim": (hw_main, ["cosim", target], ["--output", out]),
        "generate": (hw_main, ["generate"], ["-o", out]),
    }[command]
    if "-o" in options or "--output" in options:
        output = []
    if any(option in options for option in ("--preset", "--config")):
        output = [word for word in output if word not in ON_TINY]
    return main([str(word) for word in (*words, *output, *options)])


def snapshot(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def refused(capsys, tmp_path: Path, parts, command: str, target: Path, *options: object) -> str:
    """Check that the command refuses: status, message and files. Returns the message."""
    before = snapshot(tmp_path)
    assert run(command, target, *options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, captured.err
    for part in parts:
        assert part in captured.err
    assert snapshot(tmp_path) == before
    return captured.err


def edited(change: Callable[[dict], object]) -> Callable[[dict], dict]:
    def edit(content: dict) -> dict:
        content = copy.deepcopy(content)
        change(content)
        return content

    return edit


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
    "no suffix": ("model", lambda p: p.write_bytes(TFLITE), ("suffix", ".json, .onnx and .tflite")),
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


def check_status(capsys, status: int, where: object) -> None:
    error = capsys.readouterr().err
    assert status in (0, 2), where
    assert status == 0 or (error.startswith("error: ") and error.count("\n") == 1), (where, error)


def test_a_layer_too_large_for_the_pool(tmp_path, capsys):
    net = GraphBuilder("large", (64, 64, 16))
    path = write_model(randomize(net.finish(net.fully_connected("huge", "input", 8))),
                       tmp_path / "large.json")  # fmt: skip
    refused(capsys, tmp_path, ("'huge'",), "map", path, "--set", "pool_lines=64")


BAD_CONFIGURATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rows": (("--set", "rows=3"), ("rows=3", "4, 8, 16, 32 or 64")),
    "unknown key": (("--set", "nonsense=1"), ("'nonsense'", "accepted", "rows")),
    "memory key": (("--set", "memory.nonsense=1"), ("memory.nonsense", "accepted", "latency")),
    "latency": (("--set", "memory.latency=0"), ("memory.latency=0", "from 1 to 1000")),
    "bytes": (("--set", "memory.bytes_per_cycle=3"), ("memory.bytes_per_cycle=3", "divisor")),
    "memory": (("--set", "memory=5"), ("memory=5",)),
    "text": (("--set", "rows=four"), ("rows='four'", "integer")),
    "no value": (("--set", "rows"), ("'rows'", "KEY=VALUE")),
    "empty value": (("--set", "rows="), ("rows=''", "integer")),
    "no setting": (("--set", ""), ("''", "KEY=VALUE")),
    "pool": (("--set", "pool_lines=1"), ("pool_lines=1", "64")),
    "lanes": (("--set", "requant_lanes=5"), ("requant_lanes=5", "cols")),
    "queue": (("--set", "queue_depth=99999999999999999999"), ("queue_depth=", "16")),
    "preset": (("--preset", "huge"), ("'huge'", "tiny")),
}


@pytest.mark.parametrize("command", ["map", "generate"])
@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_an_impossible_configuration(tmp_path, capsys, model, name, command):
    options, parts = BAD_CONFIGURATIONS[name]
    refused(capsys, tmp_path, parts, command, model, *options)


BAD_CONFIG_FILES: dict[str, tuple[Write, tuple[str, ...]]] = {
    "missing": (lambda p: None, ("No such file",)),
    "folder": (Path.mkdir, ("directory",)),
    "empty": (Path.touch, ("not JSON",)),
    "bytes": (lambda p: p.write_bytes(b"\xff\xfe"), ("not JSON",)),
    "half": (lambda p: p.write_text('{"rows": '), ("not JSON",)),
    "list": (lambda p: p.write_text("[]"), ("list", "object")),
    "number": (lambda p: p.write_text("3"), ("int", "object")),
    "unknown key": (lambda p: p.write_text('{"nonsense": 1}'), ("'nonsense'", "accepted")),
    "unknown preset": (lambda p: p.write_text('{"preset": "huge"}'), ("'huge'", "tiny")),
    "preset": (lambda p: p.write_text('{"preset": 5}'), ("preset=5",)),
    "name": (lambda p: p.write_text('{"name": []}'), ("name=[]", "string")),
    "text": (lambda p: p.write_text('{"rows": "16"}'), ("rows='16'", "integer")),
    "null": (lambda p: p.write_text('{"rows": null}'), ("rows=None", "integer")),
    "real": (lambda p: p.write_text('{"rows": 16.0}'), ("rows=16.0", "integer")),
    "true": (lambda p: p.write_text('{"queue_depth": true}'), ("queue_depth=True", "integer")),
    "memory": (lambda p: p.write_text('{"memory": 7}'), ("memory=7", "object")),
    "latency": (lambda p: p.write_text('{"memory": {"latency": "x"}}'), ("memory.latency='x'",)),
    "deep": (lambda p: p.write_text("[" * 100000), ()),
}


@pytest.mark.parametrize("command", ["map", "generate"])
@pytest.mark.parametrize("name", BAD_CONFIG_FILES)
def test_an_impossible_configuration_file(tmp_path, capsys, model, name, command):
    write, parts = BAD_CONFIG_FILES[name]
    path = tmp_path / "machine.json"
    write(path)
    refused(capsys, tmp_path, (str(path), *parts), command, model, "--config", path)


BAD_ARRAYS: dict[str, tuple[Write, tuple[str, ...]]] = {
    "missing": (lambda p: None, ("No such file",)),
    "folder": (Path.mkdir, ("directory",)),
    "empty": (Path.touch, ("not a .npy file",)),
    "text": (lambda p: p.write_text("1 2 3"), ("not a .npy file",)),
    "pickle": (lambda p: np.save(p, np.array([{}])), ("not a .npy file",)),
    "shape": (lambda p: np.save(p, np.zeros((1, 3, 4, 4), np.int8)), ("[1, 3, 4, 4]", "[1, 4, 4")),
    "no shape": (lambda p: np.save(p, np.int8(3)), ("[]", "[1, 4, 4, 3]")),
    "unsigned": (lambda p: np.save(p, np.zeros((1, 4, 4, 3), np.uint8)), ("uint8", "int8")),
    "wide": (lambda p: np.save(p, np.zeros((1, 4, 4, 3), np.int64)), ("int64", "int8")),
    "complex": (lambda p: np.save(p, np.zeros((1, 4, 4, 3), complex)), ("complex128", "int8")),
    "truth": (lambda p: np.save(p, np.zeros((1, 4, 4, 3), bool)), ("bool", "int8")),
    "text array": (lambda p: np.save(p, np.full((1, 4, 4, 3), "a")), ("int8",)),
    "NaN": (lambda p: np.save(p, np.full((1, 4, 4, 3), np.nan)), ("nan",)),
    "infinite": (lambda p: np.save(p, np.full((1, 4, 4, 3), np.inf)), ("inf",)),
}


@pytest.mark.parametrize("command", ["golden", *RUN_COMMANDS])
@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_a_wrong_input(tmp_path, capsys, model, folder, name, command):
    write, parts = BAD_ARRAYS[name]
    path = tmp_path / "x.npy"
    write(path)
    target = model if command == "golden" else folder
    refused(capsys, tmp_path, (str(path), *parts), command, target, "--input", path)


@pytest.mark.parametrize("command", ["golden", *RUN_COMMANDS])
def test_more_inputs_than_the_network_has(tmp_path, capsys, model, folder, command):
    target = model if command == "golden" else folder
    refused(capsys, tmp_path, ("--input", "2", "1"), command, target,
            "--input", "a.npy", "--input", "b.npy")  # fmt: skip


def remove(name: str) -> Write:
    return lambda p: (p / name).unlink()


def put(name: str, content: bytes) -> Write:
    return lambda p: (p / name).write_bytes(content)


BAD_FOLDERS: dict[str, tuple[Write, str]] = {
    "no program": (remove("program.bin"), "program.bin"),
    "no mapping": (remove("mapping.json"), "mapping.json"),
    "empty mapping": (put("mapping.json", b""), "mapping.json"),
    "half a mapping": (put("mapping.json", b'{"network": "x", '), "mapping.json"),
    "bytes": (put("mapping.json", b"\xff\x00"), "mapping.json"),
    "list": (put("mapping.json", b"[]"), "mapping.json"),
    "empty object": (put("mapping.json", b"{}"), "mapping.json"),
    "deep": (put("mapping.json", b"[" * 100000), "mapping.json"),
}


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_a_folder_that_is_no_mapped_network(tmp_path, capsys, folder, name, command):
    write, file = BAD_FOLDERS[name]
    write(folder)
    refused(capsys, tmp_path, (str(folder / file), "accepted"), command, folder)


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_no_folder(tmp_path, capsys, model, command):
    refused(capsys, tmp_path, ("nowhere", "accepted"), command, tmp_path / "nowhere")
    refused(capsys, tmp_path, (str(model), "accepted"), command, model)


def places(value: object) -> list[tuple]:
    """Paths of everything inside a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    paths = []
    for key, inner in entries:
        paths.append((key,))
        if isinstance(inner, dict | list):
            paths += [(key, *rest) for rest in places(inner)]
    return paths


def hosted_folder(folder: Path) -> Path:
    """A mapped network with the host in its middle and declared tensors."""
    net = Net((4, 3, 4))
    graph = net.finish(net.conv(net.layer_norm(net.conv("input", 4, (1, 1))), 6, (1, 1)))
    for name, tensor in graph.tensors.items():
        if len(tensor.shape) == 4 and not tensor.is_constant:
            _, height, width, channels = tensor.shape
            declared = Declared("float32", (1, channels, height, width), (0, 2, 3, 1))
            graph.tensors[name] = dataclasses.replace(tensor, declared=declared)
    return write_mapping(compile(graph, preset("tiny")), folder)


@pytest.mark.parametrize("hosted", (False, True))
def test_any_damage_to_a_mapping(tmp_path, capsys, folder, seed, hosted):
    """A changed value may leave a program, one that stops with a fault even; or it is refused."""
    rng = random.Random(seed)
    folder = hosted_folder(tmp_path / "hosted") if hosted else folder
    path = folder / "mapping.json"
    good = json.loads(path.read_text())
    for place in places(good):
        content = copy.deepcopy(good)
        inner = content
        for key in place[:-1]:
            inner = inner[key]
        value = rng.choice((None, -1, "x", [], {}, 1.5, True, 1 << 70, 3))
        inner[place[-1]] = value
        path.write_text(json.dumps(content))
        try:
            status = run("sim", folder, "--tensors", tmp_path / "tensors")
        except Exception as error:
            raise AssertionError(f"{place} = {value!r}: {error!r}") from error
        assert status in (0, 1, 2)
        error = capsys.readouterr().err
        assert status == 0 or (error.startswith("error: ") and error.count("\n") == 1), error


def test_outputs_that_cannot_be_written(tmp_path, capsys, model, folder):
    file = tmp_path / "file"
    file.write_text("kept")
    inside = file / "inside"
    for command, target, option in (
        ("map", model, "-o"), ("import", model, "-o"),
        ("golden", model, "--output"), ("sim", folder, "--output"), ("generate", model, "-o"),
    ):  # fmt: skip
        suffix = ".json" if command == "import" else ""
        refused(capsys, tmp_path, (str(file),), command, target, option, f"{inside}{suffix}")
    for command in ("map", "generate"):
        refused(capsys, tmp_path, (str(file),), command, model, "-o", file)
    refused(capsys, tmp_path, (str(folder),), "golden", model, "--output", folder)
    refused(capsys, tmp_path, (str(folder),), "sim", folder, "--output", folder)
    refused(capsys, tmp_path, (str(file),), "sim", folder, "--tensors", file)
    refused(capsys, tmp_path, (str(file),), "golden", model, "--tensors", file)
    refused(capsys, tmp_path, (".txt", ".json"), "import", model, "-o", tmp_path / "model.txt")
    assert file.read_text() == "kept"


def test_options_that_exclude_each_other(tmp_path, capsys, folder):
    message = ("--output", "--no-values")
    refused(capsys, tmp_path, message, "sim", folder, "--no-values")


def test_an_unknown_built_in_network(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options in (["zoo", "alexnet"], ["zoo", "alexnet", "-o", "a.json"]):
        assert compiler_main(options) == 2
        error = capsys.readouterr().err
        assert "'alexnet'" in error and "mobilenet_v1" in error and error.count("\n") == 1
    assert compiler_main(["zoo", "-o", "a.json"]) == 2
    assert "NAME" in capsys.readouterr().err
    assert compiler_main(["zoo", "mobilenet_v1", "-o", "none/a.json"]) == 2
    assert "none/a.json" in capsys.readouterr().err
    assert snapshot(tmp_path) == set()


def test_a_shell_sees_status_and_message(tmp_path):
    for words in ("compiler map none.json", "sim run none", "hw cosim none"):
        command = [sys.executable, "-m", *words.split()]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.startswith("error: none") and answer.stderr.count("\n") == 1
