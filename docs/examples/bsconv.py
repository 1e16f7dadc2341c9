"""BSConv-U MobileNetV1 of width 1/4 in PyTorch (arXiv 2003.13549), and its regular form.

Source of the layers: zeiss-microscopy/BSConv 0.4.0, bsconv/pytorch/mobilenet.py and modules.py,
``mobilenetv1_w1d4_bsconvu``, and ``cifar_mobilenetv1_w1d4_bsconvu`` for small pictures, here with a
stem that strides. Left out is the batch normalisation of the input: pictures come normalised. The
regular form has a 3x3 convolution in the place of each pair of layers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

#: Output channels of each stage's units.
STAGES = ((16,), (32, 32), (64, 64), (128,) * 6, (256, 256))

#: Strides of the stages for 224 x 224, and for small pictures.
IMAGENET_STRIDES = (1, 2, 2, 2, 2)
SMALL_STRIDES = (1, 1, 2, 2, 2)


def bsconv_u_mobilenet_v1(classes: int, strides: tuple[int, ...]) -> nn.Sequential:
    """The network: float32 pictures ``[N, 3, height, width]`` to logits ``[N, classes]``."""
    return _mobilenet_v1(classes, strides, _bsconv_u)


def regular_mobilenet_v1(classes: int, strides: tuple[int, ...]) -> nn.Sequential:
    """The same of regular convolutions."""
    return _mobilenet_v1(classes, strides, _regular)


def _mobilenet_v1(
    classes: int, strides: tuple[int, ...], unit: Callable[[int, int, int], list[nn.Module]]
) -> nn.Sequential:
    layers = [nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    channels = 8
    for units, first in zip(STAGES, strides, strict=True):
        for index, wide in enumerate(units):
            layers += unit(channels, wide, 1 if index else first)
            layers += [nn.BatchNorm2d(wide), nn.ReLU()]
            channels = wide
    layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, classes, 1), nn.Flatten()]
    network = nn.Sequential(*layers)
    for module in network[:-2].modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight)
    nn.init.xavier_normal_(network[-2].weight)
    return network


def _bsconv_u(channels: int, wide: int, stride: int) -> list[nn.Module]:
    """Pointwise, then depthwise, with nothing between."""
    return [
        nn.Conv2d(channels, wide, 1, bias=False),
        nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
    ]


def _regular(channels: int, wide: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, wide, 3, stride=stride, padding=1, bias=False)]


def export(network: nn.Module, size: int, path: Path) -> None:
    """Write the network as ONNX for one picture of ``size`` x ``size``."""
    with warnings.catch_warnings():
        # The exporter that takes its place needs a package more.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, size, size),),
            str(path),
            dynamo=False,
            opset_version=13,
            input_names=["picture"],
            output_names=["logits"],
        )
