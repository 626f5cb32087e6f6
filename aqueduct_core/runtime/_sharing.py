"""Lets `multiprocessing` and `concurrent.futures` take functions of the user's own inside operators.

They pickle functions by name, to be imported by the other process. In a worker the user's modules aren't
there to be imported: they came by value, and by value they go on. So does whatever is an instance of the
user's classes, in both directions.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["receive", "share_by_value"]

_SENDING = RLock()  # cloudpickle's list of such modules is global
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
    is_code = type(obj) is FunctionType or isinstance(obj, type | ModuleType)
    if not is_code or not _came_by_value(obj):
        return NotImplemented
    file = io.BytesIO()
    with _by_value():
        _pickler_of(file).dump(obj)
    return receive, (file.getvalue(),)


@contextmanager
def _by_value() -> Iterator[None]:
    """While it lasts, modules that are here only because an operator imports them go by value."""
    import cloudpickle

    from aqueduct_core.dag._pickled import OwnModule

    with _SENDING:
        known = cloudpickle.list_registry_pickle_by_value()
        found = [item for item in [*sys.modules.values()] if isinstance(item, OwnModule)]
        modules = [item for item in found if item.__name__ not in known]
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def _came_by_value(obj: Any) -> bool:
    """Whether no other process could import it."""
    from aqueduct_core.dag._pickled import OwnModule

    if isinstance(obj, ModuleType):
        return isinstance(obj, OwnModule)
    name = obj.__module__
    module = sys.modules.get(name) if type(name) is str else None
    return module is None or name == "__main__" or isinstance(module, OwnModule)


def _pickler_of(file: io.BytesIO) -> Any:
    """A pickler that takes along the user's modules, with all that came of them."""
    from aqueduct_core.dag._pickled import OwnModule, fill_module, make_module
    from aqueduct_core.serializers.pickle._pickler import Pickler

    class Whole(Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if not isinstance(obj, OwnModule):
                return super().reducer_override(obj)
            content = {name: item for name, item in vars(obj).items() if name[:2] != "__"}
            return make_module, (obj.__name__,), content, None, None, fill_module

    return Whole(file)
