"""Ways to run a module: precisions, and modes from eager to captured."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

Tensors = Sequence[torch.Tensor]
Module = TypeVar("Module", bound=nn.Module)
Run = Callable[[], tuple[torch.Tensor, ...]]

DTYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
#: What each device offers, in the order of reports. A graph is a CUDA graph, captured once.
PRECISIONS = {"cpu": ("fp32", "fp16", "bf16"), "cuda": ("fp32", "tf32", "fp16", "bf16")}
MODES = {"cpu": ("eager", "compiled"), "cuda": ("eager", "compiled", "graph", "compiled-graph")}
#: Calls on a side stream before a capture, as PyTorch's manual asks.
_BEFORE_CAPTURE = 3


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """On CUDA full float32 multiplications in the body, or TF32 for ``tf32``, and the fastest
    convolutions of those that cuDNN tries in the warm-up.

    The newer ``fp32_precision`` says the same, but ``torch.compile`` reads these and fails then.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = matmul.allow_tf32 = precision == "tf32"
    cudnn.benchmark = True
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before


def moved(module: Module, device: str, precision: str) -> Module:
    """A copy of the module on a device in a precision, weights in channels-last memory."""
    copied = copy.deepcopy(module).to(device, DTYPES[precision])
    layout = torch.channels_last
    placed: Module = copied.to(memory_format=layout)  # type: ignore[call-overload]  # torch's types lack it
    return placed


def moved_inputs(inputs: Tensors, device: str, precision: str) -> list[torch.Tensor]:
    """Inputs on a device in a precision, maps in channels-last memory."""
    return [_dense(x).to(device, DTYPES[precision]) for x in inputs]


def prepared(module: nn.Module, inputs: Tensors, mode: str) -> Run:
    """A call that runs the module on ``inputs``, all on their device, in a mode.

    A captured graph writes its outputs to the same tensors each time.
    """
    call: Callable[..., tuple[torch.Tensor, ...]] = module
    if mode.startswith("compiled"):
        # Without the reset PyTorch runs the ninth module of a process eagerly, in silence.
        torch.compiler.reset()
        call = torch.compile(module, dynamic=False, fullgraph=True)
    if mode.endswith("graph"):
        return _captured(call, inputs)
    return lambda: call(*inputs)


def _captured(call: Callable[..., tuple[torch.Tensor, ...]], inputs: Tensors) -> Run:
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_BEFORE_CAPTURE):
            call(*inputs)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = call(*inputs)

    def replay() -> tuple[torch.Tensor, ...]:
        graph.replay()
        return outputs

    return replay


def _dense(x: torch.Tensor) -> torch.Tensor:
    if x.dim() == 4:
        return x.contiguous(memory_format=torch.channels_last)
    return x.contiguous()
