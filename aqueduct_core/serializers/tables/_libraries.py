"""Which library a table object belongs to, and the module that knows it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from aqueduct_core.errors import CorruptArtifactError, MissingExtraError

__all__ = ["adapter_of", "is_known", "named_adapter"]

_EXTRAS = {"pandas": "tables", "pyarrow": "tables", "polars": "polars"}


def is_known(cls: type) -> bool:
    """Whether a class, or a base of it, comes from one of the libraries."""
    return any(base.__module__.partition(".")[0] in _EXTRAS for base in cls.__mro__)


def adapter_of(cls: type) -> tuple[str, Any]:
    """The library that a class comes from, or the nearest of its bases that has one, and its adapter."""
    for base in cls.__mro__:
        library = base.__module__.partition(".")[0]
        if library in _EXTRAS:
            return library, named_adapter(library)
    raise TypeError(f"{cls.__qualname__} is no class of pandas, pyarrow or polars")


def named_adapter(library: Any) -> Any:
    """The adapter of a library that stored metadata name.

    Raises:
        MissingExtraError: The library isn't installed.
    """
    if not isinstance(library, str) or library not in _EXTRAS:
        raise CorruptArtifactError(f"unknown table library {library!r}")
    try:
        return import_module(f"{__package__}._{library}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise MissingExtraError(library, _EXTRAS[library], f"a {library} object") from error
