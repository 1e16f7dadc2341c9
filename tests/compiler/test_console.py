"""The console script, run by its module's name, since an installed one may be older."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import compiler
from compiler.console import GROUPS, main, start

ROOT = Path(compiler.__file__).parents[1]


def started(*words: str) -> tuple[str, set[str]]:
    """What the script prints, and the command lines that it imports."""
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "runpy.run_module('compiler.console', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", code, *words]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return ended.stdout, {n for n in ended.stderr.split() if n.endswith(".command_line")}


def test_the_entry_point_is_its_function():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, function = project["project"]["scripts"]["convsim"].partition(":")
    assert getattr(import_module(module), function) is start


def test_the_version_imports_no_command_line():
    assert started("--version") == (f"convsim {compiler.__version__}\n", set())


def test_a_group_imports_no_command_line_but_its_own():
    printed, imported = started("golden", "run", "--help")
    assert printed.startswith("usage: convsim golden run ")
    assert imported == {"golden.command_line"}


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["--help"], "convsim "),
        (["map", "--help"], "convsim map "),
        (["compare", "--help"], "convsim compare "),
        *(([group, "--help"], f"convsim {group} ") for group in GROUPS),
        (["sim", "run", "--help"], "convsim sim run "),
        (["hw", "cosim", "--help"], "convsim hw cosim "),
        (["golden", "latency", "--help"], "convsim golden latency "),
    ],
)
def test_help_names_the_script(words, usage, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {usage}")


HEAVY = {"jinja2", "jsonschema", "matplotlib", "numba", "onnx", "rich", "tflite"}
"""Packages that take longer to import than help may take."""
HELP = """
import contextlib, io, sys
from compiler.console import main
for words in sys.argv[1:]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main([*words.split(), "--help"])
print(*sys.modules)
"""


def test_help_imports_nothing_heavy():
    commands = ["", "map", "info", "latency", "compare", "evaluate", "golden run", "sim run"]
    command = [sys.executable, "-c", HELP, *commands]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert not HEAVY & set(ended.stdout.split())


def test_help_lists_the_compilers_commands_and_the_groups(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    for name in ("map", "compare", "zoo", "import", *GROUPS):
        assert f"\n    {name} " in listed


@pytest.mark.parametrize("words", [[], ["walk"], ["sim"], ["sim", "walk"]])
def test_an_unknown_command_ends_with_status_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_command_runs(tmp_path, capsys):
    assert main(["zoo", "resnet18", "-o", str(tmp_path / "net.json")]) == 0
    assert compiler.load_model(tmp_path / "net.json").name == "resnet18"
    assert main(["map", str(tmp_path / "no.json")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_group_runs(tmp_path, capsys):
    assert main(["sim", "run", str(tmp_path / "no")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
