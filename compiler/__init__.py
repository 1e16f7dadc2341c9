"""The compiler. In: a model file and a configuration. Out: a program, a mapping, a report.

The names of ``__all__`` are the public Python interface. Each is imported when it is first used, so
that ``import compiler`` costs nothing.

>>> from compiler import GraphBuilder, latency
>>> net = GraphBuilder("net", (32, 32, 3))
>>> graph = net.finish(net.conv("conv", "input", 16, 3, activation="relu"))
>>> graph
<Graph net: 1 node, input 1x32x32x3 int8, conv 1x32x32x16 int8, without weights>
>>> latency(graph, "tiny").macs == 32 * 32 * 16 * 3 * 3 * 3
True
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.errors import CompilerError
    from compiler.estimator import Estimator, Latency
    from compiler.interface import latency, map_model
    from compiler.ir.graph import Graph
    from compiler.load import load_model
    from compiler.machine import Machine
    from compiler.options import CompilerOptions
    from compiler.zoo.builder import GraphBuilder
    from hw.spec.config_keys import ConfigurationError

__all__ = [
    "CompilerError",
    "CompilerOptions",
    "ConfigurationError",
    "Estimator",
    "Graph",
    "GraphBuilder",
    "Latency",
    "Machine",
    "latency",
    "load_model",
    "map_model",
]
__version__ = "0.1.0"

_HOMES = {
    "CompilerError": "compiler.errors",
    "CompilerOptions": "compiler.options",
    "ConfigurationError": "hw.spec.config_keys",
    "Estimator": "compiler.estimator",
    "Graph": "compiler.ir.graph",
    "GraphBuilder": "compiler.zoo.builder",
    "Latency": "compiler.estimator",
    "Machine": "compiler.machine",
    "latency": "compiler.interface",
    "load_model": "compiler.load",
    "map_model": "compiler.interface",
}
"""The module that defines each name."""


def __getattr__(name: str) -> object:
    """Import a public name. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
