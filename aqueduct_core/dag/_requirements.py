"""Which installed distributions code needs, in the versions that are installed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag._modules import distribution_root

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["infer_requirements", "installed_versions", "requirements_of"]


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
    from importlib.metadata import PackageNotFoundError, distribution

    found: dict[str, Distribution] = {}
    for module in modules:
        root = distribution_root(module)
        for name in () if root is None else _owners(root, module):
            try:
                found.setdefault(_normal(name), distribution(name))
            except PackageNotFoundError:
                continue  # taken away since the list was made
    return [found[name] for name in sorted(found)]


@lru_cache(maxsize=1)
def _all() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions

    return {root: sorted({*names}) for root, names in packages_distributions().items()}


def _owners(root: str, module: str) -> list[str]:
    """The distributions of a module: several can share one root, as `google` or `azure`."""
    names = _all().get(root, [])
    if len(names) < 2:
        return names
    beginning = module.replace(".", "/")
    exact = [name for name in names if _holds(name, beginning)]
    return exact or names


@lru_cache(maxsize=4096)
def _holds(name: str, beginning: str) -> bool:
    from importlib.metadata import distribution

    files = distribution(name).files or ()
    wanted = (f"{beginning}.", f"{beginning}/__init__.")
    return any(str(file).startswith(wanted) for file in files)


def _pin(found: Distribution) -> str:
    name = found.metadata["Name"]
    origin = _origin(found)
    source = origin.get("vcs_info")
    if isinstance(source, dict) and source.get("commit_id"):
        return f"{name} @ {source['vcs']}+{origin['url']}@{source['commit_id']}"
    # `2.6.0+cu124` is a build that an index need not have; ==2.6.0 takes it, and others of it.
    return f"{name}=={found.version.partition('+')[0]}"


def _origin(found: Distribution) -> dict[str, Any]:
    text = found.read_text("direct_url.json")
    record = json.loads(text) if text else {}
    return record if isinstance(record, dict) else {}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
