"""Small spaces for tests: a layer or two on ``tiny``."""

from compiler.explore.space_file import read_space

NETS = """\
from compiler import GraphBuilder

def net(width, kernel=3, side=8):
    builder = GraphBuilder("net", (side, side, 4))
    x = builder.conv("conv", "input", width, kernel)
    return builder.finish(builder.depthwise("depthwise", x, 3))

def broken(width):
    return {}[width]

def quality(point, graph):
    return point["width"] / point["kernel"] + len(graph.nodes)
"""
TWO_NETWORKS = """
[machine]
preset = "tiny"
rows = [4, 8]
scratchpad_bytes = [{sizes}]
[[network]]
function = "nets.py:net"
width = [4, 8]
[[network]]
label = "other"
function = "nets.py:net"
width = 16
kernel = 5
side = 16
[objectives]
cycles = "min"
mac_units = "min"
on_chip_bytes = "min"
"""


def space_of(folder, text):
    """The space of a text, in a folder that has ``nets.py``."""
    (folder / "nets.py").write_text(NETS)
    path = folder / "space.toml"
    path.write_text(text)
    return read_space(path)


def two_networks(folder, sizes="8192, 61440"):
    """Eight candidates of two points."""
    return space_of(folder, TWO_NETWORKS.format(sizes=sizes))
