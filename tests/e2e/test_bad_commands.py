"""Settings, inputs and folders that cannot work are refused, likewise."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import write as write_mapping
from compiler.command_line import main as compiler_main
from compiler.driver import compile
from compiler.ir.graph import Declared
from hw.spec.config import preset
from tests.compiler.graphs import Net
from tests.e2e.refusals import (
    ON_TINY,
    RUN_COMMANDS,
    Write,
    refused,
    run,
    snapshot,
    write_document,
)

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
    "scratchpad": (("--set", "scratchpad_bytes=1"), ("scratchpad_bytes=1", "multiple of")),
    "lanes": (("--set", "requant_lanes=5"), ("requant_lanes=5", "cols")),
    "queue": (("--set", "queue_depth=99999999999999999999"), ("queue_depth=", "16")),
    "preset": (("--preset", "huge"), ("'huge'", "tiny")),
    "twice": (("--set", "rows=4", "--set", "rows=8"), ("'rows'", "given twice")),
    "name": (("--set", "name=a/b"), ("name='a/b'", "identifier")),
    "huge": (("--set", "memory.latency=1e303"), ("memory.latency='1e303'", "1 to 1000")),
}


@pytest.mark.parametrize("command", ["map", "generate"])
@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_an_impossible_configuration(tmp_path, capsys, model, name, command):
    options, parts = BAD_CONFIGURATIONS[name]
    refused(capsys, tmp_path, parts, command, model, *options)


def test_a_model_is_not_replaced_by_its_own_mapping(tmp_path, capsys, document):
    write_document(tmp_path / "model.json", *document)
    before = snapshot(tmp_path)
    assert compiler_main(["map", str(tmp_path / "model.json"), "-o", str(tmp_path), *ON_TINY]) == 2
    assert "would be overwritten; another folder" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


BAD_CONFIG_FILES: dict[str, tuple[Write, tuple[str, ...]]] = {
    "missing": (lambda p: None, ("No such file",)),
    "folder": (Path.mkdir, ("directory",)),
    "empty": (Path.touch, ("not valid JSON",)),
    "bytes": (lambda p: p.write_bytes(b"\xff\xfe"), ("not valid JSON",)),
    "half": (lambda p: p.write_text('{"rows": '), ("not valid JSON", "line 1")),
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
    "deep": (lambda p: p.write_text("[" * 100000), ("nested too deeply",)),
    "long": (lambda p: p.write_text(f'{{"rows": {"9" * 5000}}}'), ("not valid JSON", "4300")),
    "twice": (lambda p: p.write_text('{"rows": 4, "rows": 8}'), ("'rows'", "given twice")),
    "both ways": (
        lambda p: p.write_text('{"memory.latency": 5, "memory": {"latency": 7}}'),
        ("'memory.latency'", "given twice"),
    ),
    "no identifier": (lambda p: p.write_text('{"name": "my machine"}'), ("name='my machine'",)),
    "NaN": (lambda p: p.write_text('{"rows": NaN}'), ("number NaN", "finite")),
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


@pytest.mark.parametrize("command", ["golden", "cosim"])
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
    assert run("map", model, "-o", tmp_path / "mapped") == 0  # which the cache then has
    capsys.readouterr()
    for command in ("map", "generate"):
        refused(capsys, tmp_path, (str(file),), command, model, "-o", file)
    refused(capsys, tmp_path, ("xxx", "name too long"), "map", model, "-o", tmp_path / ("x" * 255))
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
