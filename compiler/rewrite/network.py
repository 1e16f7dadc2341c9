"""A network as rules see and change it: steps between named tensors, some with a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.rewrite.layer import Layer

LAYER, FUNCTION, NORM, CONCATENATION, OTHER = "layer", "function", "norm", "concatenation", "other"
"""Kinds of steps: a FUNCTION gives each value, or each channel, something of its own."""


@dataclass(frozen=True)
class Step:
    """An operator. ``inputs`` are the activations that it reads; ``layer`` is set for layers."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layer: Layer | None = None


class Network(ABC):
    """A network that rules change in place; each format has its own.

    ``trained`` says whether its layers have weights.
    """

    trained: bool

    @property
    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """The steps in execution order."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The tensors that the network gives."""

    @abstractmethod
    def replace(self, name: str, chain: Sequence[Layer], source: str | None = None) -> None:
        """Put layers, each on the one before, in the place of a layer.

        The first reads ``source``, by default what the layer read; the last makes the layer's
        output, and has the activation that is fused to it.
        """

    @abstractmethod
    def bypass(self, tensor: str, source: str) -> None:
        """Let everybody who reads ``tensor`` read ``source``, which is made before."""

    @abstractmethod
    def prune(self) -> None:
        """Take away steps that nobody reads."""

    def layers(self) -> list[Layer]:
        """The layers in execution order."""
        return [step.layer for step in self.steps if step.layer is not None]

    def step(self, name: str) -> Step:
        """The step of a layer."""
        return next(s for s in self.steps if s.name == name and s.layer is not None)

    def maker(self, tensor: str) -> Step | None:
        """The step that makes a tensor; None for an input of the network."""
        return next((step for step in self.steps if tensor in step.outputs), None)

    def after(self, tensor: str) -> tuple[str, Step | None]:
        """The tensor at the end of the functions and norms behind ``tensor``, which nobody else
        reads, and the step that alone reads that; None for several and for an output.

        A value times a function of itself, as SiLU is in ONNX, counts as a function.
        """
        while True:
            readers = [step for step in self.steps if tensor in step.inputs]
            if tensor in self.outputs or not readers:
                return tensor, None
            if len(readers) == 1 and readers[0].kind not in (FUNCTION, NORM):
                return tensor, readers[0]
            last = readers[0] if len(readers) == 1 else self._gate(tensor, readers)
            if last is None:
                return tensor, None
            tensor = last.outputs[0]

    def _gate(self, tensor: str, readers: list[Step]) -> Step | None:
        """The product of the tensor and a function of it, if these two alone read it."""
        if len(readers) != 2:
            return None
        first, second = readers
        gated = first.kind == FUNCTION and set(second.inputs) == {tensor, first.outputs[0]}
        alone = [s for s in self.steps if first.outputs[0] in s.inputs] == [second]
        return second if gated and alone and first.outputs[0] not in self.outputs else None
