"""The cache of what numba compiles."""

import os
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
