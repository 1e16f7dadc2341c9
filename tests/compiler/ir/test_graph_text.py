"""Graphs as an interpreter and a notebook show them."""

import re

from compiler import zoo
from compiler.ir.graph import SHOWN_NODES
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder


def chain(count: int, name: str = "net"):
    net = GraphBuilder(name, (4, 6, 3))
    x = "input"
    for i in range(count):
        x = net.max_pool(f"<{i}>", x, 2)
    return net.finish(x)


def test_a_graph_is_one_line():
    assert repr(chain(2)) == (
        "<Graph net: 2 nodes, input 1x4x6x3 int8, <1> 1x4x6x3 int8, without weights>"
    )
    assert repr(chain(1, "a\nb")).startswith("<Graph a\\nb: 1 node, ")


def test_a_graph_with_weights_does_not_say_that_it_has_none():
    text = repr(randomize(zoo.build("mobilenet_v1_025", (32, 32))))
    assert "without" not in text and len(text) < 120


def test_a_notebook_shows_the_nodes():
    html = chain(2)._repr_html_()
    assert html.count("<tr>") == 3 and html.count("<caption>") == 1
    row = "<tr><td>&lt;0&gt;</td><td>max_pool2d</td><td>&lt;0&gt; 1x4x6x3 int8</td></tr>"
    assert row in html


def test_a_notebook_shows_the_ends_of_a_long_graph():
    def shown(count: int) -> list[int]:
        return [int(i) for i in re.findall(r"<td>&lt;(\d+)&gt;</td>", chain(count)._repr_html_())]

    assert shown(SHOWN_NODES) == list(range(SHOWN_NODES))
    half = SHOWN_NODES // 2
    assert shown(SHOWN_NODES + 7) == [*range(half), *range(half + 7, SHOWN_NODES + 7)]
    assert "<td colspan=3>7 more</td>" in chain(SHOWN_NODES + 7)._repr_html_()
