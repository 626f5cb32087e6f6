"""Which installed distributions code needs, in the versions that are installed.

`importlib.metadata.packages_distributions` knows, and takes half a second to read everything that is
installed. Here the file of a module is looked up in the lists of files of distributions: first in the
one of the module's own name, and only if that fails in all of them.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["infer_requirements", "installed_versions", "requirements_of"]

_BESIDES = frozenset({"__main__", "__mp_main__", "aqueduct_core", "cloudpickle"})  # there anyway
_INSTALLED = re.compile(r".*[\\/](?:site|dist)-packages[\\/]")


def infer_requirements(function: Callable[..., Any]) -> tuple[str, ...]:
    """The installed distributions that a function needs, pinned to their versions: `pandas==3.0.1`.

    They are those of the modules that it imports and refers to, its helpers and the modules beside
    the script included.
    """
    from aqueduct_core.dag._capture import Captures  # not before somebody publishes

    return requirements_of(Captures().of(function).modules)


def requirements_of(modules: Iterable[str]) -> tuple[str, ...]:
    """What to install for modules to be there in the versions of this environment, as pip writes it."""
    return tuple(_pin(found) for found in _distributions(modules))


def installed_versions(modules: Iterable[str]) -> dict[str, str]:
    """The distributions that modules belong to, with their versions."""
    return {found.metadata["Name"]: found.version for found in _distributions(modules)}


def _distributions(modules: Iterable[str]) -> list[Distribution]:
    from importlib.metadata import distributions

    wanted = {*filter(None, map(_file_of, sorted(modules)))}
    found: dict[str, Distribution] = {}
    for candidate in (_namesakes(wanted), distributions()):
        for item in candidate if wanted else ():
            held = {file for file in wanted if _holds(item, file)}
            if held:
                found[re.sub(r"[-_.]+", "-", item.metadata["Name"]).lower()] = item
                wanted -= held
    return [found[name] for name in sorted(found)]


def _file_of(module: str) -> str | None:
    """A file that tells the distribution of a module, as distributions list it: `a/b/__init__.py`."""
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names or root in _BESIDES:
        return None
    # Several distributions can share a package without a file of its own, such as `google`.
    for name in (root, module):
        file = getattr(sys.modules.get(name), "__file__", None) or _origin(name)
        match = _INSTALLED.match(file) if file else None
        if file and match:
            return file[match.end() :].replace(os.sep, "/")
    return None


def _origin(name: str) -> str | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec is not None and spec.has_location else None


def _namesakes(files: Iterable[str]) -> Iterator[Distribution]:
    """The distributions that are called like the packages that files belong to."""
    from importlib.metadata import PackageNotFoundError, distribution

    for root in sorted({re.split(r"[/.]", file)[0] for file in files}):
        try:
            yield distribution(root)
        except PackageNotFoundError:
            continue


def _holds(found: Distribution, file: str) -> bool:
    record = found.read_text("RECORD")
    if record is not None:
        return f"\n{file}," in record or record.startswith(f"{file},")
    # Installed by something other than pip.
    listed = (found.read_text("top_level.txt") or "").split()
    return re.split(r"[/.]", file)[0] in listed


def _pin(found: Distribution) -> str:
    name = found.metadata["Name"]
    text = found.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    source = origin.get("vcs_info")
    if source:
        return f"{name} @ {source['vcs']}+{origin['url']}@{source['commit_id']}"
    # `2.6.0+cu124` is a build that an index need not have; ==2.6.0 takes it, and others of it.
    return f"{name}=={found.version.partition('+')[0]}"
