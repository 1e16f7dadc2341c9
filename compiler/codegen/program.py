"""Writes a compiled network: the memory image that the hardware runs, and what it means."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from compiler.codegen.commands import CONSTANTS, Command
from compiler.codegen.compiled import Compiled
from compiler.codegen.layer_text import residency_text, shape_text
from compiler.errors import InputError
from compiler.frontend.model_json import write_model
from compiler.hwir.feature_map import origin
from compiler.hwir.network import HostNode
from compiler.ir.counts import macs, node_macs
from compiler.ir.graph import Graph, Node, Tensor
from compiler.schedule.op_plan import OpPlan
from hw.spec.config import AccelConfig, to_dict
from hw.spec.fingerprint import any_rows, command_fields, fingerprint
from hw.spec.isa import Opcode, encode

VERSION = 6
PROGRAM = "program.bin"
MAPPING = "mapping.json"
MODEL = "model.json"


def encode_commands(commands: list[Command], config: AccelConfig) -> bytes:
    """The commands as the hardware of ``config`` fetches them."""
    machine = command_fields(config, *_needs(commands, config))
    return b"".join(encode(c.opcode, **machine, **c.all_fields) for c in commands)


def _needs(commands: list[Command], config: AccelConfig) -> tuple[bool, int]:
    """Whether the commands run on any rows, and the last line of the scratchpad that they may
    read: a line of words that begins with the last one in use reaches into the next."""
    executes = [c.fields for c in commands if c.opcode == Opcode.EXECUTE]
    same = any_rows([(fields["pixels"], fields["array_shape"]) for fields in executes])
    spans = [s for c in commands for s in (*c.scratchpad_reads, *c.scratchpad_writes)]
    last = max((s.base + (s.rows - 1) * s.stride + s.length - 1 for s in spans), default=0)
    return same, min(last // config.line_words + 1, config.scratchpad_lines - 1)


def image(compiled: Compiled) -> bytes:
    """The memory from the base on: each segment's commands, then constants."""
    data = bytearray(compiled.memory.image_size)
    for segment, (address, size) in zip(compiled.segments, compiled.memory.programs, strict=True):
        code = encode_commands(segment.commands, compiled.config)
        assert len(code) == size
        data[address : address + size] = code
    base = compiled.memory.bases[CONSTANTS]
    data[base : base + len(compiled.constants)] = compiled.constants
    return bytes(data)


def mapping(compiled: Compiled) -> dict[str, Any]:
    """Content of ``mapping.json`` (docs/compiler.md), as plain data."""
    graph, network, memory = compiled.graph, compiled.network, compiled.memory
    written = _written_maps(compiled)
    stored = [
        name
        for name in _tensor_order(graph)
        if name not in graph.inputs and name in network.views and network.views[name].map in written
    ]
    hosted = [name for h in network.host for name in h.node.outputs]
    missing = [
        t
        for t in _tensor_order(graph)
        if t not in stored and t not in hosted and t not in graph.inputs
    ]
    return {
        "version": VERSION,
        "network": graph.name,
        "random_weights": graph.random_weights,
        "random_calibration": graph.random_calibration,
        "config": to_dict(compiled.config),
        "options": {"materialize": compiled.options.materialize, "seed": compiled.options.seed},
        "segments": [
            {
                "program_addr": address,
                "program_size": size,
                "fingerprint": fingerprint(
                    compiled.config, *_needs(segment.commands, compiled.config)
                ),
                "host": [h.node.name for h in network.host if h.segment == index],
            }
            for index, (segment, (address, size)) in enumerate(
                zip(compiled.segments, memory.programs, strict=True)
            )
        ],
        "base": compiled.options.base,
        "image_size": memory.image_size,
        "memory_size": memory.write_limit,
        "read_range": [0, memory.read_limit],
        "write_range": [memory.write_base, memory.write_limit],
        "macs": sum(op.macs for op in network.ops),
        "model_macs": sum(macs(graph).values()),
        "elements": sum(_elements(graph, node) for node in graph.nodes),
        "modelled_cycles": sum(segment.plan.modelled_cycles for segment in compiled.segments),
        "inputs": [_input(compiled, name) for name in graph.inputs],
        "outputs": list(graph.outputs),
        "tensors": [_stored(compiled, name) for name in stored],
        "host_tensors": [_tensor(graph.tensors[n]) for n in hosted if n not in stored],
        "not_stored": missing,
        "notes": list(network.notes),
        "host": [_host_node(graph, h) for h in network.host],
        "layers": _layers(compiled),
    }


def write_program(compiled: Compiled, folder: Path) -> None:
    """Write ``program.bin`` and ``mapping.json`` into an existing folder."""
    (folder / PROGRAM).write_bytes(image(compiled))
    text = json.dumps(mapping(compiled), indent=1)
    (folder / MAPPING).write_text(text + "\n", encoding="utf-8")


def write(compiled: Compiled, directory: Path | str) -> Path:
    """Write program, mapping and model as ``directory``, whole or not at all.

    A mapping already there is replaced. Raises InputError when it cannot be written.
    """
    directory = Path(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        if directory.exists() and not directory.is_dir():
            raise InputError(f"{directory}: not a folder; a folder or a new name is accepted")
        work = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as fault:
        raise InputError(f"{directory}: cannot be written: {fault.strerror}") from None
    try:
        write_program(compiled, work)
        write_model(compiled.graph, work / MODEL)
        if directory.exists():
            for path in sorted(work.iterdir()):
                os.replace(path, directory / path.name)
        else:
            work.chmod(0o755)
            work.rename(directory)
    except OSError as fault:
        raise InputError(f"{directory}: cannot be written: {fault.strerror}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return directory


def _tensor_order(graph: Graph) -> list[str]:
    """Activation tensors: the inputs, then as the nodes make them."""
    return [*graph.inputs, *(name for node in graph.nodes for name in node.outputs)]


def _written_maps(compiled: Compiled) -> set[str]:
    """The maps that are whole in memory: those stored, and those of which all parts are.

    A slice is if its parent is, which comes before it.
    """
    maps, ops = compiled.network.maps, compiled.network.ops
    stored = {ops[c.layer].output for c in compiled.commands if c.opcode == Opcode.STORE}
    partial = set()
    for op in ops:
        name = op.output
        while op.output not in stored and name:
            partial.add(name)
            name = maps[name].parent
    whole = {name for name, m in maps.items() if not m.external} - partial
    for name, m in maps.items():
        if m.view and m.parent not in whole:
            whole.discard(name)
    return whole


def _elements(graph: Graph, node: Node) -> int:
    """The values that the node computes; a reshape computes none."""
    if node.op == "reshape":
        return 0
    return sum(math.prod(graph.tensors[name].shape) for name in node.outputs)


def _host_node(graph: Graph, host: HostNode) -> dict[str, Any]:
    node = host.node
    return {
        "node": node.name,
        "op": node.op,
        "inputs": [n for n in node.inputs if n and graph.tensors[n].data is None],
        "outputs": list(node.outputs),
        "reason": host.reason,
        "elements": _elements(graph, node),
        "macs": node_macs(graph, node),
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    quant = tensor.quant
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "scale": None if quant is None else [float(s) for s in quant.scale],
        "zero_point": None if quant is None else [int(z) for z in quant.zero_point],
        "declared": None if tensor.declared is None else vars(tensor.declared),
    }


def _input(compiled: Compiled, name: str) -> dict[str, Any]:
    tensor, m = compiled.graph.tensors[name], compiled.network.maps[name]
    if not m.external:
        words = m.words(compiled.config.cols) * compiled.config.cols
        return {**_stored(compiled, name), "layout": "planes", "nbytes": words}
    return {
        **_tensor(tensor),
        "address": compiled.memory.bases[name],
        "layout": "pixels",
        "nbytes": m.pixels * m.channels,
        "height": m.height,
        "width": m.width,
        "channels": m.channels,
    }


def _stored(compiled: Compiled, name: str) -> dict[str, Any]:
    view = compiled.network.views[name]
    m = compiled.network.maps[view.map]
    root, plane = origin(compiled.network.maps, view.map)
    plane_bytes = m.pixels * compiled.config.cols
    return {
        **_tensor(compiled.graph.tensors[name]),
        "address": compiled.memory.bases[root] + plane * plane_bytes,
        "height": m.height,
        "width": m.width,
        "channels": m.channels,
        "plane_bytes": plane_bytes,
        "flip": compiled.graph.tensors[name].dtype == "uint8",
    }


def _layers(compiled: Compiled) -> list[dict[str, Any]]:
    """The layers, each with the numbers of its commands among those of all segments."""
    own: list[list[int]] = [[] for _ in compiled.plans]
    executes = [0] * len(own)
    for number, command in enumerate(compiled.commands):
        if command.layer >= 0:
            own[command.layer].append(number)
            executes[command.layer] += command.opcode == Opcode.EXECUTE
    return [
        _layer(compiled, *of_layer) for of_layer in zip(compiled.plans, own, executes, strict=True)
    ]


def _layer(compiled: Compiled, plan: OpPlan, own: list[int], executes: int) -> dict[str, Any]:
    op, site = plan.site.op, plan.site
    return {
        "name": op.name,
        "kind": op.kind,
        "macs": op.macs,
        "done": op.done,
        "segment": op.segment,
        "commands": own,
        "on_chip_bytes": _on_chip_bytes(compiled, own),
        "array_shape": plan.shape,
        "tiles": len(plan.tiles),
        "chunks": len(plan.chunks),
        "order": plan.order,
        "executes": executes,
        "modelled_compute": plan.compute,
        "modelled_words": plan.words,
        "input_shape": [site.source.height, site.source.width, site.source.channels],
        "output_shape": [site.output.height, site.output.width, site.output.channels],
        "residency": residency_text(plan, compiled.graph.inputs),
        "notes": [shape_text(plan), *op.notes],
    }


def _on_chip_bytes(compiled: Compiled, own: list[int]) -> int:
    """Bytes of the scratchpad that the commands with these numbers read or write."""
    used = np.zeros(compiled.config.scratchpad_words, bool)
    for index in own:
        command = compiled.commands[index]
        for span in (*command.scratchpad_reads, *command.scratchpad_writes):
            used[span.words()] = True
    return int(used.sum()) * compiled.config.word_bytes
