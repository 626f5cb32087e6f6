"""`aqueduct serializers`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict

from aqueduct_core.cli._print import console, print_json, table
from aqueduct_core.registry import default_registry

__all__ = ["serializers"]

_COLUMNS = ("!name", ">version", "loading", "state", "package", "types")
_OURS = "aqueduct-core "
_LOADING = {True: "safe", False: "unsafe", None: ""}


def serializers(options: Namespace) -> int:
    """List what there is; 1 if something that is installed can't be loaded."""
    found = default_registry().serializers(check=options.check)
    if options.json:
        print_json([asdict(item) for item in found])
    else:
        rows = [
            (
                item.name,
                item.version,
                _LOADING[item.safe],
                item.state,
                "" if item.package.startswith(_OURS) else item.package,
                _by_library(item.types),
            )
            for item in found
        ]
        console().print(table(_COLUMNS, rows))
    usual = ("ok", "preferred", "not installed")
    return int(any(item.state.partition(":")[0] not in usual for item in found))


def _by_library(types: Iterable[str]) -> str:
    """Classes without the modules that they are in, each library named once."""
    shown: dict[str, list[str]] = {}
    for kind in types:
        library, dot, _ = kind.partition(".")
        shown.setdefault(library if dot else "", []).append(kind.rpartition(".")[2])
    return "; ".join(
        f"{library}: {', '.join(names)}" if library else ", ".join(names)
        for library, names in shown.items()
    )
