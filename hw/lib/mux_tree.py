"""Selectors in the form in which synthesis finds the multiplexers of a device."""

from collections.abc import Sequence

from amaranth.hdl import Mux, Value


def mux_tree(values: Sequence[Value], index: Value) -> Value:
    """``values[index]``, as a tree of two-way choices, one level for each bit of ``index``.

    The number of values is 2 to the bits of ``index``.
    """
    assert len(values) == 1 << len(index)
    for bit in index:
        values = [Mux(bit, high, low) for low, high in zip(values[::2], values[1::2], strict=True)]
    return values[0]
