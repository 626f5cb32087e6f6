"""Where the value comes from: a case of ours, a function of the user's, or a file."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aqueduct_core.errors import MissingExtraError, ParameterError

__all__ = ["case_names", "load_value"]

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FRAMES = {
    ".csv": "read_csv",
    ".parquet": "read_parquet",
    ".feather": "read_feather",
    ".arrow": "read_feather",
}


def case_names() -> list[str]:
    """The values that come with the package."""
    return [*_cases()]


def load_value(source: str, *, quick: bool = False) -> Any:
    """The value to measure.

    Args:
        source: The name of a case, `module:function` (which is called), or the path of a file: a table
            (.csv, .parquet, .feather), .json, .npy, an image, .txt; any other is taken as bytes.
        quick: A tenth of the size, for cases.

    Raises:
        ParameterError: There is no such thing, or it can't be made.
        MissingExtraError: A library for it isn't installed.
    """
    path = Path(source)
    if path.is_file():
        return _read(path)
    module, colon, name = source.partition(":")
    if colon and "/" not in module and name.isidentifier():
        return _called(module, name)
    known = _cases()
    if source not in known:
        raise ParameterError(
            f"{source!r} is neither a case, nor a file, nor module:function",
            hint=f"the cases are {', '.join(known)}",
        )
    return known[source].value(quick=quick)


def _called(module: str, name: str) -> Any:
    with _this_folder_is_searched():
        try:
            function = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ParameterError(
                f"{module}:{name} can't be imported: {error}",
                hint="run the command in the folder of the module, or install it",
            ) from error
        try:
            return function() if callable(function) else function
        except Exception as error:
            raise ParameterError(
                f"{module}:{name} failed with {type(error).__name__}: {error}",
                hint="it is called without arguments, and returns the value to measure",
            ) from error


@contextmanager
def _this_folder_is_searched() -> Iterator[None]:
    """Modules of the folder that one is in are found, as `python -m` finds them and a program doesn't."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


def _read(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix in _FRAMES:
        return getattr(_library("pandas", "tables"), _FRAMES[suffix])(path)
    if suffix == ".npy":
        return _library("numpy", "tables").load(path)
    if suffix in _IMAGES:
        return _library("PIL.Image", "image").open(path)
    if suffix == ".json":
        return json.loads(path.read_bytes())
    return path.read_text(encoding="utf-8") if suffix in (".txt", ".md") else path.read_bytes()


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(name, extra, "reading this file") from error


def _cases() -> Any:
    try:
        return importlib.import_module("aqueduct_core.bench._cases").CASES
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "tables,image", "a case of ours") from error
