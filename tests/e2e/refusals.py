"""Commands that are refused: how they are run, and what a refusal must be."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from compiler.command_line import main as compiler_main
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from golden.command_line import main as golden_main
from hw.command_line import main as hw_main
from sim.command_line import main as sim_main
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


def check_status(capsys, status: int, where: object) -> None:
    error = capsys.readouterr().err
    assert status in (0, 2), where
    assert status == 0 or (error.startswith("error: ") and error.count("\n") == 1), (where, error)
