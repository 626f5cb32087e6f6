"""`aqueduct env`: the environments of operators that have requirements of their own."""

from __future__ import annotations

from argparse import Namespace
from datetime import timedelta
from pathlib import Path

from aqueduct_core.cli._print import as_ago, as_size, print_json, print_list
from aqueduct_core.client import Home
from aqueduct_core.runtime.environments import environments
from aqueduct_core.runtime.environments import prune as remove_unused

__all__ = ["ls", "prune"]


def ls(options: Namespace) -> int:
    """List the environments, the last used first."""
    found = environments(Home(options.home).environments)
    if options.json:
        print_json(
            [
                {
                    "key": item.key,
                    "python": item.python,
                    "requirements": list(item.requirements),
                    "made": item.made.isoformat(),
                    "used": item.used.isoformat(),
                    "path": str(item.path),
                }
                for item in found
            ]
        )
        return 0
    rows = [
        (
            item.key,
            item.python,
            as_ago(item.used),
            as_size(_size(item.path)),
            ", ".join(item.requirements),
        )
        for item in found
    ]
    columns = ["key", "python", "used", ">size", "requirements"]
    print_list(columns, rows, none="no environments: operators with requirements get one")
    return 0


def prune(options: Namespace) -> int:
    """Remove environments that nobody has asked for lately."""
    folder = Home(options.home).environments
    removed = remove_unused(folder, unused_for=timedelta(days=options.unused_for))
    if options.json:
        print_json(removed)
    else:
        print(f"{len(removed)} environments removed")
    return 0


def _size(path: Path) -> int:
    """Bytes of the files that belong to a folder alone: packages are linked from uv's cache."""
    return sum(item.lstat().st_size for item in path.rglob("*") if item.is_file())
