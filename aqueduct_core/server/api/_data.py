"""Data systems as workflows see them: tables and files, and what is found in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from aqueduct_core.client._bundle import pack
from aqueduct_core.client._connect import is_database
from aqueduct_core.errors import AqueductError, ParameterError, UnsupportedError
from aqueduct_core.integrations import FileIntegration, SqlIntegration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.serializers import tagged
from aqueduct_core.server._deadline import asks_others
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Editor, Served, new_router

__all__ = ["router"]

router = new_router("integrations")
_PLACE = "/integrations/{name:path}"
_Table = Annotated[str, Query(max_length=1000)]
_VALUE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {}},
        "description": "The table as a store keeps it: for each object a line of JSON with its key "
        "and size, and its bytes.",
    }
}
# Values that databases compare with. None of them needs a class of anybody's.
_PLAIN = frozenset(
    [
        "bytes",
        "date",
        "datetime",
        "Decimal",
        "float",
        "int",
        "time",
        "timedelta",
        "timezone",
        "UUID",
        "ZoneInfo",
    ]
)
_HARMLESS = _PLAIN | {"tuple", "set", "frozenset"}


@router.get(f"{_PLACE}/tables")
@asks_others
def tables(services: Served, user: Editor, name: str) -> list[str]:
    """The tables in a data system."""
    return list(_database(services, name).tables())


@router.get(f"{_PLACE}/description")
@asks_others
def description(services: Served, user: Editor, name: str, table: _Table) -> models.Table:
    """The columns of a table, and how many rows it has, as the database estimates."""
    return models.Table.model_validate(asdict(_database(services, name).describe(table)))


@router.get(f"{_PLACE}/quoted")
def quoted(
    services: Served,
    user: Editor,
    name: str,
    table: Annotated[str | None, Query(max_length=1000)] = None,
    column: Annotated[str | None, Query(max_length=1000)] = None,
) -> str:
    """How the name of a table or column is written in this database's SQL."""
    database = _database(services, name)
    if table is not None:
        return database.qualified(table)
    if column is None:
        raise ParameterError("there is no name to write", hint="?table=... or ?column=...")
    return database.quote(column)


@router.post(f"{_PLACE}/query", response_class=Response, responses=_VALUE)
def query(services: Served, user: Editor, name: str, wanted: models.Query) -> Response:
    """What a query finds now, for `artifact.get()` on another machine."""
    statement = Statement.of(wanted.query)
    statement.check(list(wanted.parameters))
    values = {key: _value(key, node) for key, node in wanted.parameters.items()}
    return _table(_database(services, name).read(statement, values))


@router.post(f"{_PLACE}/preview", response_class=Response, responses=_VALUE)
def preview(services: Served, user: Editor, name: str, wanted: models.TablePreview) -> Response:
    """Some rows of a table, now."""
    return _table(_database(services, name).preview(wanted.table, wanted.limit))


@router.get(f"{_PLACE}/files")
@asks_others
def files(
    services: Served,
    user: Editor,
    name: str,
    path: Annotated[
        str, Query(max_length=1000, description="A folder, ending in a slash, or a pattern.")
    ] = "**",
) -> list[str]:
    """The paths of files in a folder or bucket."""
    return _files(services, name).files(path)


@router.post(f"{_PLACE}/read", response_class=Response, responses=_VALUE)
def read(services: Served, user: Editor, name: str, wanted: models.Reading) -> Response:
    """What is in files now, for `artifact.get()` on another machine."""
    if not _is_harmless([wanted.request, list(wanted.parameters.values())]):
        raise ParameterError("the request names what no file is read with")
    values = {key: tagged.from_json(node) for key, node in wanted.parameters.items()}
    try:
        found = _files(services, name).answer(wanted.request, values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, AqueductError):
            raise
        raise ParameterError(f"this is no request for files: {error!r}") from error
    return _table(found)


def _table(found: Any) -> Response:
    headers = {"content-encoding": "identity"}
    return StreamingResponse(pack(found), media_type="application/octet-stream", headers=headers)


def _database(services: Services, name: str) -> SqlIntegration:
    found: Any = services.client.integration(name)
    if not is_database(found) or not isinstance(found, SqlIntegration):
        raise UnsupportedError(
            f"{name!r} has no tables: it is of the kind {found.kind}",
            hint="GET /integrations lists what there is",
        )
    return found


def _files(services: Services, name: str) -> FileIntegration:
    found: Any = services.client.integration(name)
    if not isinstance(found, FileIntegration):
        raise UnsupportedError(
            f"{name!r} has no files: it is of the kind {found.kind}",
            hint="GET /integrations lists what there is",
        )
    return found


def _value(name: str, node: Any) -> Any:
    """A parameter of a query, out of its exact JSON form."""
    if not _is_plain(node):
        raise ParameterError(
            f"the parameter :{name} is nothing that a database compares with",
            hint="numbers, text, bytes, dates, times and UUIDs can be given",
        )
    return tagged.from_json(node)


def _is_plain(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("$type") in _PLAIN and all(map(_is_plain, node.values()))
    return not isinstance(node, list)


def _is_harmless(node: Any) -> bool:
    """Whether no class is named, at any depth."""
    if isinstance(node, list):
        return all(map(_is_harmless, node))
    if isinstance(node, dict):
        return node.get("$type", "tuple") in _HARMLESS and all(map(_is_harmless, node.values()))
    return True
