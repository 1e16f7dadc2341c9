"""Fashion-MNIST: its pictures and labels, and the pictures as the trained network takes them.

60,000 training and 10,000 test pictures of 28 x 28 grey values in 10 classes (arXiv 1708.07747),
from the Debian package ``dataset-fashion-mnist``.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from compiler.assets import Asset, fetch

FASHION_MNIST = Asset(
    "dataset-fashion-mnist",
    "0.0~git20200523.55506a9-1",
    r"-idx[13]-ubyte\.gz",
    "af63594c80959e1b5d65f0354ac8f3ffa78bb3c1442e4dee06d83686b454d763",
    manager="apt-get",
)

#: What training writes and evaluation reads.
MODEL, CALIBRATION = "model.onnx", "calibration.npy"

CLASSES = 10
SIZE = 32
"""Height and width of what the network takes: the pictures with a border of 2."""

#: Of the training pictures' pixels over 255.
MEAN, STD = 0.2860, 0.3530


def load(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 ``[N, 28, 28]`` and labels ``[N]`` of ``part``, ``train`` or ``t10k``."""
    files = {path.name: path for path in fetch(FASHION_MNIST)}
    pictures = _read_idx(files[f"{part}-images-idx3-ubyte.gz"])
    return pictures, _read_idx(files[f"{part}-labels-idx1-ubyte.gz"])


def prepare(pictures: np.ndarray) -> np.ndarray:
    """``[N, 28, 28]`` as the network's input: normalised float32 ``[N, 3, SIZE, SIZE]``.

    The border is black, and the three channels are the same.
    """
    border = (SIZE - pictures.shape[1]) // 2
    padded = np.pad(pictures, ((0, 0), (border, border), (border, border)))
    values = (padded.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.repeat(values[:, None], 3, axis=1)


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format: magic number, sizes (big-endian), values."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
