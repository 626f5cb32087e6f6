"""Engines of other packages: found through the entry point group `aqueduct_core.engines`.

The entry point's name is what workflows call the engine. It is called with the workspace, a function
that opens the tracking database and, by keyword, the folder of the workspace, and returns an `Engine`
that records its runs, as the local one does. Nothing is imported before a workflow names it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from aqueduct_core.runtime import Workspace
    from aqueduct_core.tracking import Tracking

__all__ = ["GROUP", "open_engine", "plugin_engines"]

GROUP = "aqueduct_core.engines"
_OURS = frozenset({"local", "airflow"})  # these can't be taken over


def plugin_engines() -> tuple[str, ...]:
    """The names of the engines that other packages bring."""
    return tuple(sorted(_plugins()))


def open_engine(
    name: str, workspace: Workspace, tracking: Callable[[], Tracking], *, home: Path
) -> Any:
    """Make an engine of another package.

    Raises:
        PluginError: The package can't be imported, or what it gives is no engine.
    """
    point = _plugins()[name]
    package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    try:
        made = point.load()(workspace, tracking, home=home)
    except Exception as error:
        raise PluginError(
            f"the engine {name!r} of {package} can't be opened: {error!r}",
            hint=f"update or remove {package.split()[0]}",
        ) from error
    missing = [
        method
        for method in ("deploy", "trigger", "cancel", "retry", "close")
        if not callable(getattr(made, method, None))
    ]
    if missing:
        raise PluginError(
            f"the engine {name!r} of {package} is none: it has no {missing[0]}()",
            hint=f"update or remove {package.split()[0]}",
        )
    return made


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _OURS}
