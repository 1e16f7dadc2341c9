"""A mapped network as data: commands in segments, layers, and where tensors lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from sim.values.memories import AddressRanges, CommandFault
from sim.values.tensors import Place


@dataclass(frozen=True)
class Command:
    """One command: its opcode and fields, and its number in the program."""

    opcode: Opcode
    fields: dict[str, int]
    index: int


@dataclass(frozen=True)
class Layer:
    """A layer of the network: its commands by number, and what the compiler says about it.

    Of the model's multiply-accumulates it does ``done``, of which the outputs need ``macs``. Its
    commands read or write ``on_chip_bytes`` of the scratchpad.
    """

    name: str
    kind: str
    macs: int
    commands: tuple[int, ...]
    done: int
    on_chip_bytes: int = 0
    residency: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostNode:
    """A node of the model that runs on the host, by name, and why.

    ``elements`` values result, of ``macs`` multiply-accumulates, which are in no count.
    """

    name: str
    op: str
    reason: str
    elements: int
    macs: int


@dataclass(frozen=True)
class Segment:
    """One run of the machine, and the nodes that the host runs after it.

    The commands are in ``size`` bytes from ``address``. They run up to END, or up to the one that
    raises ``fault``; ``first`` is the number of the first one in the program.
    """

    address: int
    size: int
    commands: tuple[Command, ...]
    fault: CommandFault | None = None
    host: tuple[HostNode, ...] = ()
    first: int = 0


@dataclass(frozen=True)
class Program:
    """A mapped network.

    ``image`` is the memory from address ``base`` on, uint8, with room for the inputs; all other
    addresses count from there. ``segments`` run one after another; commands are numbered through
    all of them. ``graph`` is in golden's form: inputs, outputs, and the tensors in memory or made
    by the host. ``places`` says where the inputs and what the hardware stores or reads lie.
    ``not_stored`` names tensors that fusion keeps from memory; ``model_macs`` are the
    multiply-accumulates of all nodes as the file has them, and ``elements`` is the number of values
    that all nodes of the network compute. ``notes`` are the compiler's on the whole network.
    """

    folder: Path
    config: AccelConfig
    image: np.ndarray
    address_ranges: AddressRanges
    segments: tuple[Segment, ...]
    macs: int
    model_macs: int
    layers: tuple[Layer, ...]
    graph: dict[str, Any]
    places: dict[str, Place]
    not_stored: tuple[str, ...]
    random_weights: bool
    random_calibration: bool
    elements: int
    notes: tuple[str, ...] = ()
    base: int = 0

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands of all segments."""
        return tuple(c for segment in self.segments for c in segment.commands)

    @property
    def fault(self) -> CommandFault | None:
        """The first command that a segment cannot run, if any."""
        return next((s.fault for s in self.segments if s.fault is not None), None)

    @property
    def host(self) -> tuple[HostNode, ...]:
        """The nodes that run on the host, in order."""
        return tuple(node for segment in self.segments for node in segment.host)

    @property
    def host_macs(self) -> int:
        """The multiply-accumulates of the host's nodes."""
        return sum(node.macs for node in self.host)

    def memory(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The external memory before a run on ``inputs`` (stored integers by name), uint8
        ``[bytes]``.

        Whole words, with zeros up to the end of the address ranges.
        """
        cols = self.config.cols
        size = max(len(self.image), self.address_ranges.read_limit, self.address_ranges.write_limit)
        memory = np.zeros(-(-size // cols) * cols, np.uint8)
        memory[: len(self.image)] = self.image
        for name, array in inputs.items():
            self.places[name].write(memory, array, cols)
        return memory

    def tensors(self, memory: np.ndarray) -> dict[str, np.ndarray]:
        """Stored integers of the tensors in ``memory``, uint8 ``[bytes]``, by name and shaped."""
        cols = self.config.cols
        return {name: place.read(memory, cols) for name, place in self.places.items()}

    @property
    def network(self) -> str:
        """The network's name."""
        return str(self.graph["name"])
