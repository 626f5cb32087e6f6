"""`aqueduct apikey`: keys for the server. A key is shown once, when it is made."""

from __future__ import annotations

from argparse import Namespace

from aqueduct_core.cli._open import open_session
from aqueduct_core.cli._print import as_ago, print_json, print_list
from aqueduct_core.errors import NotFoundError, ParameterError

__all__ = ["create", "ls", "revoke"]


def create(options: Namespace) -> int:
    """Make a key."""
    made, key = open_session(options).tracking.create_api_key(options.name, options.role)
    if options.json:
        print_json({"id": made.id, "name": made.name, "role": made.role, "key": key})
    else:
        print(key)
    return 0


def ls(options: Namespace) -> int:
    """List the keys."""
    keys = open_session(options).tracking.api_keys()
    if options.json:
        print_json(
            [
                {
                    "id": item.id,
                    "name": item.name,
                    "role": item.role,
                    "created": item.created.isoformat(),
                    "last_used": item.last_used and item.last_used.isoformat(),
                    "revoked": item.revoked and item.revoked.isoformat(),
                }
                for item in keys
            ]
        )
        return 0
    rows = [
        (
            item.name,
            item.role,
            as_ago(item.created),
            as_ago(item.last_used) if item.last_used else "never",
            "revoked" if item.revoked else "",
            item.id,
        )
        for item in keys
    ]
    columns = ["name", "role", "made", "used", "", "id"]
    print_list(columns, rows, none="no keys: `aqueduct apikey create NAME` makes one")
    return 0


def revoke(options: Namespace) -> int:
    """Make a key useless."""
    tracking = open_session(options).tracking
    keys = [item for item in tracking.api_keys() if options.key in (item.id, item.name)]
    if not keys:
        raise NotFoundError(f"there is no API key {options.key!r}", hint="`aqueduct apikey ls`")
    if len(keys) > 1:
        raise ParameterError(
            f"{len(keys)} API keys are called {options.key!r}",
            hint="give the id: `aqueduct apikey ls`",
        )
    tracking.revoke_api_key(keys[0].id)
    if options.json:
        print_json({"id": keys[0].id, "revoked": True})
    else:
        print(f"{keys[0].name}: revoked")
    return 0
