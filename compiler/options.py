"""Options of the compiler, as opposed to the configuration of the hardware (``hw.spec.config``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompilerOptions:
    """Options of a compilation.

    ``materialize`` stores every activation tensor in memory and fuses nothing across operators; the
    values are the same. ``seed`` names the random weights of a model that has none.
    """

    materialize: bool = False
    seed: int = 0
