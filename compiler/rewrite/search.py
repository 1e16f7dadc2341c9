"""Layers and ranks with the least error within a budget of cycles.

Every change of one layer is timed alone, exactly. Steps are taken in the order of error for a cycle
saved, along the lower hull of each layer's options, until the whole network, timed exactly too,
keeps the budget. Then choices that turn out to be more than is needed are taken back.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.errors import InputError, show
from compiler.estimator import Estimator
from compiler.ir.graph import Graph
from compiler.rewrite.apply import chosen_layers
from compiler.rewrite.chain import Chain, Moments, RefusedError, loss_of
from compiler.rewrite.graph_network import GraphNetwork
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network
from compiler.rewrite.rules import BLOCKS, Wanted

_LIMIT = re.compile(r"cycles<=(?:(\d{1,9}(?:\.\d{1,9})?)x|([1-9]\d{0,17}))", re.ASCII)
_SHARES = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75)
_ARGUMENTS: Mapping[str, tuple[int | float, ...]] = {
    "low_rank": _SHARES,
    "channel_svd": (0.03125, 0.0625, *_SHARES),
    "depthwise_svd": (1, 2, 3, 4),
    "factorise": _SHARES,
    "bsconv_s": _SHARES,
}
"""Arguments that are tried where the option has none."""


@dataclass(frozen=True)
class Limit:
    """At most so many ``cycles``, or a ``share`` of those before."""

    share: float | None
    cycles: int

    def of(self, before: int) -> int:
        """The limit in cycles for a network that takes ``before``."""
        return self.cycles if self.share is None else int(self.share * before)


def limit_of(text: str) -> Limit:
    """The limit that ``cycles<=0.7x`` or ``cycles<=1200000`` writes. Raises InputError."""
    found = _LIMIT.fullmatch(text.replace(" ", ""))
    if found is None or (found[1] and not 0 < float(found[1]) < 1):
        raise InputError(
            f"--search {show(text)}; cycles<=0.7x, a share between 0 and 1, or cycles<=1200000 is "
            "accepted"
        )
    return Limit(float(found[1]) if found[1] else None, int(found[2] or 0))


@dataclass(frozen=True, eq=False)
class Option:
    """A change of one layer: its rule with argument and layer, its share of squares lost, and the
    cycles that it saves alone."""

    rule: Wanted
    chain: Chain
    error: float
    saved: int


Choice = dict[str, Option]
"""Options by layer."""


class Search:
    """Options of a network, each timed once; ``graph`` is the network quantised.

    ``progress`` is told how many of how many layers are timed. Raises InputError for a rule of
    blocks, which keeps no weights, and for a pattern that matches no layer.
    """

    def __init__(
        self,
        network: Network,
        graph: Graph,
        rules: Sequence[Wanted],
        data: Moments | None,
        estimator: Estimator,
        progress: Callable[[int, int], None],
    ) -> None:
        for rule in rules:
            if rule.name in BLOCKS:
                raise InputError(
                    f"--search with rule {rule.name}; rules that keep weights are accepted"
                )
            chosen_layers(network, rule)
        self._graph, self._estimator = graph, estimator
        self.before = estimator.cycles(graph)
        known = {layer.name: layer for layer in GraphNetwork(graph).layers()}
        self._options: dict[str, list[Option]] = {}
        layers = [layer for layer in network.layers() if layer.name in known]
        for number, layer in enumerate(layers):
            progress(number, len(layers))
            options = [o for rule in rules for o in self._of(layer, rule, data)]
            self._options[layer.name] = _hull(options)

    def cycles(self, choice: Choice) -> int:
        """The exact cycles of the network with these changes."""
        network = GraphNetwork(self._graph)
        for name, option in choice.items():
            network.replace(name, option.chain.layers)
        return self._estimator.cycles(network.graph)

    def within(self, limit: int) -> list[Wanted]:
        """The rules with the least error that take at most so many cycles.

        Raises InputError where they do not save so much.
        """
        if self.before <= limit:
            raise InputError(f"--search: {limit:,} cycles; the model takes {self.before:,}")
        steps, choice, least, saved = self._steps(), Choice(), self.before, 0
        for number, (name, option) in enumerate(steps):
            saved += option.saved - (choice[name].saved if name in choice else 0)
            choice[name] = option
            last = number == len(steps) - 1
            if self.before - saved <= limit or last:
                least = self.cycles(choice)
                if least <= limit:
                    break
        if least > limit:
            raise InputError(
                f"--search: {limit:,} cycles; {least:,} of {self.before:,} are the fewest that "
                "these rules reach"
            )
        softened = self._softened(choice, limit)
        return [softened[name].rule for name in self._options if name in softened]

    def _of(self, layer: Layer, rule: Wanted, data: Moments | None) -> list[Option]:
        if not rule.chooses(layer.name) or not rule.takes(layer):
            return []
        tried = (rule.value,) if rule.argument else _ARGUMENTS.get(rule.name, (rule.value,))
        found = []
        for argument in tried:
            own = replace(
                rule,
                argument=argument if rule.rule.default else None,
                layers=(glob.escape(layer.name),),
            )
            try:
                chain = rule.rule.forms[rule.form].chain(layer, argument, data)
            except RefusedError:
                continue
            if chain.values is None:
                continue
            error = loss_of(layer, chain.values, data)
            option = Option(own, chain, error, 0)
            saved = self.before - self.cycles({layer.name: option})
            found.append(replace(option, saved=saved))
        return found

    def _steps(self) -> list[tuple[str, Option]]:
        """Layers with their next option, in the order of error for a cycle saved."""
        steps = []
        for name, hull in self._options.items():
            error, saved = 0.0, 0
            for option in hull:
                slope = (option.error - error) / (option.saved - saved)
                steps.append((slope, name, option))
                error, saved = option.error, option.saved
        return [(name, option) for _, name, option in sorted(steps, key=lambda step: step[0])]

    def _softened(self, choice: Choice, limit: int) -> Choice:
        """The choice without what the limit does not need, the greatest errors first."""
        for name in sorted(choice, key=lambda name: -choice[name].error):
            milder = [o for o in self._options[name] if o.error < choice[name].error]
            for option in (None, *sorted(milder, key=lambda o: o.error)):
                changed = {n: o for n, o in choice.items() if n != name}
                if option is not None:
                    changed[name] = option
                if self.cycles(changed) <= limit:
                    choice = changed
                    break
        return choice


def _hull(options: Sequence[Option]) -> list[Option]:
    """The options on the lower convex hull of error over cycles saved, from the origin on."""
    hull: list[Option] = []
    error, saved = 0.0, 0
    while further := [option for option in options if option.saved > saved]:
        start = error, saved
        best = min(further, key=lambda o: ((o.error - start[0]) / (o.saved - start[1]), -o.saved))
        hull.append(best)
        error, saved = best.error, best.saved
    return hull
