"""Selection of the moved tensors that are made of pieces written in place, and of the pieces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from compiler.ir.graph import Graph, Node
from compiler.ir.ops import FUNCTIONS
from compiler.passes.channel_moves.analysis import ZERO, Source
from compiler.passes.zeros import keeps_zero

#: Operators that treat each channel alike and on its own, whose output has its input's channels.
_SINGLE = ("avg_pool2d", "max_pool2d", "mean", *FUNCTIONS)


@dataclass(frozen=True)
class Target:
    """A tensor as its pieces: for each maker, the channels in the piece made for it alone.

    ``tails`` are the channels that it takes from its makers' tails. Targets of one ``family`` share
    makers or moves.
    """

    family: str
    pieces: dict[str, list[int]]
    tails: list[Source] = field(default_factory=list)


@dataclass(frozen=True)
class RoutePlan:
    """The targets by tensor; of each maker of one the channels in its tail and the nodes that
    make it: a convolution and the functions of its results that follow it."""

    targets: dict[str, Target]
    tails: dict[str, list[int]]
    chains: dict[str, list[Node]]


def plan_routes(graph: Graph, moved: dict[str, list[Source]], cols: int) -> RoutePlan:
    """The moved tensors that need no array operation: convolutions alone make and read them.

    Each channel of their makers goes to one of them at most. Where none of a family of targets is
    any trouble as it is, they stay.
    """
    planner = _Planner(graph, moved)
    families = planner.families()
    wanted = {
        t: family
        for t, family in families.items()
        if any(not planner.is_free(u, cols) for u, other in families.items() if other == family)
    }
    targets = {t: _target(moved[t], family, cols) for t, family in wanted.items()}
    tails: dict[str, list[int]] = {}
    for target in targets.values():
        for maker in target.pieces:
            tails.setdefault(maker, [])
        for maker, channel in target.tails:
            tails[maker].append(channel)
    return RoutePlan(targets, tails, {maker: planner.chain(maker) for maker in tails})


def _target(sources: list[Source], family: str, cols: int) -> Target:
    """The pieces. Of several that would fill half their last word or less, that goes to the tails.

    The piece that leaves most of its last word empty is the last, which may end anywhere.
    """
    pieces: dict[str, list[int]] = {}
    for maker, channel in sources:
        if maker:
            pieces.setdefault(maker, []).append(channel)
    short = [m for m, channels in pieces.items() if 0 < len(channels) % cols <= cols // 2]
    tails: list[Source] = []
    if len(short) > 1:
        for maker in short:
            full = len(pieces[maker]) // cols * cols
            tails += [(maker, channel) for channel in pieces[maker][full:]]
            pieces[maker] = pieces[maker][:full]
    last = max(pieces, key=lambda maker: -len(pieces[maker]) % cols)
    pieces[last] = pieces.pop(last)
    return Target(family, pieces, tails)


class _Planner:
    def __init__(self, graph: Graph, moved: dict[str, list[Source]]) -> None:
        self.graph, self.moved = graph, moved
        self.makers = {name: node for node in graph.nodes for name in node.outputs}
        self.readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)
        self.ends = [
            t
            for t in moved
            if t in graph.outputs or any(not self._moves(n) for n in self.readers[t])
        ]
        self.makers_of = self._reached()
        uses = Counter(source for t in self.ends for source in moved[t])
        self.wanted_twice = {maker for (maker, _), count in uses.items() if count > 1}

    def families(self) -> dict[str, str]:
        """The tensors that can be targets, each with a name for those that share makers."""
        targets = [t for t in self.ends if self._taken_in(t)]
        used_by: dict[str, set[str]] = {}
        for t in self.ends:
            for maker in self.makers_of[t]:
                used_by.setdefault(maker, set()).add(t)
        while True:
            kept = [
                t
                for t in targets
                if all(self._cuts(m) and used_by[m] <= set(targets) for m in self.makers_of[t])
            ]
            if kept == targets:
                return self._joined(targets)
            targets = kept

    def is_free(self, tensor: str, cols: int) -> bool:
        """Whether the tensor is part of a map, or a concatenation made in place, as it is."""
        sources = self.moved[tensor]
        maker, begin = sources[0]
        if sources == [(maker, begin + i) for i in range(len(sources))]:
            return begin % cols == 0
        makers = [maker for maker in dict.fromkeys(maker for maker, _ in sources) if maker]
        counts = [self.graph.tensors[m].shape[-1] for m in makers]
        whole = [(m, c) for m, count in zip(makers, counts, strict=True) for c in range(count)]
        return sources == whole and all(count % cols == 0 for count in counts[:-1])

    def _joined(self, targets: list[str]) -> dict[str, str]:
        family = {t: t for t in targets}
        for maker in {m for t in targets for m in self.makers_of[t]}:
            merged = {family[t] for t in targets if maker in self.makers_of[t]}
            family.update({t: min(merged) for t, f in family.items() if f in merged})
        return family

    def _reached(self) -> dict[str, set[str]]:
        """Tensors read by the moves that lead to each moved tensor, also if no channel is left."""
        found: dict[str, set[str]] = {}
        for tensor in self.moved:
            inputs = self.makers[tensor].inputs
            found[tensor] = set().union(*(found.get(x, {x}) for x in inputs))
        return found

    def _moves(self, node: Node) -> bool:
        return node.outputs[0] in self.moved

    def _taken_in(self, tensor: str) -> bool:
        """Whether all that read the tensor besides moves take its channels in any order."""
        others = [n for n in self.readers.get(tensor, []) if not self._moves(n)]
        zeros = ZERO in self.moved[tensor]
        return (
            tensor not in self.graph.outputs
            and any(maker for maker, _ in self.moved[tensor])
            and all(self._any_order(n, zeros) for n in others)
        )

    def _any_order(self, node: Node, zeros: bool) -> bool:
        """Convolutions of all channels, and layers of single channels whose readers are such.

        Channels of ``zeros`` are left out, so they must be such for every reader.
        """
        if node.name in self.graph.on_host:
            return False
        if node.op == "conv2d":
            return int(node.attrs["groups"]) == 1
        single = (
            node.op in _SINGLE
            or (node.op == "pad" and not any(node.attrs["channel_padding"]))
            or (node.op == "depthwise_conv2d" and node.attrs["depth_multiplier"] == 1)
        )
        y = node.outputs[0]
        readers = self.readers.get(y, [])
        kept = y in self.graph.outputs or any(self._moves(n) for n in readers)
        kept |= zeros and not keeps_zero(node)
        return (
            single
            and bool(readers)
            and not kept
            and all(self._any_order(n, zeros) for n in readers)
        )

    def chain(self, maker: str) -> list[Node]:
        """The convolution of all channels that makes the tensor, and the functions between that
        read each other alone; nothing if it is made otherwise."""
        nodes: list[Node] = []
        node = self.makers.get(maker)
        while node is not None and node.op in FUNCTIONS:
            x = node.inputs[0]
            if len(self.readers[x]) > 1 or x in self.graph.outputs:
                return []
            nodes.insert(0, node)
            node = self.makers.get(x)
        if node is None or node.op != "conv2d" or node.attrs["groups"] != 1:
            return []
        nodes.insert(0, node)
        return [] if any(n.name in self.graph.on_host for n in nodes) else nodes

    def _cuts(self, maker: str) -> bool:
        """Whether the tensor can be made in pieces: by a convolution, read by moves, with no
        channel that is wanted twice."""
        return (
            bool(self.chain(maker))
            and maker not in self.graph.outputs
            and all(map(self._moves, self.readers[maker]))
            and maker not in self.wanted_twice
        )
