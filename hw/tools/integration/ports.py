"""The ports of the generated Verilog: as data, and as a page."""

from __future__ import annotations

import re

_GLOBAL = {
    "clk": "Clock; everything happens at its rising edge.",
    "rst": "Reset, synchronous, active high.",
    "irq": "Interrupt, high while `done` or `fault` is set and `irq_enable` is.",
}
_TRACE = {
    "trace_start": "A LOAD (bit 0), EXECUTE (bit 1), STORE (bit 2) starts.",
    "trace_done": "Likewise, it is complete.",
    "trace_index_load": "The LOAD that these strobes are about.",
    "trace_index_execute": "The EXECUTE that starts; they are complete in their order.",
    "trace_index_store": "The STORE.",
    "trace_mac_busy": "The array works in this cycle.",
    "trace_mac_index": "The EXECUTE that it works for.",
    "trace_cause": "The counter of cycles that counts this one, 0 to 8.",
}
_CHANNELS = {
    "ar": "Read address",
    "r": "Read data",
    "aw": "Write address",
    "w": "Write data",
    "b": "Write response",
}
_SIGNALS = {
    "addr": "byte address",
    "len": "beats of the burst - 1",
    "size": "log2 of the bytes of a beat, constant",
    "burst": "INCR, constant",
    "data": "data",
    "strb": "byte enables",
    "last": "last beat of the burst",
    "resp": "response; anything but OKAY is an error",
    "valid": "valid",
    "ready": "ready",
}
_SECTIONS = {
    "": "Clock, reset, interrupt",
    "s_axil_": "AXI4-Lite subordinate: the registers",
    "m_axi_": "AXI4 manager: the memory",
    "trace_": "Trace: for a logic analyser; leave open",
}

Port = dict[str, str | int]
"""``name``, ``direction`` (input or output) and ``width`` in bits."""


def ports(verilog: str, prefix: str = "") -> list[Port]:
    """The ports of the module ``accelerator``, with its prefix, in the order of its text."""
    body = re.search(
        rf"^module {prefix}accelerator\b.*?^endmodule", verilog, re.MULTILINE | re.DOTALL
    )
    assert body is not None
    found = re.findall(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s+)?(\w+)\s*;", body[0], re.MULTILINE)
    return [
        {"name": name, "direction": direction, "width": int(high or 0) + 1}
        for direction, high, name in found
    ]


def ports_markdown(found: list[Port], prefix: str = "") -> str:
    """The page ``ports.md``: every port with its direction, width and meaning."""
    sections: dict[str, list[Port]] = {prefix: [] for prefix in _SECTIONS}
    for port in found:
        sections[_prefix(str(port["name"]))].append(port)
    parts = [
        f"# Ports of the module {prefix}accelerator",
        "The AXI4 manager has no identifiers: transactions are answered in order. It issues INCR "
        "bursts of whole words and has no LOCK, CACHE, PROT, QOS or REGION; "
        f"`{prefix}system.v` shows "
        "what to tie them to. The AXI4-Lite subordinate has no PROT.",
    ]
    for prefix, title in _SECTIONS.items():
        rows = ["| Port | Direction | Bits | Meaning |", "| --- | --- | --- | --- |"]
        rows += [
            f"| `{p['name']}` | {p['direction']} | {p['width']} | {_meaning(str(p['name']))} |"
            for p in sections[prefix]
        ]
        parts += [f"## {title}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _prefix(name: str) -> str:
    return next((prefix for prefix in _SECTIONS if prefix and name.startswith(prefix)), "")


def _meaning(name: str) -> str:
    if name in _GLOBAL | _TRACE:
        return (_GLOBAL | _TRACE)[name]
    match = re.fullmatch(rf"(?:s_axil|m_axi)_({'|'.join(_CHANNELS)})({'|'.join(_SIGNALS)})", name)
    assert match is not None, name
    return f"{_CHANNELS[match[1]]}: {_SIGNALS[match[2]]}."
