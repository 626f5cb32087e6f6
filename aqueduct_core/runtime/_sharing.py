"""Lets `multiprocessing` and `concurrent.futures` take functions of the user's own inside operators.

They pickle functions by name, to be imported by the other process. In a worker the user's modules aren't
there to be imported: they came by value, and by value they go on. So does whatever is an instance of the
user's classes, in both directions.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["receive", "share_by_value"]

_MODULE = "multiprocessing.reduction"


def share_by_value() -> None:
    """From now on processes that this one starts are sent what only this one knows.

    Nothing is imported for that: most operators start none.
    """
    known = sys.modules.get(_MODULE)
    if known is not None:
        _change(known)
    elif not any(isinstance(item, _Watch) for item in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


def receive(data: bytes) -> Any:
    """Take what another process has sent, and answer it in the same way."""
    from aqueduct_core.serializers.pickle._pickler import Unpickler

    share_by_value()
    return Unpickler(io.BytesIO(data)).load()


class _Watch:
    """Waits until somebody imports what pickles for other processes."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this spec alone
        return spec


def _change(reduction: Any) -> None:
    reduction.ForkingPickler.reducer_override = _reduce  # pickle looks for a method of this name


def _reduce(_pickler: Any, obj: Any) -> Any:
    is_code = type(obj) is FunctionType or isinstance(obj, type)
    if not is_code or not _came_by_value(obj):
        return NotImplemented
    from aqueduct_core.serializers.pickle._pickler import Pickler

    file = io.BytesIO()
    Pickler(file).dump(obj)
    return receive, (file.getvalue(),)


def _came_by_value(obj: Any) -> bool:
    """Whether no other process could import it."""
    from aqueduct_core.dag._pickled import OwnModule

    name = obj.__module__
    module = sys.modules.get(name) if type(name) is str else None
    return module is None or name == "__main__" or isinstance(module, OwnModule)
