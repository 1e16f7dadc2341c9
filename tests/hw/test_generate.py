"""Where Yosys keeps what it makes of itself."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from hw.generate import modules


class Wire(Component):
    """An output that is the input."""

    i: In(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i)
        return m


def test_what_yosys_keeps_goes_to_the_projects_cache(tmp_path, monkeypatch):
    """Also where the user's own folder cannot be written."""
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert r"module \wire " in modules(Wire(), "wire")
    assert [path.name for path in tmp_path.iterdir()] == ["convsim"]
    assert (tmp_path / "convsim" / "wasmtime").is_dir()
