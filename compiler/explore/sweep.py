"""The loop: candidates are asked for, their points worked out and recorded, their scores told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compiler.explore.score import Score, score
from compiler.explore.search import Searcher, searcher
from compiler.explore.space import Point, Space, Values
from compiler.explore.store import Store, opened
from compiler.explore.variables import Value
from compiler.explore.worker import Row
from compiler.explore.workers import Workers, workers_of
from sim.progress import Reporter, reporting


@dataclass
class Sweep:
    """Candidates in the order in which they were tried, each once, with their rows and scores.

    ``recorded`` counts the points that the folder had before, ``computed`` the new ones.
    """

    space: Space
    candidates: list[Values] = field(default_factory=list)
    rows: list[list[Row]] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    recorded: int = 0
    computed: int = 0


def explore(
    space: Space,
    folder: Path,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
) -> Sweep:
    """Try the candidates of a space and record every point in a folder.

    ``workers`` and ``scheduler`` are as for ``workers_of``. Raises InputError for a folder that
    holds something else, or a scheduler that is not there.
    """
    search = searcher(space)
    with workers_of(space, workers, scheduler) as found, opened(folder, space, resume) as store:
        sweep = Sweep(space, recorded=len(store.rows))
        with reporting("exploring") as progress:
            _search(sweep, search, store, found, progress)
        sweep.computed = len(store.rows) - sweep.recorded
        return sweep


def _search(
    sweep: Sweep, search: Searcher, store: Store, workers: Workers, progress: Reporter
) -> None:
    space = sweep.space
    tried: set[tuple[Value, ...]] = set()
    total = space.search.points or space.size()
    asked = 0
    while candidates := search.ask():
        points = [space.points(values) for values in candidates]
        missing = _missing(points, store)
        for done in _work_out(missing, store, workers):
            progress(asked + len(candidates) * done // len(missing), total)
        asked += len(candidates)
        scores = []
        for values, own in zip(candidates, points, strict=True):
            rows = [store.rows[point.key] for point in own]
            scores.append(score(space, rows))
            if (name := tuple(values.values())) not in tried:
                tried.add(name)
                sweep.candidates.append(values)
                sweep.rows.append(rows)
                sweep.scores.append(scores[-1])
        search.tell(scores)


def _missing(points: Sequence[Sequence[Point]], store: Store) -> list[Point]:
    """The points that are not recorded, those of one machine together, networks by likeness."""
    found = {point.key: point for own in points for point in own if point.key not in store.rows}
    return sorted(found.values(), key=lambda p: repr((p.machine, p.network, p.arguments)))


def _work_out(points: Sequence[Point], store: Store, workers: Workers) -> Iterator[int]:
    """Record the rows of points; gives the number of those that are done."""
    done = 0
    for rows in workers.run(points):
        store.add(rows)
        done += len(rows)
        yield done
    store.flush()
