"""``compiler latency``: the cycles of ``map``, without mapping."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import compiler
from compiler import remembered
from compiler.clocks import PLACED
from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.graph import Quant
from compiler.ir.randomize import randomize
from compiler.remembered import answer_key
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import preset

ROOT = Path(compiler.__file__).parents[1]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The same network with weights and without, and one with an operator of the host."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for name in ("whole", "bare", "host"):
        net = GraphBuilder(name, (9, 8, 3))
        x = net.conv("stem", "input", 8, 3, stride=2, activation="relu6")
        x = net.add("add", x, net.depthwise("depthwise", x, 3))
        if name == "host":
            x = net.layer_norm("norm", x)
        graph = net.finish(net.fully_connected("logits", x, 5))
        if name != "bare":
            graph = dataclasses.replace(randomize(graph), random_weights=False)
        found[name] = str(write_model(graph, folder / f"{name}.json"))
    return found


def branches(scales):
    """Two layers that are concatenated, with these scales, and a third result that pools one."""
    net = GraphBuilder("branches", (9, 8, 3))
    stem = net.conv("stem", "input", 16, 3, activation="relu")
    left, right = (net.conv(name, stem, 16, 1) for name in ("left", "right"))
    pool = net.max_pool("pool", right, 3, padding=(1, 1, 1, 1))
    x = net.concatenate("join", left, pool)
    graph = net.finish(net.fully_connected("logits", x, 5))
    if scales is None:
        return graph
    graph = randomize(graph)
    tensors = dict(graph.tensors)
    for name, scale in zip((left, pool, right, x), scales, strict=True):
        tensors[name] = dataclasses.replace(tensors[name], quant=Quant((scale,), (0,)))
    return dataclasses.replace(graph, tensors=tensors, random_weights=False)


def test_what_scales_at_concatenations_cost_is_said(tmp_path, capsys):
    """The bounds are the cycles of models whose scales are so, which have none themselves."""
    words = ["--preset", "tiny", "--no-cache"]
    paths = [
        str(write_model(branches(scales), tmp_path / f"{number}.json"))
        for number, scales in enumerate((None, (1, 1, 1, 1), (2, 3, 3, 1)))
    ]
    assert main(["latency", *paths, *words, "--json"]) == 0
    bare, equal, different = json.loads(capsys.readouterr().out)["networks"]
    assert equal["rescaled"] is None and different["rescaled"] is None
    names = [layer["name"] for layer in different["layers"]]
    only = sorted(set(names) - {layer["name"] for layer in equal["layers"]}, key=names.index)
    assert len(only) == 2 and equal["cycles"] < different["cycles"]
    wanted = {"equal": equal["cycles"], "different": different["cycles"], "operations": only}
    assert bare["rescaled"] == wanted
    assert main(["latency", paths[0], *words]) == 0
    line = f"if all differ, for 2 array operations: {only[0]}, {only[1]}"
    assert f"{equal['cycles']:,} cycles if scales" in (text := capsys.readouterr().out)
    assert line in " ".join(text.split())


def test_cycles_and_layers_are_those_of_map(models, tmp_path, capsys):
    names = [models["whole"], models["bare"], models["host"], "mobilenet_v1_025"]
    words = ["--preset", "ecp5", "--set", "memory.latency=30", "--json"]
    assert main(["latency", *names, *words, "--clock", "50", "--no-cache"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["clock_mhz"], found["clock"]) == (50, "--clock")
    for name, row in zip(names, found["networks"], strict=True):
        assert main(["map", name, "-o", str(tmp_path / "out"), *words]) == 0
        mapped = json.loads(capsys.readouterr().out)
        for key in ("network", "macs", "model_macs", "cycles", "utilization", "counters"):
            assert row[key] == mapped[key], key
        for layer, wanted in zip(row["layers"], mapped["layers"], strict=True):
            assert wanted.items() >= layer.items()
        assert row["milliseconds"] == pytest.approx(mapped["cycles"] / 50e3)


def test_what_is_assumed_is_said(models, capsys):
    assert main(["latency", *models.values(), "--preset", "tiny"]) == 0
    text = capsys.readouterr().out
    assert f"Times at {PLACED['tiny']:g} MHz (placed and routed on ECP5)." in text
    assert "bare: no weights: scales are seeded random ones" in text
    assert "host: on the host, in no cycle: 1 layer_norm." in text
    assert "whole:" not in text
    assert main(["latency", models["whole"], "--set", "rows=8"]) == 0
    assert "100 MHz (assumed)" in capsys.readouterr().out


REMEMBERED = """
import sys
from compiler.command_line import main
assert main(sys.argv[1:]) == 0
for name in ("numpy", "numba", "rich.console"):
    assert name not in sys.modules, name
"""


def test_an_answer_is_remembered_and_costs_no_package(models, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ["latency", models["whole"], models["host"], "--preset", "tiny"]
    assert main(words) == 0
    first = capsys.readouterr()
    ended = subprocess.run(
        [sys.executable, "-c", REMEMBERED, *words],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.stdout == first.out
    assert ended.stderr.endswith("timed before, from the cache (--no-cache)\n")


def test_a_remembered_answer_is_of_the_same_model_and_machine(models, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = Path(models["whole"])
    shutil.copytree(model.parent, tmp_path / "models")
    copy = tmp_path / "models" / model.name
    key = answer_key(str(copy), preset("tiny"))
    assert key == answer_key(str(copy), preset("tiny"))
    assert key != answer_key(str(copy), preset("ecp5"))
    copy.with_suffix(".npz").write_bytes(copy.with_suffix(".npz").read_bytes() + b" ")
    other = answer_key(str(copy), preset("tiny"))
    assert other != key
    copy.write_text(copy.read_text() + " ")
    assert answer_key(str(copy), preset("tiny")) not in (key, other)


def test_only_the_last_answers_are_kept_and_a_broken_one_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered, "KEPT", 2)
    for number in range(3):
        remembered.keep(f"key{number}", {"number": number})
        os.utime(tmp_path / "convsim" / "latencies" / f"key{number}", (number, number))
    remembered.keep("key3", {"number": 3})
    assert [remembered.fetch(f"key{n}") for n in range(4)] == [
        None, None, {"number": 2}, {"number": 3}
    ]  # fmt: skip
    (tmp_path / "convsim" / "latencies" / "key3").write_text("{")
    assert remembered.fetch("key3") is None


def test_an_answer_that_goes_meanwhile_is_no_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remembered.keep("key", {})
    (tmp_path / "convsim" / "latencies" / "gone").symlink_to("nothing")
    remembered.keep("other", {"number": 1})
    assert remembered.fetch("other") == {"number": 1} and capsys.readouterr().err == ""


def test_an_unknown_name_is_refused_in_one_line(capsys):
    assert main(["latency", "mobilenet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: mobilenet: ") and error.count("\n") == 1


def test_options_of_files_are_refused_for_names(tmp_path, capsys):
    words = ["mobilenet_v1_025", "--calibrate", str(tmp_path)]
    assert main(["map", *words, "-o", str(tmp_path / "out")]) == 2
    assert "--calibrate" in capsys.readouterr().err
