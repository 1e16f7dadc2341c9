"""Sweeps: figures, bad points, fronts, and what a stop leaves."""

import csv
import itertools
import json
from concurrent.futures import CancelledError

import numpy as np
import pyarrow.parquet as pq
import pytest

from compiler import driver
from compiler.codegen.program import image, mapping
from compiler.command_line import main
from compiler.errors import Failure, InputError
from compiler.explore import cluster, store, worker
from compiler.explore.chunks import Chunks
from compiler.explore.front import front, main_effects
from compiler.explore.page import write_page
from compiler.explore.results import write_results
from compiler.explore.score import Score
from compiler.explore.space import Point
from compiler.explore.sweep import explore
from compiler.explore.workers import Here
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.report.energy import energy_estimate, read_energy_table
from hw.spec.config import from_dict
from hw.tools.area.estimate import estimate
from sim.lost import LOST_DOC
from sim.program_reader import program_of
from sim.report import summary
from sim.simulation import run_timing
from tests.compiler.explore.spaces import TWO_NETWORKS, space_of, two_networks


def timed(graph, config):
    """Summary and energy of a graph by the way of ``map`` and ``sim run``."""
    compiled = driver.compile(randomize(graph), config)
    program = program_of(None, np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    timing = run_timing(program)
    energy = energy_estimate(program, timing, read_energy_table())
    return summary(program, timing), sum(energy.values())


def test_every_figure_is_that_of_the_mapped_network(tmp_path):
    space = space_of(
        tmp_path,
        """
        clock_mhz = 50
        target = "xilinx"
        [machine]
        preset = "tiny"
        rows = [4, 16]
        [[network]]
        function = "nets.py:net"
        width = [4, 9]
        kernel = 3
        [objectives]
        cycles = "min"
        luts = "min"
        energy_uj = "min"
        quality = { goal = "max", function = "nets.py:quality" }
        """,
    )
    sweep = explore(space, tmp_path / "out", 1)
    for values, (row,) in zip(sweep.candidates, sweep.rows, strict=True):
        graph = space.networks[0].build({"width": values["net.width"]})
        config = space.config([("rows", values["rows"])])
        wanted, energy = timed(graph, config)
        assert row["reason"] is None and row["machine"] == wanted["preset"]
        for name in ("cycles", "macs", "utilization", "mac_units"):
            assert row[name] == wanted[name]
        assert row["energy_uj"] == pytest.approx(energy, rel=1e-12)
        assert row["dram_bytes"] == wanted["dram_read_bytes"] + wanted["dram_write_bytes"]
        assert estimate(config, "xilinx").resources.items() <= row.items()
        assert row["milliseconds"] == wanted["cycles"] / 50e3
        assert row["stall_share"] == max(wanted["lost"].values()) / wanted["cycles"]
        assert wanted["lost"][row["stall"]] == max(wanted["lost"].values())
        assert row["quality"] == values["net.width"] / 3 + 2
        assert row["parameters"] == values["net.width"] * (4 * 9 + 1 + 9 + 1)


def test_a_bad_point_is_a_row_with_its_reason(tmp_path):
    space = space_of(
        tmp_path,
        """
        [machine]
        preset = "tiny"
        rows = [4, 6]
        [[network]]
        label = "net"
        function = "nets.py:net"
        width = [4, 0]
        [[network]]
        function = "nets.py:broken"
        width = 3
        [objectives]
        cycles = "min"
        """,
    )
    sweep = explore(space, tmp_path / "out", 1)
    reasons = {
        tuple(v.values())[:2]: [r["reason"] for r in rows]
        for v, rows in zip(sweep.candidates, sweep.rows, strict=True)
    }
    assert reasons[4, 4][0] is None and reasons[4, 4][1].endswith("nets.py:broken: KeyError: 3")
    assert "'conv/weights': shape [0, 3, 3, 4]" in reasons[4, 0][0]
    assert "rows=6 must be 4, 8, 16, 32 or 64" in reasons[6, 4][0]
    assert write_results(sweep, tmp_path / "out") == []


def test_the_results_are_the_front_and_all_points(tmp_path):
    space, out = two_networks(tmp_path), tmp_path / "out"
    sweep = explore(space, out, 1)
    best = write_results(sweep, out)
    assert best and len(sweep.candidates) == 8 and sweep.computed == 12
    points = pq.read_table(out / "points.parquet").to_pylist()
    assert [row["candidate"] for row in points] == [n for n in range(8) for _ in range(2)]
    with (out / "front.csv").open() as file:
        assert [int(row["candidate"]) for row in csv.DictReader(file)] == [
            n for n in best for _ in range(2)
        ]
    write_page(sweep, best, out)
    page = (out / "page.html").read_text(encoding="utf-8")
    for number in best:
        assert f"candidate {number}: {sweep.rows[number][0]['machine']}" in page
        assert LOST_DOC[sweep.rows[number][0]["stall"]] in page
        config = from_dict(json.loads((out / f"front/{number}.json").read_text()))
        assert config.rows == sweep.candidates[number]["rows"]
        assert (out / f"front/{number}.net.json").is_file()


@pytest.mark.parametrize("stop", range(5))
def test_a_stopped_run_goes_on_where_it_was(stop, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "LONGEST", 0.0)
    space, out = two_networks(tmp_path), tmp_path / "out"
    whole = explore(space, tmp_path / "whole", 1)
    run = Here.run
    worked_out = []

    def stopping(self, points):
        for number, rows in enumerate(run(self, points)):
            if number == stop:
                raise KeyboardInterrupt
            worked_out.extend(row["key"] for row in rows)
            yield rows

    monkeypatch.setattr(Here, "run", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            explore(space, out, 1, resume=bool(out.exists()))
    monkeypatch.setattr(Here, "run", run)
    before = {p.name: p.read_bytes() for p in (out / "rows").iterdir()}
    sweep = explore(space, out, 1, resume=True)
    assert len(worked_out) == len(set(worked_out)) == 2 * stop == sweep.recorded
    assert sweep.computed == 12 - 2 * stop
    assert before.items() <= {p.name: p.read_bytes() for p in (out / "rows").iterdir()}.items()
    assert sweep.candidates == whole.candidates and sweep.scores == whole.scores


def test_another_space_and_a_full_folder_are_refused(tmp_path):
    out = tmp_path / "out"
    explore(two_networks(tmp_path), out, 1)
    with pytest.raises(InputError, match="--resume continues them"):
        explore(two_networks(tmp_path), out, 1)
    with pytest.raises(InputError, match="results of another space"):
        explore(two_networks(tmp_path, "8192"), out, 1, resume=True)
    with pytest.raises(InputError, match=r"no space\.json; a new or empty folder"):
        explore(two_networks(tmp_path), tmp_path, 1)
    (out / "rows/0000001.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"0000001\.parquet: no batch of rows"):
        explore(two_networks(tmp_path), out, 1, resume=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda out: (out / "rows/mine.parquet").touch(), r"mine\.parquet: not written by explore"),
        (lambda out: (out / ".lock").mkdir(), r"\.lock"),
        (lambda out: ((out / "rows").rename(out / "old"), (out / "rows").touch()), "rows: File ex"),
    ],
)
def test_what_the_folder_holds_is_refused_in_one_line(make, said, tmp_path):
    out = tmp_path / "out"
    explore(two_networks(tmp_path, "8192"), out, 1)
    (out / ".lock").unlink(missing_ok=True)
    make(out)
    with pytest.raises(InputError, match=said):
        explore(two_networks(tmp_path, "8192"), out, 1, resume=True)


def test_rewrite_rules_are_variables(tmp_path, capsys):
    """The cycles are those of the model that ``compiler rewrite`` writes."""
    rules = ["", "bsconv_u@conv", "depthwise_kernel=5 bsconv_u", "convfirst"]
    space = space_of(
        tmp_path,
        f"""
        [machine]
        preset = "tiny"
        [[network]]
        function = "nets.py:net"
        width = 8
        rewrite = {rules}
        [objectives]
        cycles = "min"
        """,
    )
    sweep = explore(space, tmp_path / "out", 1)
    *good, (bad,) = sweep.rows
    assert [v["net.rewrite"] for v in sweep.candidates] == rules
    assert bad["reason"].startswith("net: rule convfirst changes no layer")
    model = write_model(space.networks[0].build({"width": 8}), tmp_path / "net.json")
    assert len({row["cycles"] for (row,) in good}) == 3
    for text, (row,) in zip(rules[1:], good[1:], strict=False):
        words = [word for rule in text.split() for word in ("--rule", rule)]
        out = str(tmp_path / "rewritten.json")
        words += ["-o", out, "--json", "--preset", "tiny"]
        assert main(["rewrite", str(model), *words]) == 0
        assert json.loads(capsys.readouterr().out)["after"]["cycles"] == row["cycles"]


def test_a_row_that_a_fault_of_ours_left_is_tried_again(tmp_path, monkeypatch):
    space, out = two_networks(tmp_path, "8192"), tmp_path / "out"
    whole = explore(space, tmp_path / "whole", 1)
    monkeypatch.setattr(worker, "title", lambda config: 1 / 0)
    first = explore(space, out, 1)
    reasons = {row["reason"] for own in first.rows for row in own}
    assert reasons == {"internal error: ZeroDivisionError: division by zero"}
    monkeypatch.undo()
    again = explore(space, out, 1, resume=True)
    assert (again.recorded, again.computed) == (0, first.computed)
    assert again.scores == whole.scores
    assert explore(space, out, 1, resume=True).computed == 0


@pytest.mark.parametrize("fault", [OSError("Stream is closed"), CancelledError("evaluate")])
def test_a_lost_scheduler_is_a_failure_of_one_line(fault, tmp_path, monkeypatch):
    class Client:
        def scatter(self, space, **options):
            return space

        def ncores(self):
            return {"worker": 1}

        def submit(self, *arguments, **options):
            raise fault

    monkeypatch.setattr(cluster, "as_completed", set)
    lost = cluster.Cluster(Client(), two_networks(tmp_path, "8192"))
    with pytest.raises(Failure, match="--resume goes on from what is recorded"):
        list(lost.run([Point("net", (), ())]))


@pytest.mark.parametrize("name", ["seconds", "reason", "rows", "candidate"])
def test_an_objective_named_like_another_column_is_refused(name, tmp_path):
    text = TWO_NETWORKS.format(sizes="8192")
    space = space_of(tmp_path, f'{text}{name} = {{ goal = "max", function = "nets.py:quality" }}')
    with pytest.raises(InputError, match=f"objectives: {name}: in use"):
        explore(space, tmp_path / "out", 1)


def beaten(a, b):
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def test_the_front_has_what_no_other_beats(tmp_path, generator):
    space = two_networks(tmp_path)
    values = [tuple(map(float, v)) for v in generator.integers(1, 7, (60, 3))]
    scores = [Score(v, float(generator.integers(2))) for v in values] + [Score(None)]
    good = [n for n, score in enumerate(scores) if score.is_good]
    wanted = {
        values[n] for n in good if not any(beaten(values[n], values[other]) for other in good)
    }
    found = front(space, scores)
    assert len(found) == len(wanted) and {values[n] for n in found} == wanted


def test_main_effects_are_means_by_value(tmp_path):
    space = two_networks(tmp_path)
    candidates = [space.combination(n) for n in range(space.size())]
    scores = [Score((float(v["rows"] ** 2), 1.0, 1.0)) for v in candidates[:-1]] + [Score(None)]
    effects = main_effects(space, candidates, scores)
    assert effects.keys() == {"rows", "scratchpad_bytes", "net.width"}
    assert effects["rows"]["cycles"] == [(4, pytest.approx(16), 4), (8, pytest.approx(64), 3)]


def test_tasks_have_a_second_of_points_and_whole_machines():
    points = [Point("net", (("rows", r),), (("width", w),)) for r in range(40) for w in range(10)]
    chunks = Chunks(points)
    taken = [("a", chunks.take("a", 2))]
    chunks.note(1, 0.1)
    for name in itertools.cycle("ab"):
        if not (found := chunks.take(name, 2)):
            break
        taken.append((name, found))
    assert sorted((p for _, own in taken for p in own), key=points.index) == points
    assert len(taken[0][1]) == 1 and all(len(own) <= 10 for _, own in taken)
    assert all(len({p.machine for p in own}) == 1 for _, own in taken[3:-9])
    assert len(taken[-1][1]) <= 2
    few, many = (Chunks(points * 100, 0.2).take("a", count) for count in (10, 100))
    assert (len(few), len(many)) == (5, 10)


def test_each_worker_gets_neighbours_until_it_has_none_left():
    points = [Point("net", (("rows", r),), (("width", w),)) for r in range(512) for w in range(4)]
    chunks = Chunks(points, 0.25)
    rows = {name: [] for name in "abcd"}
    for name in itertools.cycle("abcbdb"):
        if not (found := chunks.take(name, 4)):
            break
        rows[name] += [dict(p.machine)["rows"] for p in found]
    assert sorted(r for own in rows.values() for r in own) == sorted(4 * list(range(512)))
    # A stretch each, and then parts of what slower workers have left.
    jumps = sum(b - a not in (0, 1) for own in rows.values() for a, b in itertools.pairwise(own))
    assert jumps <= 24
    shared = [set(a) & set(b) for a, b in itertools.combinations(rows.values(), 2)]
    assert sum(map(len, shared)) <= 24
