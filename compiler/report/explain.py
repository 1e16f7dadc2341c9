"""Explanation of each layer's plan: the record of the search, as plain data (docs/compiler.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.codegen.compiled import Compiled
from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import Network
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.schedule import Schedule
from compiler.schedule.search_trace import CascadeChoice, Departure, Residence, Way
from hw.spec.config import AccelConfig


def explanation(compiled: Compiled) -> dict[str, Any]:
    """The record of a network compiled with ``Planner(record=True)``, fit for JSON."""
    found: dict[str, Any] = {
        "layers": [],
        "cascades": [],
        "cascade_trials": [],
        "release_trials": [],
    }
    for number, segment in enumerate(compiled.segments):
        schedule = segment.plan
        names = [layer.name for layer in schedule.network.ops]
        found["layers"] += [
            _layer(schedule, index, number, compiled.options.materialize)
            for index in range(len(names))
        ]
        found["cascades"] += [
            _cascade(schedule, number, *c) for c in schedule.residence.cascades.items()
        ]
        found["cascade_trials"] += [
            {
                "segment": number,
                "layers": names[t.first : t.last + 1],
                "recompute": t.recompute,
                "cycles_before": t.before,
                "cycles": t.cycles,
                "won": t.won,
            }
            for t in schedule.trials
        ]
        found["release_trials"] += [
            {
                "segment": number,
                "map": r.name,
                "layer": names[r.layer],
                "cycles_before": r.before,
                "cycles": r.without,
                "won": r.won,
            }
            for r in schedule.residence.releases
        ]
    return found


def _layer(schedule: Schedule, index: int, segment: int, materialize: bool) -> dict[str, Any]:
    plan, config = schedule.plans[index], schedule.config
    assert plan.choice is not None, "compiled without a record"
    return {
        "name": plan.site.op.name,
        "segment": segment,
        "cascade": list(plan.together),
        "room_bytes": plan.choice.room * config.word_bytes,
        "room_share": schedule.residence.shares[index],
        "candidates": [
            {**_way(way, config), "chosen": number == plan.choice.chosen}
            for number, way in enumerate(plan.choice.ways)
        ],
        "maps": [
            {"role": role, "name": m.name, **_place(schedule, m, materialize)}
            for role, m in _maps(schedule.network, plan)
        ],
    }


def _way(way: Way, config: AccelConfig) -> dict[str, Any]:
    return {
        "array": [config.rows >> way.shape, config.cols << way.shape],
        "tiles": way.tiles,
        "tile": [way.height, way.width],
        "weight_parts": way.chunks,
        "order": way.order,
        "scratchpad_bytes": way.words * config.word_bytes,
        "cycles": way.cycles,
    }


def _cascade(schedule: Schedule, segment: int, first: int, choice: CascadeChoice) -> dict[str, Any]:
    size = schedule.config.word_bytes
    return {
        "segment": segment,
        "layers": list(schedule.plans[first].together),
        "room_bytes": choice.room * size,
        "strips": [
            {
                "rows": s.rows,
                "scratchpad_bytes": None if s.words is None else s.words * size,
                "cycles": s.cycles,
                "chosen": number == choice.chosen,
            }
            for number, s in enumerate(choice.strips)
        ],
    }


def _maps(network: Network, plan: OpPlan) -> Iterator[tuple[str, FeatureMap]]:
    """The maps of a layer by what they are to it."""
    layer = plan.site.op
    yield "input", network.maps[layer.source]
    if layer.residual:
        yield "second operand", network.maps[layer.residual.other]
    if layer.factor:
        yield "weights", network.maps[layer.factor]
    yield "output", network.maps[layer.output]


def _place(schedule: Schedule, m: FeatureMap, materialize: bool) -> dict[str, Any]:
    """Place of the map, the layers during which it lies in the scratchpad, and the reason."""
    network, residence = schedule.network, schedule.residence
    names = [layer.name for layer in network.ops]
    root = network.root(m.name)
    place: dict[str, Any] = {"place": "memory", "from": None, "to": None, "address": None}
    if root in schedule.places:
        first, last = residence.spans[root]
        place = {
            "place": "scratchpad",
            "from": names[first],
            "to": names[last],
            "address": schedule.places[root],
        }
        reason = _kept(root, residence)
    elif root in schedule.network.graph.inputs:
        reason = "an input of the network"
    elif root not in residence.spans:
        reason = (
            "made by the host or an earlier segment: nothing in the scratchpad outlives a segment"
        )
    else:
        reason = _left(residence.departures[root], names)
    if network.maps[root].stored:
        reason += f"; stored in memory: {_stored(network, root, materialize)}"
    return {**place, "reason": reason}


def _kept(root: str, residence: Residence) -> str:
    if root in residence.inner:
        return "inside a cascade: some rows at a time"
    return "weights that a layer makes" if root in residence.factors else "it fits"


def _left(departure: Departure, names: list[str]) -> str:
    layer = names[departure.layer]
    return {
        "size": "it is larger than the scratchpad, or the part of it that is used",
        "plan": f"no way to run {layer} fitted next to it",
        "place": f"the maps in use during {layer} found no addresses next to it",
        "cycles": f"the layers during its life are faster without it; {layer} lacked room",
    }[departure.cause]


def _stored(network: Network, root: str, materialize: bool) -> str:
    if materialize:
        return "--materialize"
    outputs = {
        network.root(network.views[name].map)
        for name in network.graph.outputs
        if name in network.views
    }
    return "an output of the network" if root in outputs else "read by the host or a later segment"


def best_others(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chosen candidate of a layer, then the fastest other of each array shape."""
    chosen = next(c for c in choices if c["chosen"])
    fitting = [c for c in choices if c["cycles"] is not None and c is not chosen]
    fastest: dict[tuple[int, ...], dict[str, Any]] = {}
    for candidate in sorted(fitting, key=lambda c: c["cycles"]):
        fastest.setdefault(tuple(candidate["array"]), candidate)
    return [chosen, *fastest.values()]
