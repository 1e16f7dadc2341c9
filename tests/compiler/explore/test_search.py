"""Ways to search, and who works the points out: the same candidates and the same rows."""

import pytest
from distributed import LocalCluster

from compiler.errors import InputError
from compiler.explore.front import front
from compiler.explore.score import mean, score
from compiler.explore.search import searcher
from compiler.explore.sweep import explore
from tests.compiler.explore.spaces import space_of, two_networks

SPACE = """
constraints = ["rows * cols <= 64"]
[machine]
preset = "tiny"
rows = [4, 8, 16]
cols = [4, 8]
[[network]]
function = "nets.py:net"
width = { from = 4, to = 32, step = 4 }
kernel = [1, 3, 5]
[objectives]
cycles = "min"
mac_units = "min"
quality = { goal = "max", function = "nets.py:quality" }
[limits]
cycles = { most = 2000 }
"""


def searching(folder, method, points, **others):
    keys = "".join(f"{key} = {value}\n" for key, value in others.items())
    return space_of(folder, f'{SPACE}[search]\nmethod = "{method}"\npoints = {points}\n{keys}')


def figures(sweep):
    """What is recorded of all candidates, without the seconds."""
    return [
        [{k: v for k, v in row.items() if k != "seconds"} for row in rows] for rows in sweep.rows
    ]


@pytest.mark.parametrize("method", ["random", "nsga2", "tpe"])
def test_a_search_keeps_constraints_and_goes_on_as_it_began(method, tmp_path):
    batch = {} if method == "random" else {"batch": 8}
    out = tmp_path / "out"
    explore(searching(tmp_path, method, 16, **batch), out, 1)
    resumed = explore(searching(tmp_path, method, 24, **batch), out, 1, resume=True)
    whole = explore(searching(tmp_path, method, 24, **batch), tmp_path / "whole", 1)
    assert resumed.candidates == whole.candidates and resumed.scores == whole.scores
    assert figures(resumed) == figures(whole)
    assert 12 < len(whole.candidates) <= 24 and resumed.recorded <= 16
    assert all(v["rows"] * v["cols"] <= 64 for v in whole.candidates)
    assert any(s.excess for s in whole.scores)
    best = front(whole.space, whole.scores)
    assert best and all(whole.scores[n].objectives[0] <= 2000 for n in best)


def test_a_random_search_of_a_small_space_ends(tmp_path):
    search = searcher(searching(tmp_path, "random", 10_000))
    assert len({tuple(values.values()) for values in search.ask()}) == 5 * 8 * 3
    assert not search.ask()


def test_a_limit_is_exceeded_by_a_share_and_networks_have_a_mean(tmp_path):
    space = searching(tmp_path, "random", 1)
    row = {"reason": None, "cycles": 3000, "mac_units": 16, "quality": 0.5}
    other = {**row, "cycles": 12_000, "quality": -0.5}
    found = score(space, [row, other])
    assert found.objectives == (pytest.approx(6000), 16, 0.0)
    assert found.excess == 5.0 and not found.is_good
    assert score(space, [row, {**other, "reason": "no"}]).objectives is None
    assert mean([2.0, 8.0]) == pytest.approx(4.0)


def test_workers_of_a_scheduler_give_the_same_rows(tmp_path):
    space = two_networks(tmp_path)
    alone = explore(space, tmp_path / "alone", 1)
    web = {"dashboard": False, "dashboard_address": ":0"}
    with LocalCluster(2, processes=False, threads_per_worker=1, scheduler_kwargs=web) as workers:
        address = workers.scheduler_address
        shared = explore(space, tmp_path / "shared", scheduler=address)
    assert figures(shared) == figures(alone) and shared.computed == 12


def test_a_scheduler_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("compiler.explore.cluster.CONNECT", 0.2)
    with pytest.raises(InputError, match=r"--scheduler tcp://127\.0\.0\.1:9: "):
        explore(two_networks(tmp_path), tmp_path / "out", scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists()
