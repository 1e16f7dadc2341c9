"""Positions of the elements of a model's array in a tensor of the graph.

A model keeps NCHW and moves axes about with Reshape and Transpose; the graph keeps NHWC. A view
describes a model's array by the graph's tensor, so that most of these moves cost nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Atom:
    """A factor of an axis, larger than 1, that stays in one piece."""

    size: int


@dataclass(frozen=True)
class StridedView:
    """Neighbours in memory: ``size`` elements of a model's axis, ``step`` apart along it."""

    axis: int
    step: int
    size: int


@dataclass(frozen=True)
class View:
    """A model's array: the atoms of each of its axes, and all atoms in the order of memory.

    Both go from the outermost to the innermost. Axes of size 1 have no atoms.
    """

    memory: tuple[Atom, ...]
    axes: tuple[tuple[Atom, ...], ...]

    @property
    def shape(self) -> Shape:
        """The shape of the model's array."""
        return tuple(math.prod(a.size for a in axis) for axis in self.axes)

    @property
    def runs(self) -> tuple[StridedView, ...]:
        """Memory from the outermost to the innermost, in the fewest runs.

        Two views of the same shape whose runs are equal hold their elements in the same places.
        """
        steps: dict[Atom, tuple[int, int]] = {}
        for index, atoms in enumerate(self.axes):
            step = 1
            for atom in reversed(atoms):
                steps[atom] = (index, step)
                step *= atom.size
        runs: list[StridedView] = []
        for atom in self.memory:
            axis, step = steps[atom]
            last = runs[-1] if runs else None
            if last and last.axis == axis and last.step == step * atom.size:
                runs[-1] = StridedView(axis, step, last.size * atom.size)
            else:
                runs.append(StridedView(axis, step, atom.size))
        return tuple(runs)

    @property
    def order(self) -> tuple[int, ...] | None:
        """The permutation of the model's axes that makes it memory; None if none does.

        Axes of size 1 stand where channels-last or the model's own order has them, if that fits.
        """
        runs, rank = self.runs, len(self.axes)
        if any(run.step != 1 for run in runs):
            return None
        wanted = [run.axis for run in runs]
        for order in (channels_last_order(rank), tuple(range(rank))):
            if [axis for axis in order if self.axes[axis]] == wanted:
                return order
        return *(axis for axis in range(rank) if not self.axes[axis]), *wanted

    def transposed(self, permutation: Shape) -> View:
        """The view of ``array.transpose(permutation)``."""
        return replace(self, axes=tuple(self.axes[axis] for axis in permutation))

    def reshaped(self, shape: Shape) -> View | None:
        """The view of ``array.reshape(shape)``; None where an axis would begin inside an atom."""
        memory, axes = list(self.memory), []
        queue = [atom for axis in self.axes for atom in axis]
        for size in shape:
            axis = []
            while size > 1:
                if not queue:
                    return None
                atom = queue.pop(0)
                if atom.size > size:
                    if atom.size % size:
                        return None
                    outer, inner = Atom(size), Atom(atom.size // size)
                    place = memory.index(atom)
                    memory[place : place + 1] = [outer, inner]
                    queue.insert(0, inner)
                    atom = outer
                if size % atom.size:
                    return None
                axis.append(atom)
                size //= atom.size
            axes.append(tuple(axis))
        return None if queue else View(tuple(memory), tuple(axes))

    def ends_with(self, axis: int) -> bool:
        """Whether ``axis`` is memory's last, in its own order."""
        size = self.shape[axis]
        return size == 1 or self.runs[-1] == StridedView(axis, 1, size)

    def with_last(self, axis: int, size: int) -> View:
        """Likewise with memory's last axis, ``axis``, exchanged for a new one of ``size``."""
        assert self.ends_with(axis)
        fresh = (Atom(size),) if size > 1 else ()
        kept = self.memory[: len(self.memory) - len(self.axes[axis])]
        return View(kept + fresh, (*self.axes[:axis], fresh, *self.axes[axis + 1 :]))

    @property
    def layout(self) -> dict[str, list[int]]:
        """The view as plain data (``compiler/ir/host_body.py``)."""
        places = {atom: i for i, atom in enumerate(self.memory)}
        return {
            "split": [atom.size for atom in self.memory],
            "order": [places[atom] for axis in self.axes for atom in axis],
            "shape": list(self.shape),
        }

    def laid_out(self, order: Shape) -> View:
        """The same array in a memory that has its axes, each whole, in ``order``."""
        return View(tuple(atom for axis in order for atom in self.axes[axis]), self.axes)

    def memory_to_model(self) -> np.ndarray:
        """Index in the flattened model's array, for each element of memory."""
        numbers = np.arange(math.prod(self.shape)).reshape([a.size for x in self.axes for a in x])
        places = {atom: i for i, atom in enumerate(a for axis in self.axes for a in axis)}
        return numbers.transpose([places[atom] for atom in self.memory]).reshape(-1)


def channels_last_order(rank: int) -> tuple[int, ...]:
    """(batch, space, channels) of an array (batch, channels, space)."""
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


def arranged(shape: Shape, order: tuple[int, ...]) -> View:
    """The view of an array that ``array.transpose(order)`` puts into memory."""
    axes = tuple((Atom(size),) if size > 1 else () for size in shape)
    return View(tuple(atom for axis in order for atom in axes[axis]), axes)


def channels_last(shape: Shape) -> View:
    """The view of an array (batch, channels, space) of which memory holds the channels last."""
    return arranged(shape, channels_last_order(len(shape)))


def stored_shape(view: View) -> tuple[int, ...]:
    """The graph's shape of an array whose axes stay whole: [1, H, W, C] where it has these."""
    assert view.order is not None
    moved = [view.shape[axis] for axis in view.order]
    if len(moved) in (1, 2, 4) and moved[0] == 1:
        return tuple(moved)
    if len(moved) == 3 and moved[0] == 1:
        return 1, 1, *moved[1:]
    channels = moved[-1] if moved else 1
    return 1, 1, math.prod(moved) // channels, channels


def hosted_shape(view: View) -> tuple[int, ...]:
    """Likewise of a result of the host: a vector fills channels, which a layer of rows reads."""
    shape = stored_shape(view)
    vector = sum(size > 1 for size in shape) == 1
    return (*(1 for _ in shape[1:]), max(shape)) if vector else shape


def channel_axis(small: tuple[int, ...], large: tuple[int, ...]) -> int | None:
    """The axis of ``large`` that ``small``, broadcast, has a value for each element of."""
    padded = (1,) * (len(large) - len(small)) + small
    axes = [i for i, size in enumerate(padded) if size > 1]
    if len(padded) == len(large) and len(axes) == 1 and padded[axes[0]] == large[axes[0]]:
        return axes[0]
    return None
