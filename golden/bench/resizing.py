"""Resizing of NCHW maps in real numbers.

PyTorch's own operators, and where it has none for the coordinates, the graph's positions spelt out:
nearest with aligned corners, bilinear without half-pixel centres (TFLite's ``asymmetric``).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from golden.bench.node_view import NodeView
from golden.resize import nearest_indices


class Interpolated(nn.Module):
    """A resize by ``torch.nn.functional.interpolate``."""

    def __init__(self, size: tuple[int, int], mode: str, align_corners: bool | None) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, self.size, mode=self.mode, align_corners=self.align_corners)


class Selected(nn.Module):
    """The nearest pixels with aligned corners."""

    rows: torch.Tensor
    columns: torch.Tensor

    def __init__(self, site: NodeView) -> None:
        super().__init__()
        for axis, name in ((1, "rows"), (2, "columns")):
            size, outputs = site.inputs[0]["shape"][axis], site.output["shape"][axis]
            chosen = nearest_indices(size, outputs, align_corners=True, half_pixel_centers=False)
            self.register_buffer(name, torch.as_tensor(chosen))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(2, self.rows).index_select(3, self.columns)


class Asymmetric(nn.Module):
    """Bilinear at ``i * input size / output size``: a product with a matrix for each axis."""

    def __init__(self, site: NodeView) -> None:
        super().__init__()
        (_, height, width, _), (_, rows, columns, _) = site.inputs[0]["shape"], site.output["shape"]
        self.down = nn.Parameter(_weights(height, rows), requires_grad=False)
        self.across = nn.Parameter(_weights(width, columns).T, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down @ (x @ self.across)


def build(site: NodeView) -> nn.Module:
    """The module of a ``resize`` node."""
    corners, centers = site.attrs["align_corners"], site.attrs["half_pixel_centers"]
    size = tuple(site.attrs["size"])
    if site.attrs["mode"] == "nearest":
        if corners:
            return Selected(site)
        return Interpolated(size, "nearest-exact" if centers else "nearest", None)
    if corners or centers:
        return Interpolated(size, "bilinear", corners)
    return Asymmetric(site)


def _weights(size: int, outputs: int) -> torch.Tensor:
    """Shares of ``size`` pixels in each of ``outputs``, float64 ``[outputs, size]``."""
    position = torch.arange(outputs, dtype=torch.float64) * size / outputs
    distance = position[:, None].clamp(max=size - 1) - torch.arange(size, dtype=torch.float64)
    return (1 - distance.abs()).clamp(min=0)
