"""Every command in README.md and docs runs; what stands for many is checked against the parser."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.docs.commands import PAGES, ROOT, Command, check_synopsis, run, run_apart, steps
from tests.support.float_onnx import mobile_net
from tests.support.float_tflite import FloatModel
from tests.support.onnx_builder import OnnxBuilder

LONG = {
    "python -m hw cosim out/mobilenet_v2": "RTL of a large preset",
    "python -m hw generate --preset ecp5 -o out/ecp5": "Verilog of a large preset",
    "python -m hw synth --preset tiny -o out/fpga": "synthesis",
    "python -m hw synth --preset tiny --target xilinx": "synthesis",
    "python -m hw lint --preset ecp5": "Verilog of a large preset",
    "python -m golden latency mobilenet_v2.json": "long benchmark",
    "python -m tests.benchmarks.papers": "long benchmark",
    "python -m tests.benchmarks.scaling docs/results/scaling.svg": "long benchmark",
    "python -m tests.benchmarks.simulator lite0": "long benchmark",
    "python -m tests.benchmarks.rtl lite0": "RTL of a large preset",
    "python -m compiler explore docs/examples/explore_machines.toml -o out/machines --workers 2": (
        "2,500 points"
    ),
    "python -m compiler explore docs/examples/explore_area.toml -o out/area --workers 2": (
        "270 points"
    ),
    "python -m compiler explore docs/examples/explore_network.toml -o out/network --workers 2": (
        "1,000 candidates"
    ),
}
"""Commands of the long run, without ``.venv/bin/``, and why."""


def key(command: Command) -> str:
    return command.text.removeprefix(".venv/bin/")


def small_float_models() -> None:
    """A float ``model.onnx`` and ``model.tflite``, and ``inputs.npy``, which fits both."""
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input(1, 4, 4, 4)))
    Path("model.onnx").write_bytes(net.bytes())
    model = FloatModel(np.random.default_rng(0))
    model.output(model.node("relu", [model.input(1, 4, 4, 4)], (1, 4, 4, 4)))
    Path("model.tflite").write_bytes(model.bytes())
    np.save("inputs.npy", np.random.default_rng(0).standard_normal((8, 4, 4, 4), np.float32))


def example_spaces() -> None:
    """The spaces of ``docs/examples``, in a folder of that name."""
    folder = Path("docs/examples")
    folder.mkdir(parents=True)
    for path in (ROOT / folder).glob("explore_*"):
        shutil.copy(path, folder)


def small_trainable_model() -> None:
    """A float ``net.onnx`` of 16x16 pictures and ten classes."""
    Path("net.onnx").write_bytes(mobile_net(np.random.default_rng(0)).bytes())


PREPARE: dict[str, Callable[[], None]] = {
    "docs/area.md": example_spaces,
    "docs/explore.md": example_spaces,
    "docs/quantisation.md": small_float_models,
    "docs/rewrite.md": small_trainable_model,
}
"""Makes the files that the commands of a page take for granted."""


def follow(page: str, monkeypatch, *, long: bool) -> None:
    """Do what a page shows, in its order, in the working directory."""
    if page in PREPARE:
        PREPARE[page]()
    names = {"__name__": page}
    for step in steps(PAGES[page].read_text(encoding="utf-8")):
        if not isinstance(step, Command):
            exec(compile(step.text, page, "exec"), names)
        elif step.is_make or step.is_synopsis:
            continue
        elif key(step) not in LONG:
            run(step, monkeypatch)
        elif long:
            run_apart(step)


def commands() -> list[tuple[str, Command]]:
    """Every command with its page."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
    return [
        (name, step)
        for name, text in texts.items()
        for step in steps(text)
        if isinstance(step, Command)
    ]


def runnable(page: str) -> list[str]:
    return [key(c) for name, c in commands() if name == page and not (c.is_make or c.is_synopsis)]


def has_program(page: str) -> bool:
    return not all(isinstance(x, Command) for x in steps(PAGES[page].read_text(encoding="utf-8")))


QUICK = [page for page in PAGES if set(runnable(page)) - set(LONG) or has_program(page)]


@pytest.mark.xdist_group("zoo_tiny")
@pytest.mark.parametrize("page", QUICK)
def test_quick_commands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(page, monkeypatch, long=False)


@pytest.mark.full
@pytest.mark.xdist_group("zoo_tiny")
@pytest.mark.parametrize("page", [page for page in PAGES if set(runnable(page)) & set(LONG)])
def test_long_commands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(page, monkeypatch, long=True)


@pytest.mark.parametrize("command", [c for _, c in commands() if c.is_synopsis], ids=key)
def test_a_synopsis_names_options_that_exist(command, monkeypatch):
    check_synopsis(command, monkeypatch)


@pytest.mark.parametrize("command", [c for _, c in commands() if c.is_make], ids=key)
def test_make_has_the_target(command):
    """Not run: it sets up the environment that the tests run in."""
    words = command.text.split()
    subprocess.run([words[0], "-n", *words[1:]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_every_long_command_is_in_a_page():
    assert set(LONG) <= {key(command) for _, command in commands()}


def test_commands_are_found_wherever_they_stand():
    text = (
        "    python -m sim run out/x --json    # a comment\n"
        "    python -m sim run DIR [--json]\n"
        "              [--output Y.npy]\n"
        "`python -m no` and\npython -m no\n"
        "```sh\nmake map  # too\n.venv/bin/python -m hw lint\n```\n"
        "```json\n{}\n```\n"
        "    convsim sim run out/y\n"
    )
    found = steps(text)
    assert [step.text for step in found] == [
        "python -m sim run out/x --json",
        "python -m sim run DIR [--json] [--output Y.npy]",
        "make map",
        ".venv/bin/python -m hw lint",
        "convsim sim run out/y",
    ]
    assert [step.is_synopsis for step in found] == [False, True, False, False, False]
    assert found[1].options == {"--json", "--output"}
    assert (found[3].module, found[3].words) == ("hw", ["lint"])
    assert (found[4].module, found[4].words) == ("compiler.console", ["sim", "run", "out/y"])


@pytest.mark.parametrize(
    "text",
    [
        "python -m sim run DIR [--jsom]",
        "python -m sim walk DIR",
        "python -m sin run DIR",
        "convsim sim walk DIR",
    ],
)
def test_a_wrong_synopsis_fails(text, monkeypatch, capsys):
    with pytest.raises((AssertionError, ImportError)):
        check_synopsis(Command(text), monkeypatch)


@pytest.mark.parametrize("text", ["python -m sim run out/nothing", "python -m sim run --jsom x"])
def test_a_command_that_fails_fails_the_test(text, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError, match="exit status 2"):
        run(Command(text), monkeypatch)
