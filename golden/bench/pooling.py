"""Average and maximum pooling of NCHW maps with the graph's explicit padding."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from golden.bench.node_view import NodeView


class _Pool(nn.Module):
    """PyTorch pads opposite sides alike, by half the kernel without its dilation at most; else a
    step of its own."""

    def __init__(self, site: NodeView) -> None:
        super().__init__()
        top, bottom, left, right = site.attrs["padding"]
        self.kernel, self.stride = tuple(site.attrs["kernel"]), tuple(site.attrs["stride"])
        self.dilation = tuple(site.attrs.get("dilation", (1, 1)))
        fits = 2 * top <= self.kernel[0] and 2 * left <= self.kernel[1]
        inside = fits and (top, left) == (bottom, right)
        self.padding = (top, left) if inside else (0, 0)
        self.around = None if inside else (left, right, top, bottom)


class Maximum(_Pool):
    """The largest value of each window; padding never wins."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.around is not None:
            x = F.pad(x, self.around, value=float("-inf"))
        return F.max_pool2d(x, self.kernel, self.stride, self.padding, self.dilation)


class Average(_Pool):
    """The mean of each window, over its values or, with ``count_include_pad``, over all of it."""

    def __init__(self, site: NodeView) -> None:
        super().__init__(site)
        self.include = bool(site.attrs["count_include_pad"])
        self.factor = None
        if self.around is not None and not self.include:
            _, height, width, _ = site.inputs[0]["shape"]
            share = F.pad(torch.ones(1, 1, height, width, dtype=torch.float64), self.around)
            share = F.avg_pool2d(share, self.kernel, self.stride)
            self.factor = nn.Parameter(1 / share, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.around is not None:
            x = F.pad(x, self.around)
        y = F.avg_pool2d(x, self.kernel, self.stride, self.padding, count_include_pad=self.include)
        return y if self.factor is None else y * self.factor
