"""What the adapters share: opening a store, names for keys, and annotations that ask for a table."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from aqueduct_core._environment import object_from
from aqueduct_core.errors import MissingExtraError, ParameterError
from aqueduct_core.store import ArtifactStore

__all__ = ["annotations_of", "key_of", "needs", "open_store", "store_of", "table_class"]

_TABLES = ("pandas", "polars", "pyarrow")


@contextmanager
def needs(library: str, extra: str) -> Iterator[None]:
    """Around the imports of the tool that an adapter is for.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise  # it is there, and misses something itself
        raise MissingExtraError(library, extra, f"the adapter for {library}") from error


def open_store(
    url: str,
    *,
    policy: str | None = None,
    allow_pickle: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> ArtifactStore:
    """The artifact store at a URL, opened once in each process.

    Secrets come from the environment, so that they stand in no definition, catalog or pickled task:
    AQUEDUCT_SIGNING_KEY, in hex, signs what is stored; AQUEDUCT_STORAGE_OPTIONS, an object in JSON,
    is what the storage takes.

    Args:
        url: Where the store is: a folder, `s3://bucket/prefix`, ...
        policy: What to optimise: `fast`, `balanced` or `small`.
        allow_pickle: Load pickles that nobody signed. Only for stores that nobody else can write to.
        storage_options: What the storage takes besides.

    Raises:
        ParameterError: A variable of the environment can't be read.
    """
    key = os.environ.get("AQUEDUCT_SIGNING_KEY", "")
    options = {**object_from("AQUEDUCT_STORAGE_OPTIONS"), **(storage_options or {})}
    return _open(url, policy, allow_pickle, key, json.dumps(options))


@lru_cache
def _open(url: str, policy: Any, allow_pickle: bool, key: str, options: str) -> ArtifactStore:
    try:
        signing_key = bytes.fromhex(key) or None
    except ValueError:
        raise ParameterError(
            "AQUEDUCT_SIGNING_KEY is not in hex", hint="python -c 'import secrets; "
            "print(secrets.token_hex(32))' makes one"
        ) from None  # fmt: skip  # the value is a secret
    return ArtifactStore(
        url,
        policy=policy,
        allow_pickle=allow_pickle,
        signing_key=signing_key,
        storage_options=json.loads(options),
    )


def store_of(settings: Any) -> ArtifactStore:
    """The store that an adapter's fields describe, opened once in each process."""
    return open_store(
        settings.url,
        policy=settings.policy,
        allow_pickle=settings.allow_pickle,
        storage_options=getattr(settings, "storage_options", None),
    )


def key_of(*segments: object) -> str:
    """A key of several names, each of which may hold any character."""
    return "/".join(quote(str(name), safe=" !#$&'()*+,:;=?@[]|~") or "%" for name in segments)


def table_class(annotation: Any) -> type | None:
    """The class to load an artifact as, if an annotation names one of a library for tables."""
    if not isinstance(annotation, type):
        return None
    return annotation if annotation.__module__.partition(".")[0] in _TABLES else None


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function's annotations say; those that only type checkers can read say nothing."""
    try:
        return inspect.get_annotations(function, eval_str=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}
