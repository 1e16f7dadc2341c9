"""Options of the compiler, as opposed to the configuration of the hardware (``hw.spec.config``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompilerOptions:
    """Options of a compilation.

    ``materialize`` stores every activation tensor in memory and fuses nothing across operators; the
    values are the same. ``seed`` names the random weights of a model that has none. ``host`` names
    nodes that the host runs instead of the array, ``memory`` is the most bytes of memory that
    program, weights and maps may take. ``base`` is the address of the memory image; the
    program is the same at any.
    """

    materialize: bool = False
    seed: int = 0
    host: tuple[str, ...] = ()
    memory: int | None = None
    base: int = 0
