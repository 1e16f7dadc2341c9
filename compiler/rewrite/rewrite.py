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


@dataclass(frozen=True)
class Rewritten:
    """A rewritten model and its figures. ``fidelity`` is None without calibration inputs and for
    models without weights."""

    model: ModelProto | Graph
    applied: Applied
    before: Figures
    after: Figures
    fidelity: Fidelity | None


def rewrite(
    model: ModelProto | Graph, source: Source, rules: Sequence[Wanted], estimator: Estimator
) -> Rewritten:
    """Apply the rules in their order to the model, which is used up, and time the network before
    and after.

    Raises CompilerError, which names the source.
    """
    with located(source.name):
        if isinstance(model, Graph):
            return _structure(model, source, rules, estimator)
        return _float(model, source, rules, estimator)


def _structure(
    graph: Graph, source: Source, rules: Sequence[Wanted], estimator: Estimator
) -> Rewritten:
    if source.calibration is not None or source.shapes:
        raise InputError("--calibrate and --shape are accepted for float models")
    network = GraphNetwork(graph)
    before = figures(network.graph, estimator)
    applied = apply(network, rules)
    return Rewritten(network.graph, applied, before, figures(network.graph, estimator), None)


def _float(
    model: ModelProto, source: Source, rules: Sequence[Wanted], estimator: Estimator
) -> Rewritten:
    network = OnnxNetwork(model)
    old = ModelProto()
    old.CopyFrom(network.model)
    samples: Sequence[Sample] = []
    if source.calibration is not None:
        samples = read_samples(old, source.calibration)
    data = Calibration(network, samples) if samples else None
    applied = apply(network, rules, data)
    new = network.model
    before, after = (figures(_graph(each, source), estimator) for each in (old, new))
    return Rewritten(new, applied, before, after, fidelity(old, new, samples) if samples else None)


def _graph(model: ModelProto, source: Source) -> Graph:
    return load_model(model, source.calibration)
