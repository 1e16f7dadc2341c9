"""Files that begin like ``.npy`` and are made to harm their reader."""

from __future__ import annotations


def _npy(descr: str, shape: str) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)


#: The files by what is wrong with them.
HOSTILE_HEADERS = {
    "zip": b"PK\x03\x04" + bytes(64),
    "huge": _npy("'<f4'", "(99999999999999,)"),
    "more than 64 bits": _npy("'<f4'", f"({10**30},)"),
    "overflow": _npy("'<f4'", f"({1 << 32}, {1 << 32})"),
    "open bracket": _npy("'<f4'", "(1, 2"),
    "truth": _npy("'<f4'", "(True,)"),
    "nested": _npy("'<f4'", "-" * 5000 + "1"),
    "surrogate": _npy("'\\ud800'", "(1,)"),
    "long": _npy("'<f4'", " " * 20000 + "(1,)"),
    "version": b"\x93NUMPY\x09\x00" + bytes(64),
}
