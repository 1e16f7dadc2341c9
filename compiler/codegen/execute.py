"""The EXECUTEs of a tile operation from the geometry of what it computes and where its operands
lie."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from compiler.codegen.commands import Span
from compiler.codegen.fields import Placement, execute_fields, param_address, weight_address
from compiler.codegen.weights import distinct_requants
from compiler.hwir.network import (
    ArrayOp,
    Region,
)
from compiler.lru_cache import LruCache
from compiler.schedule.channel_blocks import BlockRange
from compiler.schedule.tile_ops import TileOp
from compiler.schedule.tiles import Tile, input_tile, pieces


class Operands(NamedTuple):
    """Places of a tile operation's operands in the scratchpad; None for those that it has not.

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


class _Made(NamedTuple):
    """An EXECUTE whose operands all begin at word 0. ``reads`` and ``write`` are the words that it
    touches, with the operands' names."""

    text: str
    fields: dict[str, int]
    reads: tuple[tuple[str, Span], ...]
    write: Span


Executes = LruCache[list[_Made]]
"""The EXECUTEs of tile operations by all that they follow from but addresses."""

_ADDRESSES = {
    "source": "in_addr",
    "output": "out_addr",
    "other": "res_addr",
    "table": "table_addr",
}
"""The fields that have the address of an operand in words; those of parameters and weights have it
in lines."""


def executes(tile_op: TileOp, operands: Operands, known: Executes | None) -> list[Execute]:
    """One for each run of the tile operation's chunk and piece of its tile; from ``known`` if made
    before."""
    places = {
        name: place.address
        for name, place in (
            ("source", operands.source),
            ("output", operands.output),
            ("other", operands.other),
            ("factor", operands.factor),
        )
        if place is not None
    }
    places["weights"] = operands.weights
    if operands.table is not None:
        places["table"] = operands.table.base
    if known is None:
        made = _at_zero(tile_op, operands)
    else:
        made = known.get(_key(tile_op, operands), lambda: _at_zero(tile_op, operands))
    return [_placed(each, places, tile_op.site.config.line_words) for each in made]


def _at_zero(tile_op: TileOp, operands: Operands) -> list[_Made]:
    """The EXECUTEs if all operands began at word 0."""
    source, output, other, factor, _, table = operands
    return list(
        _executes(
            tile_op,
            Operands(
                source._replace(address=0),
                output._replace(address=0),
                other and other._replace(address=0),
                factor and factor._replace(address=0),
                0,
                table and Span(0, table.length),
            ),
        )
    )


def _placed(made: _Made, places: dict[str, int], line_words: int) -> Execute:
    """The EXECUTE with its operands at these words."""
    fields = made.fields.copy()
    for operand, name in _ADDRESSES.items():
        if operand in places:
            fields[name] += places[operand]
    fields["param_addr"] += places["weights"] // line_words
    if not fields["ones"]:
        fields["weight_addr"] += places.get("factor", places["weights"]) // line_words
    return Execute(
        made.text,
        fields,
        tuple([span.moved(places[operand]) for operand, span in made.reads]),
        (made.write.moved(places["output"]),),
    )


def _key(tile_op: TileOp, operands: Operands) -> Hashable:
    """All that the EXECUTEs follow from but the operands' first words."""
    source, output, other, factor, _, table = operands
    return (
        tile_op.op.execution,
        tile_op.plan.work,
        tile_op.weights.chunk,
        tile_op.tile,
        source[1:],
        output[1:],
        other and other[1:],
        factor and factor[1:],
        table and table.length,
    )


def _executes(tile_op: TileOp, operands: Operands) -> Iterator[_Made]:
    op, config, ranges = tile_op.op, tile_op.site.config, tile_op.chunk.ranges
    source, output, other, factor, _, table = operands
    requants = distinct_requants(op)
    sets = len(requants)
    for index, run in enumerate(ranges):
        params = param_address(operands.weights, ranges, index, sets)
        weights = _weights(operands, run, weight_address(params, run, sets))
        for part, region in pieces(op, tile_op.tile):
            chosen = next(i for i, r in enumerate(requants) if r is region.requant)
            own = params + chosen * run.planes * run.param_words
            fields = execute_fields(
                op,
                run,
                part,
                region,
                source,
                output,
                other,
                own,
                weights,
                table.base if table else None,
                tile_op.site.output.channels,
                config,
            )
            reads = [
                ("weights", Span(own, run.planes * run.param_words)),
                ("source", _input_span(tile_op, source, run, part, region)),
            ]
            if op.weighted:
                words = run.blocks * run.weight_lines * run.line_words
                reads.append(("factor" if factor else "weights", Span(weights, words)))
            if other is not None:
                reads.append(("other", _rows(other, run, part)))
            if table is not None:
                reads.append(("table", table))
            yield _Made(_text(op, run, part), fields, tuple(reads), _rows(output, run, part))


def _weights(operands: Operands, run: BlockRange, own: int) -> int:
    """Scratchpad word address of the run's weights: ``own``, or where another layer makes them."""
    return own if operands.factor is None else operands.factor.pixel(0, run.first_plane, 0)


def _input_span(
    tile_op: TileOp, source: Placement, run: BlockRange, part: Tile, region: Region
) -> Span:
    """Words of the input rows that the run reads, whole rows of all its planes."""
    used = input_tile(tile_op.op, tile_op.site.source, part)
    planes = (run.blocks - 1) * run.in_step + run.in_blocks
    base = source.pixel(run.in_plane + region.plane, used.top, source.tile.left)
    return Span(base, used.height * source.tile.width, planes, source.pitch)


def _rows(place: Placement, run: BlockRange, part: Tile) -> Span:
    """Words of the pixels ``part`` of the run's planes, with what lies between their rows."""
    base = place.pixel(run.first_plane, part.top, part.left)
    length = (part.height - 1) * place.tile.width + part.width
    return Span(base, length, run.planes, place.pitch)


def _text(op: ArrayOp, run: BlockRange, part: Tile) -> str:
    planes = f"planes {run.first_plane}:{run.first_plane + run.planes}"
    return f"{op.name} {op.kind} {op.output}{part} {planes}"
