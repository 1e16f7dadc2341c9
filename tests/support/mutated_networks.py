"""Networks of inverted residual blocks and random changes of them, as a search makes them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.graph import Graph
from compiler.zoo.blocks import inverted_residual
from compiler.zoo.builder import GraphBuilder
from compiler.zoo.mobilenet_v2 import STAGES

STEP = 8
"""Channels by which a width changes."""


@dataclass(frozen=True)
class Block:
    """An inverted residual."""

    expansion: int
    channels: int
    stride: int
    kernel: int = 3


MOBILENET_V2 = tuple(
    Block(expansion, channels, stride if repeat == 0 else 1)
    for expansion, channels, repeats, stride in STAGES
    for repeat in range(repeats)
)


def network(
    blocks: Sequence[Block], size: int = 224, stem: int = 32, head: int = 1280, classes: int = 1000
) -> Graph:
    """The network of the blocks, without weights; all have one name."""
    net = GraphBuilder("candidate", (size, size, 3))
    x = net.conv("stem", "input", stem, 3, stride=2, activation="relu6")
    for i, b in enumerate(blocks):
        x = inverted_residual(net, f"block{i}", x, b.channels, b.kernel, b.stride, b.expansion)
    x = net.conv("head/conv", x, head, 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, classes))


def mutated(blocks: Sequence[Block], draw: random.Random) -> tuple[Block, ...]:
    """One block with another kernel, expansion or width."""
    at = draw.randrange(len(blocks))
    block = blocks[at]
    change = draw.choice(
        (
            {"kernel": draw.choice((3, 5, 7))},
            {"expansion": draw.choice((1, 3, 4, 6))},
            {"channels": max(STEP, block.channels + draw.choice((-STEP, STEP)))},
        )
    )
    return *blocks[:at], dataclasses.replace(block, **change), *blocks[at + 1 :]
