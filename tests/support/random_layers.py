"""Random quantised networks of one to three operators, whatever the hardware runs."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass

import numpy as np

from compiler.codegen.compiled import Compiled
from compiler.driver import Scheduler, compile
from compiler.errors import AllocationError
from compiler.ir.graph import Graph, Tensor
from compiler.options import CompilerOptions
from compiler.schedule.search import schedules
from hw.spec.config import AccelConfig
from hw.spec.external_memory import Memory
from tests.support.random_elementwise import add, excitation, multiply, residual
from tests.support.random_functions import function, on_host, quantize
from tests.support.random_graph import RandomGraph
from tests.support.random_moves import (
    concatenation,
    pad,
    pad_channels,
    parts_apart,
    shuffle,
    shuffled_groups,
    some_channels,
    split_and_join,
)
from tests.support.random_pools import average, maximum, mean
from tests.support.random_spatial import resize, transpose_conv2d
from tests.support.random_weighted import (
    conv2d,
    depthwise,
    flattens,
    fully_connected,
    grouped,
)

OPERATORS = (
    conv2d,
    conv2d,
    conv2d,
    grouped,
    depthwise,
    depthwise,
    add,
    add,
    average,
    maximum,
    pad,
    quantize,
    concatenation,
    concatenation,
    function,
    residual,
    mean,
    multiply,
    multiply,
    excitation,
    resize,
    transpose_conv2d,
    grouped,
    some_channels,
    some_channels,
    shuffle,
    pad_channels,
    split_and_join,
    split_and_join,
    split_and_join,
    parts_apart,
    parts_apart,
    shuffled_groups,
    on_host,
    on_host,
)
"""What a network is drawn from, the frequent ones several times."""
SMALL_SCRATCHPADS = (64, 64, 128, 256)
"""Lines of the scratchpads for which some networks are mapped, which then run on the whole one."""


@dataclass(frozen=True)
class RandomLayer:
    """A network, an input, and how to map it: on ``scratchpad_lines`` of the scratchpad if it
    fits."""

    graph: Graph
    inputs: dict[str, np.ndarray]
    config: AccelConfig
    options: CompilerOptions
    scratchpad_lines: int
    scheduler: Scheduler = schedules

    def compile(self) -> Compiled:
        """Map it; a scratchpad that is too small for it is doubled up to the configuration's
        own."""
        lines = self.scratchpad_lines
        while lines < self.config.scratchpad_lines:
            config = dataclasses.replace(
                self.config, scratchpad_bytes=lines * self.config.line_bytes
            )
            try:
                return compile(self.graph, config, self.options, scheduler=self.scheduler)
            except AllocationError:
                lines *= 2
        return compile(self.graph, self.config, self.options, scheduler=self.scheduler)


def random_layer(config: AccelConfig, seed: int) -> RandomLayer:
    """The network of a seed; the same for the same arguments."""
    rng = random.Random(seed)
    graph = _graph(RandomGraph(rng, config), f"layer{seed}")
    lines = rng.choice((*SMALL_SCRATCHPADS, *[config.scratchpad_lines] * 6))
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, graph.tensors[name]) for name in graph.inputs}
    if rng.random() < 0.25:
        latency, share = rng.choice((1, 7, 20, 64, 150)), rng.choice((1, 2, 4))
        config = dataclasses.replace(config, memory=Memory(latency, config.bus_bytes // share))
    options = CompilerOptions(materialize=rng.random() < 0.4)
    return RandomLayer(graph, inputs, config, options, lines)


def random_input(source: np.random.Generator, tensor: Tensor) -> np.ndarray:
    """Values over the whole range; sometimes the ends only, or one value."""
    low, high = np.iinfo(tensor.dtype).min, np.iinfo(tensor.dtype).max
    values = source.integers(low, high, tensor.shape, tensor.dtype, endpoint=True)
    kind = source.integers(16)
    if kind == 0:
        values = np.where(values > 0.5 * (low + high), high, low).astype(tensor.dtype)
    elif kind == 1:
        values = np.full_like(values, source.choice((low, high)))
    return values


def _graph(net: RandomGraph, name: str) -> Graph:
    rng = net.rng
    x = net.input(_map_shape(net))
    for left in reversed(range(rng.choice((1, 1, 1, 2, 2, 3)))):
        x = operator(net, x, last=left == 0)
    outputs = [x]
    made = [n.outputs[0] for n in net.nodes[:-1] if n.op != "reshape"]
    if made and rng.random() < 0.3:
        outputs.append(rng.choice(made))
    return net.finish(name, *outputs)


def _map_shape(net: RandomGraph) -> tuple[int, ...]:
    """A map of one pixel, a row, a column, a small one or a large one."""
    rng, cols = net.rng, net.config.cols
    height, width = rng.choice(
        (
            (1, 1),
            (1, rng.randint(2, 70)),
            (rng.randint(2, 70), 1),
            *[(rng.randint(1, 14), rng.randint(1, 14))] * 4,
            *[(rng.randint(10, 48), rng.randint(10, 48))] * 2,
        )
    )
    channels = rng.choice((1, 3, rng.randint(1, 2 * cols), rng.randint(1, 6 * cols)))
    return 1, height, width, min(channels, max(net.most_values // (height * width), 1))


def operator(net: RandomGraph, x: str, last: bool) -> str:
    """An operator of OPERATORS, or behind the others a classifier, with a function now and then."""
    if net.tensors[x].dtype == "uint8":
        return quantize(net, x)
    makers = [*OPERATORS]
    if last and flattens(net, x):
        makers += [fully_connected] * 2
    maker = net.rng.choice(makers)
    y = maker(net, x)
    # What follows a classifier without an exact scale would have to run on the host too.
    follows = maker != fully_connected and net.rng.random() < 0.3
    return function(net, y) if follows else y
