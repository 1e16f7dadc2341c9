"""Readers of model files, and the writer of the project's own format, imported when it is used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.frontend.model_json import write_model

__all__ = ["write_model"]


def __getattr__(name: str) -> object:
    """Import a public name. Raises AttributeError for any other."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from compiler.frontend import model_json

    return getattr(model_json, name)
