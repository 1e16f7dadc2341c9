"""The Verilog that is kept is the one that would be written."""

from __future__ import annotations

import shutil

import pytest

from hw import generate
from hw.spec.config import preset
from hw.tools import verilog_cache
from hw.tools.verilog_cache import KEPT, source_digest, verilog


@pytest.fixture
def written(monkeypatch, tmp_path) -> list[str]:
    """The prefixes for which Verilog is written, in place of which the prefix is the text."""

    def write(config, prefix=""):
        found.append(prefix)
        return f"module {prefix}accelerator"

    found: list[str] = []
    monkeypatch.setattr(generate, "verilog", write)
    monkeypatch.setattr(verilog_cache, "cache_root", lambda: tmp_path / "cache")
    return found


def test_a_text_is_written_once(written):
    texts = [verilog(preset("tiny"), prefix) for prefix in ("a_", "b_", "a_")]
    assert texts == ["module a_accelerator", "module b_accelerator", "module a_accelerator"]
    assert written == ["a_", "b_"]
    verilog(preset("ecp5"), "a_")
    assert written == ["a_", "b_", "a_"]


def test_the_oldest_texts_go(written, tmp_path):
    for number in range(KEPT + 3):
        verilog(preset("tiny"), f"m{number}_")
    assert len(list((tmp_path / "cache" / "verilog").iterdir())) == KEPT


def test_a_folder_that_cannot_be_written_is_passed_over(written, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert verilog(preset("tiny"), "a_") == "module a_accelerator"


def test_a_changed_source_is_another_machine(tmp_path):
    for folder in ("as_it_is", "core", "mem"):
        for part in ("core", "mem"):
            shutil.copytree(verilog_cache._HARDWARE / part, tmp_path / folder / part)
    for file in ("core/core/drain.py", "mem/mem/scratchpad_bank.v"):
        with (tmp_path / file).open("a") as source:
            source.write("\n")
    assert len({source_digest(folder) for folder in tmp_path.iterdir()}) == 3
