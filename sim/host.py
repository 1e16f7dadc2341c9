"""Work of the host between two runs of the machine: it reads memory, computes and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from sim.program import Program, Segment
from sim.program_reader import ProgramError

Tensors = dict[str, np.ndarray]

Compute = Callable[[str, Mapping[str, np.ndarray]], Tensors]
"""The outputs of a node of the model, by its name, from the tensors that are there."""


class Host:
    """The host in one run on ``inputs``; ``values`` collects the tensors that it has."""

    def __init__(
        self, program: Program, inputs: Mapping[str, np.ndarray], compute: Compute
    ) -> None:
        self.program = program
        self.values: Tensors = dict(inputs)
        self._compute = compute

    def run(self, segment: Segment, memory: np.ndarray) -> None:
        """Compute the segment's nodes on ``memory``, uint8 ``[bytes]``; the results go there too.

        Raises ProgramError where the mapping and the model contradict each other.
        """
        places, cols = self.program.places, self.program.config.cols
        for node in segment.host:
            made = self._compute(node.name, _Tensors(self.program, memory, self.values))
            for name, values in made.items():
                self._check(name, values)
                self.values[name] = values
                if name in places:
                    places[name].write(memory, values, cols)

    def tensors(self, memory: np.ndarray) -> Tensors:
        """All tensors after the last segment, by name, in their shapes: those in ``memory``, uint8
        ``[bytes]``, and those that the host has."""
        return {**self.values, **self.program.tensors(memory)}

    def _check(self, name: str, values: np.ndarray) -> None:
        tensor = self.program.graph["tensors"].get(name)
        if tensor is None or (tensor["shape"], tensor["dtype"]) != (values.shape, values.dtype):
            raise ProgramError(
                f"{self.program.folder}: tensor {name!r} of the host is {values.dtype} "
                f"{list(values.shape)} in the model and another in the mapping"
            )


class _Tensors(Mapping[str, np.ndarray]):
    """Tensors in memory, read when they are asked for, and those that the host has."""

    def __init__(self, program: Program, memory: np.ndarray, values: Tensors) -> None:
        self._program = program
        self._memory = memory
        self._values = values

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._program.places:
            return self._program.places[name].read(self._memory, self._program.config.cols)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._program.places, **self._values})

    def __len__(self) -> int:
        return len({**self._program.places, **self._values})
