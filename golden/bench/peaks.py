"""The most operations per second of a device: published for GPUs, measured for the CPU.

An operation is a multiplication or an addition. Published figures are those of dense matrices at
the boost clock; where a data sheet gives only those with sparsity, half of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from golden.bench.measure import Clock

TERA = 1e12
#: Rows and columns of the matrices that measure a CPU, and how often.
_SIDE = 2048
_REPEATS = 5

_SITE = "https://www.nvidia.com/en-us/data-center/"
_A100 = (
    "https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/"
    "nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf"
)


@dataclass(frozen=True)
class Peak:
    """Operations per second by precision, and where they come from."""

    source: str
    operations: dict[str, float]

    def of(self, precision: str) -> float | None:
        """Operations per second in a precision; None where unknown."""
        return self.operations.get(precision)


def _published(source: str, fp32: float, **others: float) -> Peak:
    rates = {"fp32": fp32, **others}
    return Peak(f"published, {source}", {name: tera * TERA for name, tera in rates.items()})


def _halves(fp16: float) -> dict[str, float]:
    return {"fp16": fp16, "bf16": fp16}


#: By a pattern of the name that the driver gives the whole device.
_PUBLISHED: dict[str, Peak] = {
    r"Tesla T4": _published(_SITE + "tesla-t4/", 8.1, fp16=65, int8=130),
    r"Tesla V100-SXM2-\d+GB": _published(_SITE + "v100/", 15.7, fp16=125),
    r"(NVIDIA )?A100-(SXM4|PCI[Ee])-\d+GB|NVIDIA A100 80GB PCIe": _published(
        _A100, 19.5, tf32=156, int8=624, **_halves(312)
    ),
    r"NVIDIA L4": _published(_SITE + "l4/", 30.3, tf32=60, int8=242.5, **_halves(121)),
    r"NVIDIA L40S": _published(_SITE + "l40s/", 91.6, tf32=183, int8=733, **_halves(362)),
    r"NVIDIA H100 PCIe": _published(_SITE + "h100/", 51, tf32=378, int8=1513, **_halves(756)),
    r"NVIDIA H100 80GB HBM3": _published(
        _SITE + "h100/", 67, tf32=494.5, int8=1979, **_halves(989.5)
    ),
    r"NVIDIA H200": _published(_SITE + "h200/", 67, tf32=494.5, int8=1979, **_halves(989.5)),
}


def published_peak(name: str) -> Peak | None:
    """The peak of a GPU by its driver's name for it; None where it is not in the table."""
    for pattern, peak in _PUBLISHED.items():
        if re.fullmatch(pattern, name):
            return peak
    return None


def given_peak(tops: float, precisions: Sequence[str]) -> Peak:
    """A peak in 10**12 operations per second that the user states for all precisions."""
    return Peak("given by --peak", dict.fromkeys(precisions, tops * TERA))


def measured_cpu_peak(precisions: Sequence[str], clock: Clock) -> Peak:
    """Peak of the CPU in a large float32 matrix product, which stands for every precision."""
    a = torch.ones(_SIDE, _SIDE)
    least = min(clock(lambda: a @ a) for _ in range(_REPEATS))
    rate = 2 * _SIDE**3 / (least * 1e-3)
    source = f"measured, float32 product of {_SIDE} x {_SIDE} matrices, best of {_REPEATS}"
    return Peak(source, dict.fromkeys(precisions, rate))
