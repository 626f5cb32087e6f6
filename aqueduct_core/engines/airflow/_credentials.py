"""Secrets of a task: from the worker's environment, or from Airflow's connections.

They go to the operator's process through a socket, and are written nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aqueduct_core._environment import object_from
from aqueduct_core.errors import IntegrationError, ParameterError
from aqueduct_core.integrations import kinds
from aqueduct_core.integrations._airflow import from_airflow
from aqueduct_core.integrations._settings import from_environment, variable_of
from aqueduct_core.runtime.environments import is_remote

__all__ = ["connection_of", "store_setup"]

# A task has more patience with a store that is away for a while than somebody who waits for it.
_ATTEMPTS = 30


def store_setup(url: str, connection: str) -> dict[str, Any]:
    """How the store is opened, as `Workspace.from_json` takes it.

    The signing key is AQUEDUCT_SIGNING_KEY, or the password of an Airflow connection, or that of the
    home folder; AQUEDUCT_STORAGE_OPTIONS, or that connection's extra, is what the storage takes.

    Args:
        url: The store.
        connection: The name of the Airflow connection.

    Raises:
        ParameterError: The key, or the options, can't be read.
    """
    key = os.environ.get("AQUEDUCT_SIGNING_KEY")
    options = object_from("AQUEDUCT_STORAGE_OPTIONS")
    if key is None:
        found = _airflow_connection(connection)
        if found is not None:
            key = found.password
            options = options or found.extra_dejson
    file = Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser() / "signing.key"
    if key is None and file.exists():
        key = file.read_text(encoding="ascii")
    if is_remote(url):
        options = {"retry_attempts": _ATTEMPTS, **options}
    return {"store": url, "signing_key": _checked(key, connection), "storage_options": options}


def connection_of(name: str, connections: Mapping[str, str]) -> dict[str, Any]:
    """How a data system is reached: `{"kind": ..., "config": {...}}`.

    AQUEDUCT_INTEGRATION_<NAME> holds just that, in JSON, or a URL; otherwise an Airflow connection tells.

    Args:
        name: The name of the data system in the workflow.
        connections: The names of Airflow connections, where they have others.

    Raises:
        IntegrationError: There is neither, or it doesn't say enough.
    """
    given = from_environment(name, kinds())
    if given is not None:
        return given
    other = connections.get(name, name)
    found = _airflow_connection(other)
    if found is None:
        raise IntegrationError(
            f"Airflow has no connection {other!r}, which the data system {name!r} is to use",
            hint=f"airflow connections add {other} ...; or set {variable_of(name)} on the workers",
        )
    return from_airflow(name, other, found)


def _airflow_connection(name: str) -> Any:
    """A connection of Airflow's, wherever it keeps it; None if there is none."""
    try:
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException
    except ImportError:  # Airflow 2
        from airflow.exceptions import AirflowNotFoundException
        from airflow.hooks.base import BaseHook
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def _checked(key: str | None, connection: str) -> str | None:
    try:
        return None if key is None else bytes.fromhex(key).hex()
    except ValueError:
        raise ParameterError(
            "the signing key of the store is not in hex",
            hint="AQUEDUCT_SIGNING_KEY, or the password of the Airflow connection "
            f"{connection!r}, is what signing.key in the home folder holds",
        ) from None
