"""The auxiliary classifier of GoogLeNet (arXiv 1409.4842, section 5), with which it is trained.

The dropout before its last layer is left out: it does nothing at inference.
"""

from __future__ import annotations

from compiler.zoo.builder import GraphBuilder


def auxiliary_head(net: GraphBuilder, name: str, x: str) -> str:
    """Averages of 5x5 pixels with stride 3, 128 channels, 1024 units and logits."""
    x = net.avg_pool(f"{name}/pool", x, 5, stride=3, padding=(0, 0, 0, 0))
    x = net.conv(f"{name}/project", x, 128, 1, activation="relu")
    x = net.fully_connected(f"{name}/hidden", x, 1024, activation="relu")
    return net.fully_connected(f"{name}/logits", x, 1000)
