"""``convsim cache``: the parts of the cache, listed and removed."""

import pytest

from compiler.console import main


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, size in (("maps", 3), ("verilog", 1)):
        folder = tmp_path / "convsim" / name / "inner"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(size << 20))
    return tmp_path / "convsim"


def test_the_parts_are_listed_with_their_sizes(cache, capsys):
    assert main(["cache"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(name, float(size)) for size, _, name in lines] == [
        ("maps", pytest.approx(3, abs=0.2)),
        ("verilog", pytest.approx(1, abs=0.2)),
        (str(cache), pytest.approx(4, abs=0.2)),
    ]


def test_one_part_or_all_are_removed(cache, capsys):
    assert main(["cache", "--clear", "maps"]) == 0
    assert [path.name for path in cache.iterdir()] == ["verilog"]
    assert main(["cache", "--clear"]) == 0
    assert not list(cache.iterdir())
    assert capsys.readouterr().out.count("removed") == 2


def test_an_unknown_part_is_refused_and_nothing_removed(cache, capsys):
    assert main(["cache", "--clear", "maps", "none"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--clear none; accepted: maps, verilog" in line
    assert len(list(cache.iterdir())) == 2
