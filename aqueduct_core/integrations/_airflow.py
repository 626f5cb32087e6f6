"""What a connection of Airflow's says, as the settings of a data system.

Nothing is imported for it: where Airflow runs, the libraries of data systems need not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import IntegrationError

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["from_airflow"]

_OURS = "aqueduct"  # the connection type that says all in its extra

# Airflow's types of connections, as far as they aren't the names of kinds themselves.
_KINDS = {
    "aws": "s3",
    "fs": "filesystem",
    "gcpbigquery": "bigquery",
    "google_cloud_platform": "gcs",
    "wasb": "azure",
}

# Airflow's fields of a connection, and what settings they are.
_SERVER = {"host": "host", "port": "port", "login": "user", "password": "password"}
_SCHEMA = {**_SERVER, "schema": "schema"}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "azure": {"login": "account_name", "password": "account_key"},
    "bigquery": {},
    "gcs": {},
    "s3": {"login": "access_key_id", "password": "secret_access_key", "schema": "bucket"},
    "snowflake": _SCHEMA,
    "trino": _SCHEMA,
}
_FILES = ("duckdb", "filesystem", "sqlite")

# What Airflow calls things in the extra of a connection, and what we do.
_EXTRA: Mapping[str, Mapping[str, str]] = {
    "bigquery": {"key_path": "credentials_path", "project_id": "project"},
    "gcs": {"keyfile_dict": "credentials", "is_anonymous": "anonymous", "project_id": "project"},
    "s3": {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "bucket_name": "bucket",
        "profile_name": "profile",
        "region_name": "region",
    },
}
# What other users of the connection care for: none of it changes where we connect, as whom, or how safely.
_INDIFFERENT = frozenset(
    [
        "application_name",
        "charset",
        "client_session_keep_alive",
        "connect_timeout",
        "cursor",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "num_retries",
        "scope",
        "session_parameters",
    ]
)


def from_airflow(name: str, label: str, found: Any) -> dict[str, Any]:
    """How a data system is reached: `{"kind": ..., "config": {...}}`.

    Args:
        name: The name of the data system.
        label: The name of the connection.
        found: The connection, with Airflow's attributes.

    Raises:
        IntegrationError: The connection doesn't say it.
    """
    prefix = f"extra__{found.conn_type}__"  # of fields that old forms of Airflow had
    extra = {key.removeprefix(prefix): value for key, value in found.extra_dejson.items()}
    kind = extra.pop("kind", None) or _KINDS.get(found.conn_type, found.conn_type)
    if kind == _OURS:
        raise IntegrationError(
            f"the Airflow connection {label!r} doesn't say what kind of data system {name!r} is",
            hint='its extra has to be such as {"kind": "sqlite", "path": "/data/warehouse.db"}',
        )
    if kind in _FILES:
        told: dict[str, Any] = {"path": found.host or found.schema}
    else:
        fields = _FIELDS.get(kind, {**_SERVER, "schema": "database"})
        told = {ours: getattr(found, theirs, None) for theirs, ours in fields.items()}
    words = _EXTRA.get(kind, {})
    if kind == "s3":
        extra = _store_of(extra)
    told |= {words.get(key, key): value for key, value in extra.items() if _counts(value)}
    config = {key: value for key, value in told.items() if _counts(value)}
    return {"kind": kind, "config": _particular(label, kind, config)}


def _counts(value: JSON) -> bool:
    """Whether a field was filled in."""
    return value is not None and value != ""


def _store_of(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The extra of a connection to AWS, with what it says of S3 alone."""
    services = extra.get("service_config") or {}
    return {key: value for key, value in extra.items() if key != "service_config"} | {
        **(services.get("s3") or {})
    }


def _particular(label: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """What several of Airflow's fields say together."""
    known = {key: value for key, value in config.items() if key not in _INDIFFERENT}
    if "anonymous" in known:
        known["anonymous"] = str(known["anonymous"]).lower() in ("true", "1")
    if kind == "snowflake":
        region = known.pop("region", None)
        if region and "account" in known:
            known["account"] = f"{known['account']}.{region}"
        if "private_key_file" in known and "password" in known:
            known["private_key_file_pwd"] = known.pop("password")
    if kind == "gcs" and "key_path" in known:
        path = Path(known.pop("key_path"))
        try:
            known["credentials"] = path.read_text(encoding="utf-8")
        except OSError as error:
            raise IntegrationError(
                f"the key_path of the Airflow connection {label!r} can't be read: {error}",
                hint="it is a file on the workers, with the key of a service account in JSON",
            ) from error
    return known
