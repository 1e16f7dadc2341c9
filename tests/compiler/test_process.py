"""What may happen to the process around a command: one line, the right status, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.command_line import main as compiler_main
from golden.command_line import main as golden_main
from hw.command_line import main as hw_main
from sim.command_line import main as sim_main

# A process that a background shell starts ignores SIGINT; these do not.
COMMAND = (
    "import signal, sys; from compiler.process import run_command\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "sys.exit(run_command(lambda: {}))"
)
SIGNALS = pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
)
KILL = "__import__('os').kill(__import__('os').getpid(), {})"
LONG = "print('x' * 100_000) or 0"


def run(main: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND.format(main)]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **options)


def test_the_status_is_that_of_the_command():
    assert run("2").returncode == 2
    assert run("sys.exit(0)").returncode == 0


@pytest.mark.parametrize("main", [LONG, "__import__('rich').print('x') or 0"], ids=["", "rich"])
def test_a_closed_pipe(main):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(main, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "error: standard output was closed\n")


@pytest.mark.parametrize("main", [LONG, "print('x') or 0"])
def test_a_full_disk(main):
    with Path("/dev/full").open("w") as full:
        done = run(main, stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_file_that_cannot_be_made_is_named(tmp_path):
    done = run(f"open({str(tmp_path / 'none' / 'a')!r}, 'w')")
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path}/none/a: No such file or directory\n"


def test_a_closed_standard_output():
    script = '"$0" -c "$1" >&-; echo $? >&2'
    command = ["sh", "-c", script, sys.executable, COMMAND.format("0")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "error: standard output is closed\n1\n"


def test_a_character_that_the_encoding_lacks():
    done = run("print('a\u2588b') or 0", stdout=subprocess.PIPE,
               env=os.environ | {"PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "a?b\n", "")


@SIGNALS
def test_an_interrupted_command_leaves_nothing(tmp_path, number, word):
    main = (
        "__import__('contextlib').ExitStack().enter_context("
        "__import__('tempfile').TemporaryDirectory()) and "
        f"{KILL.format(int(number))} or 0"
    )
    done = run(main, env=os.environ | {"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (128 + number, f"error: {word}\n")
    assert list(tmp_path.iterdir()) == []


@SIGNALS
def test_an_interruption_in_a_callback_from_c_is_not_lost(number, word):
    """There Python says "Exception ignored", and goes on."""
    called = f"__import__('ctypes').CFUNCTYPE(None)(lambda: {KILL.format(int(number))})()"
    done = run(f"{called} or __import__('time').sleep(60) or 0")
    assert (done.returncode, done.stderr) == (128 + number, f"error: {word}\n")


@SIGNALS
def test_a_signal_after_the_work_changes_nothing(number, word):
    at_exit = f"__import__('atexit').register(lambda: {KILL.format(int(number))})"
    done = run(f"{at_exit} and 3")
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.parametrize("words", [("compiler", "zoo"), ("hw", "config")], ids=" ".join)
def test_commands_run_in_it(words):
    command = [sys.executable, "-m", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_name_too_long_is_refused(capsys):
    name = "a" * 300
    for main, words in (
        (compiler_main, ["map", f"{name}.json"]),
        (compiler_main, ["import", f"{name}.onnx", "-o", "a.json"]),
        (compiler_main, ["compare", f"{name}.json"]),
        (compiler_main, ["diff", name, "--reference", "a.onnx"]),
        (compiler_main, ["extract", name, "--layer", "a", "-o", "a"]),
        (compiler_main, ["evaluate", "mobilenet_v1_025", "--images", name]),
        (sim_main, ["run", name]),
        (hw_main, ["config", "-o", name]),
        (hw_main, ["generate", "--preset", "tiny", "-o", name]),
        (hw_main, ["config", "--config", f"{name}.json"]),
        (golden_main, ["run", f"{name}.json", "--input", "x.npy", "--output", "y.npy"]),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1, error
