"""What is known of one model: whether it maps, what it costs, and what is left of its values."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.errors import CompilerError
from compiler.frontend.onnx import Shapes
from compiler.info import model_info
from compiler.load import load_model
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.spec.config import AccelConfig
from tests.benchmarks.public_models.original import likeness

PRESET = "edge256"
#: Most multiply-accumulates of a float model whose values are computed.
MOST_MACS = 300_000_000


def measure(model: Path, shapes: Shapes, config: AccelConfig) -> dict[str, Any]:
    """The row of a model file, its open inputs of ``shapes``: why it does not map, or the figures
    of ``map``, processor time in seconds, memory in MiB, and the likeness to the original."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        try:
            graph = load_model(model, shapes=shapes)
            folder = Path(name) / "out"
            run = map_graph(graph, config, CompilerOptions(), folder, quiet=True)
        except CompilerError as fault:
            why = str(fault).removeprefix(f"{model}: ")
            return {"maps": False, "why": why, **_spent(start)}
        found = {
            "maps": True,
            "shape": _input_shape(graph.to_dict()),
            "macs": run["model_macs"],
            "host_macs": run["host_macs"],
            "cycles": run["cycles"],
            "utilization": run["utilization"],
            "host": _reasons(model_info(graph, config, str(model)).layers),
            **_spent(start),
        }
        if run["model_macs"] <= MOST_MACS or not graph.random_calibration:
            found["original"] = likeness(model, graph, folder)
    return found


def _spent(start: float) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(time.process_time() - start, 1),
        "mib": usage.ru_maxrss // 1024,
    }


def _input_shape(graph: Mapping[str, Any]) -> str:
    """The graph's own shape of the first input: rows, columns, channels."""
    tensor = graph["tensors"][graph["inputs"][0]]
    return "x".join(map(str, tensor["shape"][1:]))


def _reasons(layers: Any) -> dict[str, int]:
    """Multiply-accumulates on the host by reason."""
    found: dict[str, int] = {}
    for layer in layers:
        if layer.reason and layer.macs:
            found[layer.reason] = found.get(layer.reason, 0) + layer.macs
    return found
