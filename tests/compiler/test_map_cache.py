"""The cache of mapped folders: the same bytes, and nothing stale."""

import dataclasses
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from compiler import zoo
from compiler.cache_folder import cache_root
from compiler.command_line import main
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.map_cache import ANSWER, SUMS, MapCache, content_key
from compiler.options import CompilerOptions
from compiler.source_digest import source_digest
from hw.spec.config import preset

SIZE = (32, 32)


@pytest.fixture(scope="module")
def graph():
    return randomize(zoo.build("mobilenet_v1_025", SIZE))


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The cache's folder of this test."""
    root = tmp_path / "cache"
    monkeypatch.setattr("compiler.map_cache.cache_root", lambda: root)
    return root / "maps"


@pytest.fixture
def model(tmp_path, graph):
    return write_model(graph, tmp_path / "model.json")


def run(model, folder, capsys, *options):
    """Map the model; the files by name, the JSON object, and whether the cache answered."""
    assert main(["map", str(model), "-o", str(folder), "--preset", "tiny", *options, "--json"]) == 0
    said = capsys.readouterr()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return files, json.loads(said.out), "from the cache" in said.err


def test_the_second_call_gives_the_same_bytes_from_the_cache(model, tmp_path, cached, capsys):
    first = run(model, tmp_path / "a", capsys)
    second = run(model, tmp_path / "b", capsys)
    fresh = run(model, tmp_path / "c", capsys, "--no-cache")
    assert [call[2] for call in (first, second, fresh)] == [False, True, False]
    assert first[:2] == second[:2] == fresh[:2]
    assert set(first[0]) == {
        "program.bin",
        "mapping.json",
        "model.json",
        "model.npz",
        "report.html",
    }


def test_no_cache_keeps_nothing(model, tmp_path, cached, capsys):
    run(model, tmp_path / "a", capsys, "--no-cache")
    assert not cached.exists()


def test_the_report_is_printed_alike(model, tmp_path, cached, capsys):
    texts = []
    for _ in range(2):
        arguments = ["map", str(model), "-o", str(tmp_path / "out"), "--preset", "tiny"]
        assert main(arguments) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and "cycles" in texts[0]


def test_a_cache_that_cannot_be_written_is_said_and_does_no_harm(model, tmp_path, cached, capsys):
    cached.parent.write_text("a file where the folder would be")
    arguments = ["map", str(model), "-o", str(tmp_path / "out"), "--preset", "tiny", "--json"]
    assert main(arguments) == 0
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", [ANSWER, SUMS, "program.bin"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, 9)])
def test_a_damaged_entry_is_removed(tmp_path, name, damage):
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()
    (work / "program.bin").write_bytes(bytes(1000))
    cache = MapCache(tmp_path / "maps")
    cache.keep("key", work, {"number": 1})
    damage(tmp_path / "maps" / "key" / name)
    assert cache.fetch("key", out) is None
    assert {path.name for path in cache.folder.iterdir()} == {".lock"} and not [*out.iterdir()]
    cache.keep("key", work, {"number": 2})
    assert cache.fetch("key", out) == {"number": 2}
    assert [path.name for path in out.iterdir()] == ["program.bin"]


def test_a_damaged_entry_is_mapped_again(model, tmp_path, cached, capsys):
    first = run(model, tmp_path / "a", capsys)
    (entry,) = (path for path in cached.iterdir() if path.is_dir())
    (entry / "mapping.json").unlink()
    assert run(model, tmp_path / "b", capsys) == first
    assert run(model, tmp_path / "c", capsys)[2]


def test_the_packages_that_write_the_report_are_in_the_key(graph, monkeypatch):
    before = content_key(graph)
    for package in ("matplotlib", "jinja2"):
        with monkeypatch.context() as patch:
            patch.setattr("importlib.metadata.version", lambda name, p=package: str(name == p))
            patched = content_key(graph)
        assert patched != before
        before = patched


def test_without_the_packages_that_write_the_report_there_is_a_key(graph, monkeypatch):
    with_them = content_key(graph)

    def version(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", version)
    assert content_key(graph) != with_them


def test_whatever_a_mapping_follows_from_is_in_the_key(graph):
    config, options = preset("tiny"), CompilerOptions()
    name = next(t.name for t in graph.tensors.values() if t.data is not None)
    changed = graph.tensors[name].data.copy()
    changed.flat[0] += 1
    tensors = {**graph.tensors, name: dataclasses.replace(graph.tensors[name], data=changed)}
    node = graph.nodes[-1]
    renamed = [*graph.nodes[:-1], dataclasses.replace(node, name="other")]
    keys = [
        content_key(graph, config, options),
        content_key(dataclasses.replace(graph, tensors=tensors), config, options),
        content_key(dataclasses.replace(graph, nodes=renamed), config, options),
        content_key(dataclasses.replace(graph, name="other"), config, options),
        content_key(graph, preset("edge256"), options),
        content_key(graph, config, CompilerOptions(materialize=True)),
    ]
    assert len(set(keys)) == len(keys)
    assert content_key(graph, config, options) == keys[0]


def test_another_compiler_has_another_digest(tmp_path):
    source = tmp_path / "one" / "compiler" / "passes" / "pass.py"
    source.parent.mkdir(parents=True)
    source.write_text("old")
    source_digest.cache_clear()
    before = source_digest(tmp_path / "one")
    source.write_text("new")
    source_digest.cache_clear()
    assert source_digest(tmp_path / "one") != before


def test_entries_used_longest_ago_go_first(tmp_path):
    cache = MapCache(tmp_path / "maps", limit=2500)
    for number in range(3):
        work = tmp_path / f"work{number}"
        work.mkdir()
        (work / "program.bin").write_bytes(bytes(1000))
        cache.keep(f"key{number}", work, {"number": number})
        if number == 1:
            assert cache.fetch("key0", tmp_path) == {"number": 0}
    found = [cache.fetch(f"key{number}", tmp_path) for number in range(3)]
    assert found == [{"number": 0}, None, {"number": 2}]


def test_what_is_larger_than_the_cache_is_not_kept(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "program.bin").write_bytes(bytes(1000))
    cache = MapCache(tmp_path / "maps", limit=999)
    cache.keep("key", work, {})
    assert cache.fetch("key", tmp_path) is None


SHARE = """
import sys
from pathlib import Path
from compiler.map_cache import MapCache
folder = Path(sys.argv[1])
cache = MapCache(folder / "maps", limit=5000)
for turn in range(20):
    key = f"key{turn % 7}"
    work = folder / f"{sys.argv[2]}-{turn}"
    work.mkdir()
    known = cache.fetch(key, work)
    if known is None:
        (work / "data").write_bytes(key.encode() * 200)
        cache.keep(key, work, key)
    else:
        assert known == key and (work / "data").read_bytes() == key.encode() * 200
"""


def test_processes_share_it(tmp_path):
    running = [
        subprocess.Popen([sys.executable, "-c", SHARE, str(tmp_path), name]) for name in "ab"
    ]
    assert [process.wait(60) for process in running] == [0, 0]


def test_the_cache_lies_with_the_projects_others():
    assert MapCache().folder.parent == cache_root()
