"""What lies in the scratchpad, kept up while maps go, is what counting from nothing gives."""

from __future__ import annotations

import random

from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.schedule.live_ranges import MapUses
from compiler.schedule.map_writers import Writers
from compiler.schedule.occupancy import Occupancy
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.schedule import Schedule
from compiler.schedule.tiles import Tile, apart
from hw.spec.config import PRESETS, with_values
from tests.compiler.graphs import random_graph

CONFIG = with_values(PRESETS["tiny"], {"scratchpad_bytes": 200 * PRESETS["tiny"].line_bytes})


def schedules(seed: int, count: int = 3) -> list[Schedule]:
    found = []
    for number in range(seed, seed + count):
        try:
            found.append(compile(random_graph(number), CONFIG).segments[0].plan)
        except AllocationError:
            continue
    return found


def test_free_words_and_streams_follow_what_is_evicted(seed):
    rng = random.Random(seed)
    for plan in schedules(seed):
        network, words = plan.network, CONFIG.scratchpad_words
        layers = range(len(network.ops))
        inner = {network.ops[i].output for c in plan.cascades for i in c.layers[:-1]}
        uses = MapUses(network, CONFIG.cols)
        occupancy = Occupancy(uses, words, plan.cascades, set(uses.live_ranges), inner)
        for name in rng.sample(sorted(uses.live_ranges), len(uses.live_ranges)):
            less = set(occupancy.resident) - {name}
            anew = Occupancy(uses, words, plan.cascades, less, inner)
            for i in layers:
                assert anew.free(i) == words - sum(uses.words[m] for m in anew.live(i))
                wanted = [bool(m) and m not in less for m in uses.operands[i]]
                assert list(anew.streams(i)) == wanted
            expected = [(anew.free(i), anew.streams(i), anew.live(i)) for i in layers]
            without = [(occupancy.free(i, name), occupancy.streams(i, name)) for i in layers]
            assert without == [e[:2] for e in expected]
            occupancy.evict(name)
            assert expected == [
                (occupancy.free(i), occupancy.streams(i), occupancy.live(i)) for i in layers
            ]


def test_a_window_waits_for_the_last_that_makes_a_pixel_of_it(seed):
    rng = random.Random(seed)
    for plan in schedules(seed):
        maps = plan.network.maps
        groups = Known(Planner()).groups(plan.network, plan.plans, plan.cascades)
        writers, made, base = Writers(maps), [], 0
        for _, group in groups:
            for name, own in zip(group.outputs, group.made, strict=True):
                writers.add(name, base, own)
            made += [(base + t.index, group.outputs[t.layer], t) for t in group.tile_ops]
            base += len(group.tile_ops)
        for name in {m for _, m, _ in made if not maps[m].parent}:
            parts = [(i, t) for i, m, t in made if m == name]
            if any(maps[m].parent == name for m in maps):
                continue
            for _ in range(10):
                window = random_tile(rng, maps[name].height, maps[name].width)
                plane = rng.randrange(maps[name].planes(CONFIG.cols))
                width = maps[name].width
                ends = [
                    index + 1
                    for index, t in parts
                    if 0 <= plane - t.chunk.first_plane < t.chunk.planes
                    and not apart(t.tile, width, window, width)
                ]
                assert writers.end(name, window, (plane, 1)) == max(ends, default=0)


def random_tile(rng: random.Random, height: int, width: int) -> Tile:
    top, left = rng.randrange(height), rng.randrange(width)
    return Tile(top, rng.randint(top + 1, height), left, rng.randint(left + 1, width))
