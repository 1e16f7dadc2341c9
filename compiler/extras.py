"""Packages that the plain install leaves out, and how to get them."""

from __future__ import annotations

EXTRAS = {
    "PIL": "pictures",
    "amaranth": "rtl",
    "cocotb": "rtl",
    "cocotb_tools": "rtl",
    "cocotbext": "rtl",
    "dask": "explore",
    "distributed": "explore",
    "find_libpython": "rtl",
    "google": "onnx",
    "jinja2": "report",
    "matplotlib": "report",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "optuna": "explore",
    "plotly": "explore",
    "pyarrow": "explore",
    "tflite": "tflite",
    "torch": "latency",
}
"""The extra that installs each package, by the name that is imported."""


def how_to_install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'convsim[{extra}]', or in a checkout pip install -e '.[{extra}]'"


def missing_package(error: ModuleNotFoundError) -> str | None:
    """The line for a package of an extra that is not installed; None for any other module."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return None
    return f"{package} is not installed: {how_to_install(EXTRAS[package])}"


def installed_version(package: str) -> str:
    """The version of a package that may not be installed, empty without it."""
    from importlib.metadata import PackageNotFoundError, version  # It takes long to import.

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
