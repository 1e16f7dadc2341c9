"""The part of the loss that keeps the first layers of BSConv-S orthonormal."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from compiler.errors import InputError
from compiler.load import read_file
from compiler.training.module import OnnxModule


def orthonormality(module: OnnxModule, notes: Path) -> torch.Tensor:
    """The factor times the sum of ||W W^T - I|| over the layers that the notes name.

    ``notes`` is the ``.training.json`` of ``compiler rewrite``. Raises InputError for notes of
    another model.
    """
    found = json.loads(read_file(notes))["orthonormal"]
    total = torch.zeros(())
    for name in found["layers"]:
        weights = module.weights_of(name)
        if weights is None:
            raise InputError(f"{notes}: layer {name!r} is not in the model; its own are accepted")
        matrix = weights.flatten(1)
        total = total + torch.linalg.norm(matrix @ matrix.T - torch.eye(len(matrix)))
    return float(found["factor"]) * total
