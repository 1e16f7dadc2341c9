"""Invariants of the second graph, checked after lowering and after fusion.

The graph that was read is checked by ``compiler.ir.verify``. What is wrong here was made by a pass
of the compiler, so every fault is an AssertionError that names the operation or the map.
"""

from __future__ import annotations

import numpy as np

from compiler.hwir.feature_map import FeatureMap, origin
from compiler.hwir.network import ArrayOp, Network, Requant
from hw.spec.records import CHANNEL_PARAMETERS

INT8 = (-128, 127)


def verify_network(network: Network, cols: int, after: str) -> None:
    """Check shapes, references, order and quantisation; ``cols`` are the channels of a plane.

    Raises AssertionError, whose message begins with the pass ``after`` which it is called.
    """
    try:
        for name, m in network.maps.items():
            _check_map(network, name, m, cols)
        for op in network.ops:
            _check_references(network, op)
            maps = network.maps[op.source], network.maps[op.output]
            if maps not in op.verified:
                _check_shapes(op, *maps)
                _check_values(op, maps[1].channels)
                op.verified.add(maps)
        _check_order(network, cols)
        for tensor, view in network.views.items():
            _expect(view.map in network.maps, "tensor", tensor, "no map {}", view.map)
    except AssertionError as fault:
        raise AssertionError(f"after {after}: {fault}") from None


def _expect(right: bool, kind: str, name: str, fault: str, *found: object) -> None:
    """Raise AssertionError unless ``right``; ``found`` fills the places of ``fault``, only then."""
    if not right:
        raise AssertionError(f"{kind} {name}: {fault.format(*found)}")


def _check_map(network: Network, name: str, m: FeatureMap, cols: int) -> None:
    _expect(m.name == name, "map", name, "its name is {}", m.name)
    _expect(min(m.extent) > 0, "map", name, "extent {}", m.extent)
    _expect(bool(m.parent) or not (m.view or m.plane), "map", name, "a part without a parent")
    if m.parent:
        _expect(m.parent in network.maps, "map", name, "no parent {}", m.parent)
        whole, planes = network.maps[m.parent], m.planes(cols)
        if whole.pixels == planes == 1:
            planes = m.pixels
        else:
            right = m.pixels == whole.pixels
            _expect(right, "map", name, "{} of {} pixels", m.pixels, whole.pixels)
        inside = m.plane >= 0 and m.plane + planes <= whole.planes(cols)
        end = m.plane + planes
        _expect(inside, "map", name, "planes {} to {} of {}", m.plane, end, whole.name)


def _check_references(network: Network, op: ArrayOp) -> None:
    for name in (op.output, *op.reads):
        _expect(name in network.maps, "operation", op.name, "no map {}", name)
    _expect(op.output not in op.reads, "operation", op.name, "it reads its output")
    if op.residual is not None:
        other, output = network.maps[op.residual.other], network.maps[op.output]
        right = other.extent == output.extent
        found = other.name, other.extent, output.extent
        _expect(right, "operation", op.name, "{} is {}, not {}", *found)


def _check_shapes(op: ArrayOp, source: FeatureMap, output: FeatureMap) -> None:
    def expect(right: bool, fault: str, *found: object) -> None:
        _expect(right, "operation", op.name, fault, *found)

    expect(min(op.kernel) > 0, "kernel {}", op.kernel)
    expect(min(*op.stride, *op.dilation, *op.padding) >= 0, "a step or padding below 0")
    expect(op.groups > 0, "{} groups", op.groups)
    if op.weights is not None:
        depth = 1 if op.depthwise else source.channels // op.groups
        shape = (output.channels, *op.kernel, depth)
        expect(op.weights.shape == shape, "weights {}, not {}", op.weights.shape, shape)
        expect(op.weights.dtype == np.int8, "weights are {}", op.weights.dtype)
    expect(not op.factor or (op.depthwise and op.weights is None), "a factor next to weights")
    expect(not op.sparse or op.weights is not None, "sparse without weights")
    expect(bool(op.regions), "no region")
    for r in op.regions:
        rows, columns = (r.top, r.bottom, output.height), (r.left, r.right, output.width)
        inside = all(0 <= first < end <= size for first, end, size in (rows, columns))
        found = *rows[:2], *columns[:2], output.extent
        expect(inside, "region {}:{}, {}:{} of {}", *found)


def _check_values(op: ArrayOp, channels: int) -> None:
    def expect(right: bool, fault: str, *found: object) -> None:
        _expect(right, "operation", op.name, fault, *found)

    low, high = INT8
    right = low <= op.out_min <= op.out_max <= high
    expect(right, "clamps {}, {}", op.out_min, op.out_max)
    expect(low <= op.out_zero <= high, "zero point {}", op.out_zero)
    expect(low <= op.pad_value <= high, "pad value {}", op.pad_value)
    expect(0 <= op.macs <= op.done, "{} of {} multiply-accumulates", op.macs, op.done)
    for requant in {id(r.requant): r.requant for r in op.regions}.values():
        _check_requant(op.name, requant, channels)
    if op.table is not None:
        expect(op.table.shape == (256,) and op.table.dtype == np.int8, "its table is no int8 [256]")


def _check_requant(name: str, requant: Requant, channels: int) -> None:
    for p in CHANNEL_PARAMETERS:
        shape = getattr(requant, p.name).shape
        _expect(shape == (channels,), "operation", name, "{} {} for {}", p.name, shape, channels)
    unfit = ", ".join(requant.unfit)
    _expect(not unfit, "operation", name, "{} beyond what the bits hold", unfit)


def _check_order(network: Network, cols: int) -> None:
    """Every plane is made before it is read, by an input, the host or an operation before."""
    inputs = network.graph.inputs
    made = {name: set(range(network.maps[name].planes(cols))) for name in inputs}
    hosts = [(h.segment, name) for h in network.host for name in h.node.outputs]
    segment = 0
    for op in network.ops:
        _expect(op.segment >= segment, "operation", op.name, "its segment is over")
        segment = op.segment
        for name in op.reads:
            root, planes = _planes(network, name, cols)
            there = made.get(root, set())
            for at, other in hosts:
                if at < segment and other in network.maps:
                    whole, by_host = _planes(network, other, cols)
                    there = there.union(by_host) if whole == root else there
            right = there.issuperset(planes)
            _expect(right, "operation", op.name, "{} is read before it is made", name)
        root, planes = _planes(network, op.output, cols)
        made.setdefault(root, set()).update(planes)


def _planes(network: Network, name: str, cols: int) -> tuple[str, range]:
    """The map that ``name`` is part of, and the numbers of its planes there."""
    root, first = origin(network.maps, name)
    planes = network.maps[name].words(cols) // network.maps[root].pixels
    return root, range(first, first + planes)
