"""A space of networks of inverted residual blocks, as MobileNetV2's (arXiv 1801.04381)."""

from __future__ import annotations

from compiler import Graph, GraphBuilder
from compiler.zoo.blocks import inverted_residual, wider

#: Channels at width 1, repeats and stride of the first block of each stage.
STAGES = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2))


def network(resolution: int = 224, width: float = 1.0, **choices: int) -> Graph:
    """The network with ``kernelN``, ``expansionN`` and ``repeatsN`` of stage N, from 1 on."""
    net = GraphBuilder("candidate", (resolution, resolution, 3))
    x = net.conv("stem", "input", wider(32, width), 3, stride=2, activation="relu6")
    x = inverted_residual(net, "stage0", x, wider(16, width), 3, 1, 1)
    for stage, (channels, repeats, stride) in enumerate(STAGES, 1):
        kernel = choices.get(f"kernel{stage}", 3)
        expansion = choices.get(f"expansion{stage}", 6)
        for block in range(choices.get(f"repeats{stage}", repeats)):
            x = inverted_residual(
                net,
                f"stage{stage}/block{block}",
                x,
                wider(channels, width),
                kernel,
                1 if block else stride,
                expansion,
            )
    x = net.conv("head/conv", x, wider(1280, width), 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))
