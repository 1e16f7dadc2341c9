"""The cache of what numba compiles."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "import {}, numba\nprint(numba.config.CACHE_DIR)"


@pytest.mark.parametrize("first", ["compiler.schedule.placement_kernels", "sim.values.requantise"])
def test_compiled_code_goes_to_the_projects_cache_whatever_is_imported_first(first, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", CODE.format(first)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert Path(ended.stdout.strip()).parent == tmp_path / "convsim" / "numba"


LOADED = """
import sys
from compiler import Estimator, zoo
Estimator("tiny").cycles(zoo.build("mobilenet_v1_025", (32, 32)))
from numba.core.runtime import rtsys
print([name for name in ("numba.np.linalg", "numba.typed.dictimpl") if name in sys.modules])
print(rtsys._init)
"""


def test_kernels_of_the_cache_are_loaded_without_what_compiling_needs():
    """The first run compiles what is not there."""
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
        )
    assert ended.stdout.splitlines() == ["[]", "False"]


INSERTED = """
import numpy as np
from compiler.schedule.placement_kernels import insert
insert(np.zeros((2, 4), np.int64), np.array([0, 8]), 0, 1, 0, 1)
"""


def test_a_terminal_is_told_once_that_code_is_compiled(tmp_path):
    environment, said = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}, []
    for _ in range(2):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", INSERTED]
        subprocess.run(command, check=True, stderr=theirs, env=environment)
        os.write(theirs, b"end\n")
        said.append(os.read(ours, 4096).decode().splitlines())
        os.close(ours)
        os.close(theirs)
    (line, end), rest = said
    assert line.startswith("compiling the search and the timing") and str(tmp_path) in line
    assert end == "end" and rest == ["end"]


@pytest.mark.parametrize(
    "words", [("compiler", "latency", "mobilenet_v2"), ("hw", "generate", "--preset", "tiny")]
)
def test_a_cache_that_cannot_be_written_is_one_line_with_the_remedy(words, tmp_path):
    (tmp_path / "convsim").write_text("a file")
    folder = ("-o", str(tmp_path / "out")) if words[0] == "hw" else ()
    ended = subprocess.run(
        [sys.executable, "-m", *words, *folder],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line == (
        f"error: the cache {tmp_path}/convsim cannot be written: File exists; "
        "set XDG_CACHE_HOME to a folder that can"
    )
