"""Damaged model files of every format: refused in one line or mapped right, never worse."""

from __future__ import annotations

import collections
import json
import random
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.frontend import write_model
from hw.spec.config import preset
from sim.program_reader import ProgramError
from tests.fuzz import judge as judge_module
from tests.fuzz.judge import judge
from tests.fuzz.mutate import damaged_bytes, damaged_document
from tests.fuzz.onnx_models import damaged_onnx
from tests.support.random_layers import random_layer
from tests.support.tflite_builder import build_model

TINY = preset("tiny")

Make = Callable[[random.Random, Path], Path]


def damaged_json(rng: random.Random, folder: Path) -> Path:
    """A model whose document, text or weights are damaged."""
    graph = random_layer(TINY, rng.randrange(1 << 30)).graph
    path = write_model(graph, folder / "model.json")
    kind = rng.choice(("document", "document", "text", "weights"))
    if kind == "document":
        path.write_text(damaged_document(rng, json.loads(path.read_text())))
    else:
        victim = path if kind == "text" else path.with_suffix(".npz")
        if victim.exists():
            victim.write_bytes(damaged_bytes(rng, victim.read_bytes()))
    return path


def damaged_tflite(rng: random.Random, folder: Path) -> Path:
    """A ``.tflite`` file with damaged bytes."""
    path = folder / "model.tflite"
    while True:
        graph = random_layer(TINY, rng.randrange(1 << 30)).graph
        try:
            data = build_model(graph.to_dict())
        except (KeyError, ValueError):
            continue  # TFLite has no such operator or padding.
        path.write_bytes(damaged_bytes(rng, data))
        return path


MAKERS: dict[str, Make] = {"json": damaged_json, "onnx": damaged_onnx, "tflite": damaged_tflite}


def check(kind: str, first: int, count: int, folder: Path) -> None:
    """Judge ``count`` files, and up to ten times as many until some are refused and some are right;
    the message of a failure has what repeats them."""
    outcomes: collections.Counter[str] = collections.Counter()
    faults = []
    for number in range(first, first + 10 * count):
        if number >= first + count and outcomes["refused"] and outcomes["right"]:
            break
        work = folder / str(number)
        work.mkdir()
        path = MAKERS[kind](random.Random(f"{kind}{number}"), work)
        try:
            outcomes[judge(path, number)] += 1
        except Exception:
            faults.append(f"{kind} {number}:\n{traceback.format_exc(limit=-4)}")
        shutil.rmtree(work)
    assert not faults, "\n".join(faults)
    assert outcomes["refused"] > 0 and outcomes["right"] > 0, outcomes


@pytest.mark.parametrize("kind", MAKERS)
def test_some_files(kind, seed, tmp_path):
    check(kind, seed, 40, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 11))
@pytest.mark.parametrize("kind", MAKERS)
def test_many_files(kind, batch, seed, tmp_path):
    check(kind, seed + 1000 * batch, 500, tmp_path)


@pytest.fixture
def good(tmp_path):
    graph = random_layer(TINY, 1).graph
    return write_model(graph, tmp_path / "model.json")


def test_the_judge_accepts_a_good_model(good):
    assert judge(good, 0) == "right"


def test_the_judge_sees_a_wrong_value(good, monkeypatch):
    real = judge_module.run

    def wrong(graph, inputs):
        values = real(graph, inputs)
        return {**values, **{name: values[name] ^ 1 for name in graph["outputs"]}}

    monkeypatch.setattr(judge_module, "run", wrong)
    with pytest.raises(judge_module.Finding, match="differs"):
        judge(good, 0)


@pytest.mark.parametrize("status", (0, 1, 2))
def test_the_judge_sees_a_bad_end(good, monkeypatch, status):
    def bad(arguments):
        print("several\nlines", file=sys.stderr)
        return status

    monkeypatch.setattr(judge_module, "main", bad)
    with pytest.raises((judge_module.Finding, ProgramError)):
        judge(good, 0)


def test_the_judge_sees_a_hang(good, monkeypatch):
    monkeypatch.setattr(judge_module, "SECONDS", 1)
    monkeypatch.setattr(judge_module, "main", lambda _: time.sleep(10))
    with pytest.raises(judge_module.Finding, match="no end"):
        judge(good, 0)
