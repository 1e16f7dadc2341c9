"""The spaces of the examples, with small networks and few candidates."""

import re
import shutil
from pathlib import Path

import pytest

import docs.examples
from compiler.explore.space_file import read_space
from compiler.explore.sweep import explore

EXAMPLES = Path(docs.examples.__path__[0])
SMALL = {
    r"points = \d+": "points = 2",
    r"batch = \d+": "batch = 2",
    r"resolution = .*": "resolution = 32",
}


@pytest.mark.parametrize("name", ["explore_machines", "explore_network"])
def test_a_space_is_explored(name, tmp_path):
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    for pattern, small in SMALL.items():
        text = re.sub(pattern, small, text)
    (tmp_path / "space.toml").write_text(text, encoding="utf-8")
    shutil.copy(EXAMPLES / "explore_network.py", tmp_path)
    space = read_space(tmp_path / "space.toml")
    sweep = explore(space, tmp_path / "out", 1)
    assert len(sweep.candidates) == 2
    assert all(len(rows) == len(space.networks) for rows in sweep.rows)
    assert not any(score.objectives is None for score in sweep.scores)
