"""The device that a measurement runs on: its choice, its name, what it leaves out."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from compiler.errors import ConfigError, show

DEVICES = ("cuda", "cpu")
#: Why no device has a row of int8.
NO_INT8 = {
    "cuda": "PyTorch has no int8 convolution for CUDA",
    "cpu": "PyTorch's int8 convolutions saturate sums of two products to 16 bits on CPUs without "
    "VNNI, which is another arithmetic",
}


def chosen(device: str | None) -> str:
    """The device asked for, or else a GPU where there is one. Raises ConfigError."""
    if device is not None and device not in DEVICES:
        raise ConfigError(f"--device {show(device)}; accepted: {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"--device cuda: PyTorch {torch.__version__} finds no CUDA device; cpu is accepted"
        )
    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def left_out(device: str) -> dict[str, str]:
    """The precisions that a device does not have, with the reason."""
    if device == "cpu":
        return {}
    reasons = {}
    if torch.cuda.get_device_capability() < (8, 0):
        reasons["tf32"] = "the GPU has no TF32"
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        reasons["bf16"] = "the GPU has no bf16"
    return reasons


def describe(device: str) -> dict[str, Any]:
    """Type and name of a device; of the CPU also PyTorch's threads and the machine's load."""
    if device == "cuda":
        return {"type": device, "name": torch.cuda.get_device_name()}
    return {
        "type": device,
        "name": _cpu_name(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str | None]:
    """Versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def _cpu_name() -> str:
    """The processor's name as Linux gives it, elsewhere the machine's."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
