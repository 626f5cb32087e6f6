"""Which modules are the user's own, and which are installed wherever the workflow will run.

A module is the user's own when its source doesn't lie where Python or a package manager puts things:
a script, a notebook, a module beside the script, a project that is installed in editable mode. These
are packaged by value: what was published is what runs, and the worker needn't have them. Everything
else, this package and extension modules included, is imported by whoever runs it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["find_module", "is_own_file", "is_own_module", "is_own_name"]

_US = "aqueduct_core"
_INSTALLED = ("site-packages", "dist-packages")
_SOURCES = (".py", ".pyw", ".ipynb")


def is_own_module(module: ModuleType) -> bool:
    """Whether a module is the user's own."""
    name = module.__name__
    if name in ("__main__", "__mp_main__"):
        return True
    if name.partition(".")[0] == _US or name in sys.builtin_module_names:
        return False
    if sys.modules.get(name) is not module:
        return True  # made by hand: nobody else can import it
    file = getattr(module, "__file__", None)
    if file is not None:
        return file.endswith(_SOURCES) and is_own_file(file)
    folders = [*getattr(module, "__path__", ())]  # a package without __init__.py
    return bool(folders) and all(is_own_file(os.path.join(folder, "")) for folder in folders)


def is_own_name(name: Any) -> bool:
    """Whether functions and classes that name this module as theirs are the user's own."""
    if type(name) is not str:
        return True
    module = sys.modules.get(name)
    return is_own_module(module) if isinstance(module, ModuleType) else True


@lru_cache(maxsize=4096)
def is_own_file(file: str) -> bool:
    """Whether a file of source is the user's own: not Python's, not an installed package's."""
    if file.startswith("<frozen"):
        return False
    path = os.path.realpath(file)
    parts = path.replace("\\", "/").split("/")
    if any(part in _INSTALLED for part in parts):
        return False
    return not path.startswith(_libraries())


@lru_cache(maxsize=1)
def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    ours = os.path.dirname(os.path.dirname(__file__))
    return tuple(os.path.join(os.path.realpath(path), "") for path in {*paths, ours} if path)


def find_module(name: str) -> ModuleType | None:
    """A module that a function imports when it runs, if it is the user's own; imported if need be.

    Raises:
        Exception: Whatever the module raises when it is imported.
    """
    module = sys.modules.get(name)
    if module is None:
        # The root first: to look for a module inside of a package is to import the package.
        if not (_can_be_own(name.partition(".")[0]) and _can_be_own(name)):
            return None
        __import__(name)
        module = sys.modules[name]
    return module if is_own_module(module) else None


def _can_be_own(name: str) -> bool:
    """Whether a module that isn't imported is there, and could be the user's own."""
    if name in sys.modules:
        return is_own_module(sys.modules[name])
    if name.partition(".")[0] in (*sys.stdlib_module_names, _US):
        return False
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False  # it isn't there, which is for the function to handle
    if spec is None:
        return False
    if spec.origin is None:  # a package without __init__.py
        return any(
            is_own_file(os.path.join(path, "")) for path in spec.submodule_search_locations or ()
        )
    return spec.origin.endswith(_SOURCES) and is_own_file(spec.origin)
