"""Which kinds of integrations there are: built-in ones, and those of other packages.

Nothing is imported before an integration of its kind is made. Another package registers a kind by
an entry point of the group `aqueduct_core.integrations`, whose name is the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from aqueduct_core._annotations import signature_of
from aqueduct_core.errors import IntegrationError, MissingExtraError, PluginError, UnsupportedError
from aqueduct_core.integrations._base import Integration
from aqueduct_core.integrations._settings import fields_of_url

__all__ = ["BUILTIN", "GROUP", "kinds", "load_kind", "open_integration"]

GROUP = "aqueduct_core.integrations"
_HERE = "aqueduct_core.integrations"

# kind -> the class, and the extra that brings what it needs
BUILTIN: Mapping[str, tuple[str, str]] = {
    "azure": (f"{_HERE}.files:AzureIntegration", "tables"),
    "bigquery": (f"{_HERE}.alchemy._dialects:BigqueryIntegration", "bigquery"),
    "duckdb": (f"{_HERE}.duckdb:DuckdbIntegration", "duckdb"),
    "filesystem": (f"{_HERE}.files:FilesystemIntegration", "tables"),
    "gcs": (f"{_HERE}.files:GcsIntegration", "tables"),
    "mariadb": (f"{_HERE}.mysql:MariadbIntegration", "mysql"),
    "mssql": (f"{_HERE}.alchemy._dialects:MssqlIntegration", "mssql"),
    "mysql": (f"{_HERE}.mysql:MysqlIntegration", "mysql"),
    "postgres": (f"{_HERE}.postgres:PostgresIntegration", "postgres"),
    "redshift": (f"{_HERE}.alchemy._dialects:RedshiftIntegration", "redshift"),
    "s3": (f"{_HERE}.files:S3Integration", "tables"),
    "snowflake": (f"{_HERE}.snowflake:SnowflakeIntegration", "snowflake"),
    "sqlalchemy": (f"{_HERE}.alchemy:AlchemyIntegration", "sql"),
    "sqlite": (f"{_HERE}.sqlite:SqliteIntegration", "sql"),
    "trino": (f"{_HERE}.alchemy._dialects:TrinoIntegration", "trino"),
}


def kinds() -> tuple[str, ...]:
    """The kinds of integrations that there are here, by name."""
    return tuple(sorted({*BUILTIN, *_plugins()}))


def load_kind(kind: str) -> type[Integration]:
    """The class of a kind.

    Raises:
        UnsupportedError: There is no such kind.
        MissingExtraError: A library is missing.
        PluginError: The package that registers it can't be imported.
    """
    if kind in BUILTIN:
        target, extra = BUILTIN[kind]
        module, _, name = target.partition(":")
        try:
            found: type[Integration] = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            missing = error.name or "a library"
            raise MissingExtraError(missing, extra, f"An integration of kind {kind!r}") from error
        return found
    point = _plugins().get(kind)
    if point is None:
        raise UnsupportedError(
            f"there is no integration of kind {kind!r}",
            hint=f"what there is: {', '.join(kinds())}",
        )
    try:
        return point.load()  # type: ignore[no-any-return]  # whatever the package registers
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        raise PluginError(
            f"the integration {kind!r} of {package} can't be imported: {error!r}",
            hint=f"update or remove {package}",
        ) from error


def open_integration(name: str, kind: str, config: Mapping[str, Any]) -> Integration:
    """Make an integration from its configuration, without connecting.

    Args:
        name: What it is called.
        kind: One of `kinds()`.
        config: What this kind takes, such as `path` for `sqlite`. A `url` stands for what it
            tells; what is given beside it takes precedence.

    Raises:
        UnsupportedError: There is no such kind.
        IntegrationError: The configuration doesn't fit.
        MissingExtraError: A library is missing.
    """
    made = load_kind(kind)
    known = signature_of(made).parameters
    if "url" in config and "url" not in known and {"host", "path"} & known.keys():
        told = {key: value for key, value in config.items() if key != "url"}
        config = fields_of_url(name, str(config["url"]), known) | told
    _check(made, kind, config)
    return made(name, **config)


def _check(made: type[Integration], kind: str, config: Mapping[str, Any]) -> None:
    """Compare the settings that are given with those that the kind takes."""
    known = dict(signature_of(made).parameters)
    known.pop("name", None)
    if any(item.kind is item.VAR_KEYWORD for item in known.values()):
        return
    example = ", ".join(known)
    for setting in config:
        if setting not in known:
            raise IntegrationError(
                f"an integration of kind {kind!r} has no setting {setting!r}",
                hint=f"its settings are: {example}",
            )
    for setting, item in known.items():
        if item.default is item.empty and setting not in config:
            raise IntegrationError(
                f"an integration of kind {kind!r} needs the setting {setting!r}",
                hint=f"connect_integration(name, {kind!r}, {setting}=...)",
            )


@cache
def _plugins() -> dict[str, EntryPoint]:
    """The kinds of other packages; a built-in one can't be taken over."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILTIN}
