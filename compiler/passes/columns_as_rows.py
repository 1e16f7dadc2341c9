"""Maps of one column as maps of one row, whose bytes are the same: the array takes the pixels of a
row together, and a LOAD or STORE a row as one piece."""

from __future__ import annotations

from dataclasses import replace

from compiler.hwir.constraints import MAX_END
from compiler.hwir.network import ArrayOp, Network, Region

NOTE = "maps of one column, run as one row"


def columns_as_rows(network: Network) -> Network | None:
    """The network with height and width of every map of one column swapped, and of what runs over
    such maps.

    None where there is nothing to gain, because no such map has several rows, or where it cannot
    be: an operation makes a map of several columns, repeats pixels, multiplies by a map, or steps
    too far.
    """
    maps = network.maps
    if not any(m.width == 1 and m.height > 1 for m in maps.values()):
        return None
    if not all(_stays(op, network) or _turns(op, network) for op in network.ops):
        return None
    turned = {
        name: replace(m, height=1, width=m.height) if m.width == 1 else m
        for name, m in maps.items()
    }
    ops = [op if _stays(op, network) else _turned(op) for op in network.ops]
    return replace(network, maps=turned, ops=ops)


def _stays(op: ArrayOp, network: Network) -> bool:
    """Whether the operation makes one pixel of a map that stays, as a pool over a reshaped map."""
    source, output = network.maps[op.source], network.maps[op.output]
    return source.width > 1 and output.pixels == 1 and op.residual is None and not op.factor


def _turns(op: ArrayOp, network: Network) -> bool:
    if any(network.maps[name].width > 1 for name in (*op.reads, op.output)) or op.factor:
        return False
    if op.kernel[1] > 1 or any(op.padding[2:]) or 0 in op.stride:
        return False
    return _steps(op, network) <= MAX_END // 2


def _steps(op: ArrayOp, network: Network) -> int:
    """Columns of the input that a row of the turned output goes over."""
    return network.maps[op.output].height * op.stride[0]


def _turned(op: ArrayOp) -> ArrayOp:
    """With a vertical stride and dilation of 1, which one row has no use for."""
    weights = op.weights
    if weights is not None:
        weights = weights.reshape(weights.shape[0], 1, op.kernel[0], weights.shape[3])
    return replace(
        op,
        kernel=(1, op.kernel[0]),
        stride=(1, op.stride[0]),
        dilation=(1, op.dilation[0]),
        padding=(0, 0, *op.padding[:2]),
        regions=tuple(map(_turned_region, op.regions)),
        weights=weights,
        notes=(*op.notes, NOTE),
    )


def _turned_region(region: Region) -> Region:
    start = region.start and region.start[::-1]
    return replace(
        region,
        top=region.left,
        bottom=region.right,
        left=region.top,
        right=region.bottom,
        start=start,
    )
