"""A model rewritten by rules, with its figures on a machine before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import ModelProto

from compiler.errors import InputError, located
from compiler.estimator import Estimator
from compiler.ir.graph import Graph
from compiler.load import load_model
from compiler.quantize.samples import Sample, read_samples
from compiler.rewrite.apply import Applied, apply
from compiler.rewrite.calibration import Calibration
from compiler.rewrite.figures import Fidelity, Figures, fidelity, figures
from compiler.rewrite.files import Source
from compiler.rewrite.graph_network import GraphNetwork
from compiler.rewrite.onnx_network import OnnxNetwork
from compiler.rewrite.rules import Wanted
from compiler.rewrite.search import Limit, Search
from sim.progress import reporting

_TRIES = 4
"""Searches, each with the cycles less that the quantised network took too much."""


@dataclass(frozen=True)
class Rewritten:
    """A rewritten model, the rules that made it, and its figures. ``limit`` is that of a search;
    ``fidelity`` is None without calibration inputs and for models without weights."""

    model: ModelProto | Graph
    rules: Sequence[Wanted]
    applied: Applied
    before: Figures
    after: Figures
    fidelity: Fidelity | None
    limit: int | None = None


def rewrite(
    model: ModelProto | Graph,
    source: Source,
    rules: Sequence[Wanted],
    estimator: Estimator,
    limit: Limit | None = None,
) -> Rewritten:
    """Apply the rules in their order to the model, which is used up, and time the network before
    and after. With a limit, layers and ranks are searched.

    Raises CompilerError, which names the source.
    """
    with located(source.name):
        if not isinstance(model, Graph):
            return _float(model, source, rules, estimator, limit)
        if source.calibration is not None or source.shapes or limit is not None:
            raise InputError("--calibrate, --shape and --search are accepted for float models")
        network = GraphNetwork(model)
        before = figures(network.graph, estimator)
        applied = apply(network, rules)
        after = figures(network.graph, estimator)
        return Rewritten(network.graph, rules, applied, before, after, None)


def _float(
    model: ModelProto,
    source: Source,
    rules: Sequence[Wanted],
    estimator: Estimator,
    limit: Limit | None,
) -> Rewritten:
    network = OnnxNetwork(model)
    old = _copy(network.model)
    samples: Sequence[Sample] = []
    if source.calibration is not None:
        samples = read_samples(old, source.calibration)
    data = Calibration(network, samples) if samples else None
    graph = load_model(old, source.calibration)
    before = figures(graph, estimator)
    if limit is None:
        applied = apply(network, rules, data)
        new, bound = network.model, None
        after = figures(load_model(new, source.calibration), estimator)
    else:
        bound = aim = limit.of(before.cycles)
        with reporting("timing changes") as progress:
            search = Search(network, graph, rules, data, estimator, progress)
        for _ in range(_TRIES):
            try:
                rules = search.within(aim)
            except InputError:
                if aim == bound:
                    raise
                raise _missed(bound, after) from None
            network = OnnxNetwork(_copy(old))
            applied = apply(network, rules, data)
            new = network.model
            after = figures(load_model(new, source.calibration), estimator)
            if after.cycles <= bound:
                break
            aim -= after.cycles - bound
        else:
            raise _missed(bound, after)
    same = fidelity(old, new, samples) if samples else None
    return Rewritten(new, rules, applied, before, after, same, bound)


def _missed(bound: int, after: Figures) -> InputError:
    return InputError(f"--search: {bound:,} cycles; {after.cycles:,} were reached")


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
