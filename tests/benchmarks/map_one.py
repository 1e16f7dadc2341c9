"""Mapping of one network in a process of its own, with the compiler of any checkout.

``python -P map_one.py NETWORK PRESET``, with the checkout in PYTHONPATH, prints
seconds of processor time, those of loading a model file and calibrating it, bytes of resident
memory at most and bytes of weights. It uses nothing else of ``tests``: one file measures two
versions.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from compiler import zoo
from compiler.driver import compile
from compiler.ir.graph import Graph
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import preset

KILO = 1 if sys.platform == "darwin" else 1024
"""Bytes of the unit of ``ru_maxrss``."""


def dense(blocks: tuple[int, ...], size: int = 224, growth: int = 32) -> Graph:
    """A DenseNet (arXiv 1608.06993): in a block, every layer reads all maps before it."""
    net = GraphBuilder("dense", (size, size, 3))
    x = net.conv("stem", "input", 64, 7, stride=2, activation="relu")
    x, channels = net.max_pool("stem_pool", x, 3, stride=2), 64
    for number, layers in enumerate(blocks):
        maps = [x]
        for layer in range(layers):
            name = f"block{number}/layer{layer}"
            y = net.concatenate(f"{name}/all", *maps) if layer else x
            y = net.depthwise(f"{name}/norm", y, 1, activation="relu")
            y = net.conv(f"{name}/narrow", y, 4 * growth, 1, activation="relu")
            maps.append(net.conv(f"{name}/conv", y, growth, 3))
        x, channels = net.concatenate(f"block{number}/out", *maps), channels + layers * growth
        if number < len(blocks) - 1:
            channels //= 2
            x = net.depthwise(f"between{number}/norm", x, 1, activation="relu")
            x = net.conv(f"between{number}/conv", x, channels, 1)
            x = net.avg_pool(f"between{number}/pool", x, 2, stride=2)
    return net.finish(net.fully_connected("classes", net.global_avg_pool("pool", x), 1000))


def plain(layers: int, size: int, channels: int = 16) -> Graph:
    """Convolutions one after another, each of whose maps is larger than a small scratchpad."""
    net, x = GraphBuilder("plain", (size, size, channels)), "input"
    for layer in range(layers):
        x = net.conv(f"conv{layer}", x, channels, 3, activation="relu")
    return net.finish(x)


LARGE: dict[str, Callable[[], Graph]] = {
    "dense_121": lambda: dense((6, 12, 24, 16)),
    "dense_201": lambda: dense((6, 12, 48, 32)),
    "plain_200": lambda: plain(200, 64),
}
"""Networks with many layers, by name, besides those of the zoo."""


def network(name: str) -> Graph:
    """The network of that name, or the model in a file."""
    if name in LARGE:
        return randomize(LARGE[name]())
    if name in zoo.names():
        return randomize(zoo.build(name))
    compiler = Path(zoo.__file__).parents[1]
    found = "compiler.load" if (compiler / "load.py").is_file() else "compiler.frontend.load"
    graph: Graph = importlib.import_module(found).load_model(Path(name))
    return graph


def main() -> None:
    """Map the network that the arguments name."""
    name, machine = sys.argv[1:]
    config = preset(machine)
    compile(randomize(plain(2, 8)), config)
    start = time.process_time()
    graph = network(name)
    loaded = time.process_time()
    compiled = compile(graph, config)
    taken = time.process_time() - loaded
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILO
    found = {
        "seconds": taken,
        "loading": loaded - start,
        "peak": peak,
        "weights": len(compiled.constants),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
