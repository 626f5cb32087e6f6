"""`aqueduct serializers`."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from aqueduct_core.cli._print import console, print_json, table
from aqueduct_core.registry import default_registry

__all__ = ["serializers"]


def serializers(options: Namespace) -> int:
    """List what there is; 1 if something that is installed can't be loaded."""
    found = default_registry().serializers()
    if options.json:
        print_json([asdict(item) for item in found])
    else:
        rows = [
            (item.name, item.version, item.state, item.package, ", ".join(item.types))
            for item in found
        ]
        console().print(table(["name", ">version", "state", "package", "types"], rows))
    usual = ("ok", "preferred", "not installed")
    return int(any(item.state.partition(":")[0] not in usual for item in found))
