"""Whether the PyTorch module is the network that golden runs.

Layer by layer, each on golden's own inputs, a result may differ from golden's by one step of the
output, which has its rounding; the whole network by what these roundings explain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from golden.bench.module import (
    Network,
    NodeModule,
    as_numpy,
    as_torch,
)
from golden.bench.node_view import ends
from golden.quant import as_float32

#: Results of that many output steps and more, before the activation, are not compared: golden's
#: left shift may wrap there.
#: Multipliers are at least 2**30, those of means 2**29, in units of 2**-31.
_WRAPS = 2.0**29
#: Operators whose output has the scale of their input, which models write within 1e-6.
KEEP_SCALE = {
    "avg_pool2d",
    "max_pool2d",
    "pad",
    "slice",
    "channel_shuffle",
    "resize",
    "reshape",
    "strided_slice",
    "rearrange",
    "take",
}
#: Limit of a signal-to-noise ratio, in dB, either way; float64 reaches about 300.
LIMIT_DB = 200.0
#: Allowance of both bounds, in dB, for layers that amplify noise more than their signal.
_ALLOWANCE = 10.0
#: Bits of a significand, the hidden one included; TF32's are those of the operands.
_SIGNIFICANT = {"fp32": 24, "tf32": 11, "fp16": 11, "bf16": 8}


@dataclass(frozen=True)
class Agreement:
    """Agreement of the module and golden.

    ``layers`` were compared; ``worst_steps`` is the largest difference beyond a layer's allowance
    plus one step, in output steps, and ``worst_layer`` where. ``snr_db`` is that of golden's
    outputs against the module's, ``bound_db`` the least that the layers' own errors explain; None
    for outputs that are all zero.
    """

    layers: int
    worst_steps: float
    worst_layer: str
    snr_db: float | None
    bound_db: float

    def check(self) -> None:
        """Raise AssertionError if the module is not golden's network."""
        assert self.worst_steps <= 1, (
            f"layer {self.worst_layer!r} in PyTorch is {self.worst_steps:.2f} steps off golden; "
            "its rounding explains one"
        )
        assert self.snr_db is None or self.snr_db >= self.bound_db, (
            f"PyTorch's outputs are {self.snr_db:.1f} dB above their difference to golden's; "
            f"rounding explains no less than {self.bound_db:.1f} dB"
        )

    def as_data(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)


def agreement(
    graph: Mapping[str, Any], network: Network, values: Mapping[str, np.ndarray]
) -> Agreement:
    """Compare the module, in float64, with golden's tensors (stored integers by name).

    A layer's noise is the mean square of its difference to golden, rounding and saturation alike,
    over that of its result. If layers pass noise on as they pass their signal, the ratios add up
    (B. Widrow and I. Kollar, "Quantization Noise", 2008); ``bound_db`` allows ten times the sum.
    """
    worst, where, noise, compared = 0.0, "", 0.0, 0
    for layer, reads, name, node in zip(
        network.layers, network.reads, network.writes, graph["nodes"], strict=True
    ):
        if name not in values or any(read not in values for read in reads):
            continue
        assert isinstance(layer, NodeModule)
        tensor = graph["tensors"][name]
        inputs = [as_torch(values[r], graph["tensors"][r]) for r in reads]
        found = as_numpy(layer(*inputs))
        stored = as_numpy(as_torch(values[name], tensor))
        compares = np.abs(as_numpy(layer.body(*inputs))) < _WRAPS * as_float32(tensor["scale"][0])
        steps = _steps(found, stored, tensor, compares) - _allowed(node, graph["tensors"])
        compared += 1
        if steps > worst:
            worst, where = steps, node["name"]
        power = float(np.mean(found**2))
        noise += float(np.mean((found - stored) ** 2)) / power if power else 0.0
    real = network(*[as_torch(values[n], graph["tensors"][n]) for n in graph["inputs"]])
    wanted = [as_numpy(as_torch(values[n], graph["tensors"][n])) for n in graph["outputs"]]
    snr = snr_db([as_numpy(value) for value in real], wanted)
    return Agreement(compared, worst, where, snr, _decibels(1, noise) - _ALLOWANCE)


def snr_db(reference: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float | None:
    """The least ratio, over the outputs, of the reference's energy and the difference's, in dB.

    Outputs that are zero throughout are left out; None if all are.
    """
    ratios = [
        _decibels(float(np.sum(a**2)), float(np.sum((a - b) ** 2)))
        for a, b in zip(reference, found, strict=True)
        if np.any(a)
    ]
    return min(ratios) if ratios else None


def precision_bound_db(precision: str, layers: int) -> float:
    """The least ratio that ``layers`` roundings to a precision explain, in dB.

    A rounding to p bits is off by at most 2**-p, relatively, once for the result and once for the
    operands; independent errors add up by their squares. The allowance counts twice, once for sums
    whose terms cancel.
    """
    roundoff = 2.0 ** -_SIGNIFICANT[precision]
    return -10 * math.log10(2 * max(layers, 1) * roundoff**2) - 2 * _ALLOWANCE


def _decibels(signal: float, noise: float) -> float:
    if not math.isfinite(noise):
        return -LIMIT_DB
    ratio = 10 * math.log10(signal / noise) if noise > 0 else LIMIT_DB
    return max(-LIMIT_DB, min(LIMIT_DB, ratio))


def _steps(
    found: np.ndarray, stored: np.ndarray, tensor: Mapping[str, Any], compares: np.ndarray
) -> float:
    """The largest difference in output steps where ``compares``, saturation left out."""
    apart = np.abs(np.clip(found, *ends(tensor)) - stored) / as_float32(tensor["scale"][0])
    return float(np.max(apart, where=compares, initial=0.0))


def _allowed(node: Mapping[str, Any], tensors: Mapping[str, Any]) -> float:
    """Output steps by which a layer may be off besides its rounding.

    What moves values takes them as they are stored, at most 255 steps apart, whatever the scales'
    small difference. Positions of a bilinear resize are multiples of 2**-10 pixels in
    golden, a step of which is half of that off at most for each output pixel.
    """
    if node["op"] not in KEEP_SCALE:
        return 0.0
    x, y = tensors[node["inputs"][0]], tensors[node["outputs"][0]]
    steps = 255 * abs(as_float32(x["scale"][0]) / as_float32(y["scale"][0]) - 1)
    if node["op"] == "resize" and node["attrs"]["mode"] == "bilinear":
        steps += 255 * (y["shape"][1] + y["shape"][2]) / 2048
    return steps
