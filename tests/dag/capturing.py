"""Functions as they are captured, and as workers get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aqueduct_core.dag._capture import Captured, Captures
from aqueduct_core.store import ArtifactStore

__all__ = ["again", "capture", "define", "digest"]


def capture(function: Callable[..., Any]) -> Captured:
    return Captures().of(function)


def digest(function: Callable[..., Any]) -> str:
    return capture(function).task["digest"]


def again(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a worker gets it."""
    store = ArtifactStore("memory://", signing_key=b"key")
    store.put(capture(function).pickled, "function")
    loaded: Callable[..., Any] = store.get("function").load()
    return loaded


def define(source: str, **names: Any) -> Any:
    """The function `f` of some source that no file has."""
    space = {"__name__": "made_here", **names}
    exec(source, space)
    return space["f"]
