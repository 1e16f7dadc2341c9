"""A disk that fills up while a command writes: one line, and what was there before."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from compiler.command_line import main as compiler_main
from compiler.errors import InputError
from compiler.whole_files import write_file
from golden.command_line import main as golden_main
from hw.command_line import main as hw_main
from sim.command_line import main as sim_main

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

ROOM = 100
"""Bytes that a file may have, fewer than any that is written here."""


@contextmanager
def full() -> Iterator[None]:
    """No file can grow beyond ROOM; the signal of such a write is ignored, as Python does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = {
    "map": (compiler_main, ["map", "{model}", "-o", "{new}", "--preset", "tiny", "--no-cache"]),
    "map --csv": (
        compiler_main,
        ["map", "{model}", "-o", "{tmp}/o", "--csv", "{old}.csv", "--no-cache"],
    ),
    "import": (compiler_main, ["import", "{model}", "-o", "{new}.json"]),
    "zoo": (compiler_main, ["zoo", "mobilenet_v1_025", "-o", "{new}.json"]),
    "extract": (compiler_main, ["extract", "{folder}", "--layer", "stem", "-o", "{new}"]),
    "golden run": (golden_main, ["run", "{model}", "--output", "{old}"]),
    "sim run --output": (sim_main, ["run", "{folder}", "--output", "{old}"]),
    "sim run --tensors": (sim_main, ["run", "{folder}", "--tensors", "{new}"]),
    "sim run --timeline": (sim_main, ["run", "{folder}", "--timeline", "{old}"]),
    "hw config": (hw_main, ["config", "-o", "{old}"]),
    "hw generate": (hw_main, ["generate", "--preset", "tiny", "-o", "{new}"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_leaves_what_was_there(name, tmp_path, capsys, model, folder):
    main, words = COMMANDS[name]
    (tmp_path / "old").write_text("kept")
    (tmp_path / "old.csv").write_text("kept")
    places = {"model": model, "folder": folder}

    def command(place: Path) -> list[str]:
        outputs = {"new": place / "new", "old": place / "old", "tmp": place}
        return [word.format(**places, **outputs) for word in words]

    # What is kept of earlier work (compiled kernels, Verilog) is there then.
    room = tmp_path / "room"
    room.mkdir()
    assert main(command(room)) == 0
    before = content(tmp_path)
    capsys.readouterr()
    with full():
        status = main(command(tmp_path))
    error = capsys.readouterr().err
    assert status == 2 and error.startswith("error: ") and "File too large" in error, error
    assert error.count("\n") == 1
    assert content(tmp_path) == before


def test_a_link_stays_one(tmp_path):
    """As /dev/stdout is one, to a file where output goes to one."""
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "model.onnx", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, b"new")
    assert link.is_symlink() and content(tmp_path) == {link: b"new", target: b"new"}


def test_a_file_that_cannot_be_replaced_stays(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"kept")
    with full(), pytest.raises(InputError, match=r"model\.onnx: File too large"):
        write_file(path, np.zeros(1000, np.uint8).tobytes())
    assert content(tmp_path) == {path: b"kept"}
