"""The console script, run by its module's name, since an installed one may be older."""

import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import compiler
from compiler.command_line import parser as compiler_parser
from compiler.console import GROUPS, main, start
from compiler.frontend import write_model
from tests.compiler.graphs import Net

ROOT = Path(compiler.__file__).parents[1]


def small_net():
    net = Net((6, 5, 3))
    return dataclasses.replace(net.finish(net.conv("input", 8, (2, 2))), name="small")


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


COMMANDS = (
    "", "map", "info", "latency", "compare", "zoo", "import", "quantize", "rewrite", "diff",
    "extract", "evaluate", "explore", "cache", "sim run", "hw generate", "hw cosim", "hw config",
    "hw area", "hw lint", "hw synth", "golden run", "golden latency",
)  # fmt: skip
HELP = """
import contextlib, io, sys
from compiler.console import main
for words in sys.argv[1:]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main([*words.split(), "--help"])
"""


def test_help_needs_no_package():
    """NumPy alone takes half of the time that help may take; -S hides what is installed."""
    command = [sys.executable, "-S", "-c", HELP, *COMMANDS]
    subprocess.run(command, cwd=ROOT, check=True)


def test_every_command_has_its_help_tried():
    listed = set()
    for group, parser in [("", compiler_parser("", {})), *((g, parser_of(g)) for g in GROUPS)]:
        (commands,) = (a.choices for a in parser._actions if isinstance(a.choices, dict))
        listed |= {f"{group} {name}".strip() for name in commands}
    assert listed == set(COMMANDS) - {""}


def parser_of(group):
    return import_module(f"{group}.command_line").parser(group)


def completed(tmp_path, line: str) -> list[str]:
    """The words that the shell is offered after ``line``."""
    answer = tmp_path / "answer"
    settings = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "IFS": "\n",
        "_ARGCOMPLETE_IFS": "\n",
    }
    command = [sys.executable, "-m", "compiler.console"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **settings})
    return [word.strip() for word in answer.read_text().split("\n")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("convsim ma", ["map"]),
        ("convsim h", ["hw"]),
        ("convsim hw co", ["cosim", "config"]),
        ("convsim sim run --no-", ["--no-values"]),
        ("convsim latency mobilenet_v2", ["mobilenet_v2"]),
        ("convsim hw config --preset ec", ["ecp5_25", "ecp5", "ecp5_soc"]),
    ],
)
def test_the_shell_is_offered_what_may_follow(line, words, tmp_path):
    assert completed(tmp_path, line) == words


def test_quiet_and_verbose_stand_before_or_behind_the_command(tmp_path, capsys):
    (tmp_path / "net.json").write_text("{")
    file = str(write_model(small_net(), tmp_path / "small.json"))
    words = ["map", file, "-o", str(tmp_path / "out"), "--preset", "tiny"]
    assert main(["-v", *words, "--no-cache"]) == 0
    said = capsys.readouterr().err
    for step in ("loading ", "compiling", "simulating the cycles", "mapping small"):
        assert re.search(rf"^ +\d+\.\d\d s  {step}", said, re.MULTILINE), said
    assert main([*words, "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert main(words) == 0
    assert capsys.readouterr().err == "small: mapped before, from the cache (--no-cache)\n"
    assert main(["-q", "map", str(tmp_path / "net.json")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


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
