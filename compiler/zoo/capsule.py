"""A layer of convolutional capsules: many small matrix products as one grouped convolution.

Capsules are 4 x 4 pose matrices of several types at every pixel. A type below votes for a type
above with its poses in a window of 3 x 3 pixels, each times a 4 x 4 matrix of weights, summed:
poses and shapes of the first convolutional capsules of "Matrix capsules with EM routing" (Hinton,
Sabour, Frosst, ICLR 2018) with 8 types below and 16 above, votes per type below as in SegCaps
(arXiv 1804.04241). A row of a pose times the matrix is a group of 4 channels to 4 per type above.
Trained weights repeat for the 4 rows of a type. Routing, which weighs the votes, is left out.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

_BELOW, _ABOVE = 8, 16

#: Rows and columns of a pose.
_POSE = 4


def _capsule_conv(name: str, size: Pair) -> Graph:
    """Input channels are (type, row, column), output channels (type, row, type above, column)."""
    net = GraphBuilder(name, (*size, _BELOW * _POSE * _POSE))
    rows = _BELOW * _POSE
    return net.finish(
        net.conv(
            "votes", "input", rows * _ABOVE * _POSE, 3, stride=2, padding=(0, 0, 0, 0), groups=rows
        )
    )


NETWORKS = {"capsule_conv": Network(_capsule_conv, size=(14, 14), reduced=(5, 5))}
