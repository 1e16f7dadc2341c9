"""The EXECUTEs of a step from the geometry of what it computes and where its operands lie."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from compiler.codegen.commands import Span
from compiler.codegen.fields import Placement, execute_fields, param_address, weight_address
from compiler.codegen.weights import distinct_requants
from compiler.passes.layer import Layer, Region
from compiler.recent import Recent
from compiler.schedule.blocks import Run
from compiler.schedule.steps import Step
from compiler.schedule.tiles import Tile, input_tile, pieces


class Operands(NamedTuple):
    """Where in the pool a step's operands lie; None for those that it has not.

    ``weights`` is the word address of its parameters and own weights; ``factor`` is where another
    layer made them.
    """

    source: Placement
    output: Placement
    other: Placement | None
    factor: Placement | None
    weights: int
    table: Span | None


class Execute(NamedTuple):
    """An EXECUTE without waits."""

    text: str
    fields: dict[str, int]
    reads: tuple[Span, ...]
    writes: tuple[Span, ...]


Executes = Recent[list[Execute]]
"""The EXECUTEs of steps by all that they follow from."""


def executes(step: Step, operands: Operands, known: Executes | None) -> list[Execute]:
    """One for each run of the step's chunk and piece of its tile; from ``known`` if made before."""
    if known is None:
        return list(_executes(step, operands))
    return known.get(_key(step, operands), lambda: list(_executes(step, operands)))


def _key(step: Step, operands: Operands) -> Hashable:
    return step.spec.execution, step.plan.work, step.weights.chunk, step.tile, operands


def _executes(step: Step, operands: Operands) -> Iterator[Execute]:
    layer, config, runs = step.spec, step.site.config, step.chunk.runs
    source, output, other, _, _, table = operands
    requants = distinct_requants(layer)
    sets = len(requants)
    for index, run in enumerate(runs):
        params = param_address(operands.weights, runs, index, sets)
        weights = _weights(operands, run, weight_address(params, run, sets))
        for part, region in pieces(layer, step.tile):
            chosen = next(i for i, r in enumerate(requants) if r is region.requant)
            own = params + chosen * run.planes * run.param_words
            fields = execute_fields(
                layer, run, part, region, source, output, other, own, weights,
                table.base if table else None, step.site.output.channels, config,
            )
            reads = [
                Span(own, run.planes * run.param_words),
                _input_span(step, source, run, part, region),
            ]
            if layer.weighted:
                reads.append(Span(weights, run.blocks * run.weight_lines * run.line_words))
            if other is not None:
                reads.append(_rows(other, run, part))
            if table is not None:
                reads.append(table)
            yield Execute(
                _text(layer, run, part), fields, tuple(reads), (_rows(output, run, part),)
            )


def _weights(operands: Operands, run: Run, own: int) -> int:
    """Pool word address of the run's weights: ``own``, or where another layer makes them."""
    return own if operands.factor is None else operands.factor.pixel(0, run.first_plane, 0)


def _input_span(step: Step, source: Placement, run: Run, part: Tile, region: Region) -> Span:
    """Words of the input rows that the run reads, whole rows of all its planes."""
    used = input_tile(step.spec, step.site.source, part)
    planes = (run.blocks - 1) * run.in_step + run.in_blocks
    base = source.pixel(run.in_plane + region.plane, used.top, source.tile.left)
    return Span(base, used.height * source.tile.width, planes, source.pitch)


def _rows(place: Placement, run: Run, part: Tile) -> Span:
    """Words of the pixels ``part`` of the run's planes, with what lies between their rows."""
    base = place.pixel(run.first_plane, part.top, part.left)
    length = (part.height - 1) * place.tile.width + part.width
    return Span(base, length, run.planes, place.pitch)


def _text(layer: Layer, run: Run, part: Tile) -> str:
    planes = f"planes {run.first_plane}:{run.first_plane + run.planes}"
    return f"{layer.name} {layer.kind} {layer.output}{part} {planes}"
