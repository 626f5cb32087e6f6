"""The local engine: workflows run on this machine, in worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aqueduct_core.engines.local._evaluate import evaluate

if TYPE_CHECKING:
    from aqueduct_core.engines.local._engine import LocalEngine
    from aqueduct_core.engines.local._handle import RunHandle
    from aqueduct_core.engines.local._owner import is_abandoned, this_process

__all__ = ["LocalEngine", "RunHandle", "evaluate", "is_abandoned", "this_process"]


def __getattr__(name: str) -> Any:
    """Imported when it is needed: an artifact is computed without the database's libraries."""
    from importlib import import_module

    homes = {
        "LocalEngine": "_engine",
        "RunHandle": "_handle",
        "is_abandoned": "_owner",
        "this_process": "_owner",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
