"""The time-depth separable speech encoder (arXiv 1904.02619) over 256 frames of 80 features.

Source of the layers: flashlight/wav2letter, recipes/models/seq2seq_tds/librispeech/network.arch and
TDSBlock.cpp. Maps are (time, feature) in pixels: convolutions run over time alone, with 10 to 18
channels; fully connected layers over all features and channels of a time step are 1x1 convolutions
of a map one pixel wide. Layers are normalised over each time step, as in the streaming form
(arXiv 2001.09727); the first form takes the mean over time as well.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

_KERNEL = (21, 1)

#: Channels and blocks of each stage; a convolution before it halves time.
_STAGES = ((10, 2), (14, 3), (18, 6))

#: Features of a time step that the decoder reads: keys and values of 512.
_FEATURES = 1024


def _normalised(net: GraphBuilder, name: str, x: str) -> str:
    """The map as (time, 1), all its features channels, normalised."""
    _, time, width, channels = net.shape(x)
    x = net.reshape(f"{name}/flat", x, (1, time, 1, width * channels))
    return net.layer_norm(f"{name}/norm", x)


def _block(net: GraphBuilder, name: str, x: str, channels: int) -> str:
    """From (time, 1) to (time, 1)."""
    _, time, _, features = net.shape(x)
    x = net.reshape(f"{name}/map", x, (1, time, features // channels, channels))
    y = net.conv(f"{name}/conv", x, channels, _KERNEL, activation="relu")
    x = _normalised(net, f"{name}/time", net.add(f"{name}/time/add", x, y))
    y = net.conv(f"{name}/connected1", x, features, 1, activation="relu")
    y = net.conv(f"{name}/connected2", y, features, 1)
    return net.layer_norm(f"{name}/norm", net.add(f"{name}/add", x, y))


def _tds_encoder(name: str, size: Pair) -> Graph:
    """``size`` is frames and features of a frame."""
    net, x, width = GraphBuilder(name, (*size, 1)), "input", size[1]
    for stage, (channels, blocks) in enumerate(_STAGES):
        if stage:
            _, time, _, features = net.shape(x)
            x = net.reshape(f"stage{stage}/map", x, (1, time, width, features // width))
        x = net.conv(f"stage{stage}/down", x, channels, _KERNEL, stride=(2, 1), activation="relu")
        x = _normalised(net, f"stage{stage}", x)
        for i in range(blocks):
            x = _block(net, f"stage{stage}/block{i}", x, channels)
    return net.finish(net.conv("head", x, _FEATURES, 1))


NETWORKS = {"tds_encoder": Network(_tds_encoder, size=(256, 80), reduced=(16, 8))}
