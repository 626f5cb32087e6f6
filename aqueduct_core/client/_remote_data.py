"""Data systems that a server reaches: their secrets and their drivers are there, not here."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from aqueduct_core.client._bundle import unpack
from aqueduct_core.client._remote_http import Http
from aqueduct_core.errors import UnsupportedError
from aqueduct_core.integrations import FileIntegration, SqlIntegration, Transaction
from aqueduct_core.integrations._sql import ColumnInfo, TableInfo
from aqueduct_core.serializers import tagged

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._statement import Statement
    from aqueduct_core.integrations.files._place import Place
    from aqueduct_core.integrations.files._write import FileTransaction

__all__ = ["RemoteDatabase", "RemoteIntegration", "place_of"]

_PATIENCE = 3600.0  # seconds for a query


class RemoteIntegration:
    """A cluster, or a receiver of messages, that a server knows.

    Attributes:
        name: What the user calls it.
        kind: What it is.
    """

    def __init__(self, http: Http, name: str, kind: str, config: Mapping[str, Any]) -> None:
        self.name = name
        self.kind = kind
        self._http = http
        self._config = dict(config)

    def __repr__(self) -> str:
        return f"<{self.kind} integration {self.name!r}>"

    def config(self) -> Mapping[str, Any]:
        """How the server reaches it, without secrets."""
        return dict(self._config)

    def test(self) -> None:
        """Let the server connect once.

        Raises:
            IntegrationError: It can't be reached.
        """
        self._http.post(f"{place_of(self.name)}/test", is_safe=True, patience=_PATIENCE)

    def close(self) -> None:
        """Nothing: the connection is the server's."""


class RemoteDatabase(SqlIntegration):
    """A SQL database that a server reaches.

    Queries are answered by the server; saves are made by the runs of a workflow.
    """

    kind: str  # type: ignore[misc]  # that of the database, which is the server's to know

    def __init__(self, http: Http, name: str, kind: str, config: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.kind = kind
        self._http = http
        self._config = dict(config)

    def config(self) -> Mapping[str, JSON]:
        return dict(self._config)

    def test(self) -> None:
        self._http.post(f"{place_of(self.name)}/test", is_safe=True, patience=_PATIENCE)

    def tables(self) -> list[str]:
        return [str(name) for name in self._http.get(f"{place_of(self.name)}/tables")]

    def describe(self, table_name: str) -> TableInfo:
        found = self._http.get(f"{place_of(self.name)}/description", table=table_name)
        columns = tuple(ColumnInfo(**column) for column in found["columns"])
        return TableInfo(found["name"], columns, found["rows"])

    def preview(self, table_name: str, limit: int = 10) -> Any:
        wanted = {"table": table_name, "limit": int(limit)}
        return self._table("preview", wanted)

    def quote(self, name: str) -> str:
        return str(self._http.get(f"{place_of(self.name)}/quoted", column=name))

    def qualified(self, name: str) -> str:
        return str(self._http.get(f"{place_of(self.name)}/quoted", table=name))

    def read(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        values = {name: tagged.to_json(value) for name, value in parameters.items()}
        return self._table("query", {"query": statement.text, "parameters": values})

    def transaction(self) -> AbstractContextManager[Transaction]:
        _refuse(self.name)

    def drop(self, table_name: str) -> None:
        _refuse(self.name)

    def _table(self, what: str, wanted: Mapping[str, Any]) -> Any:
        where = f"{place_of(self.name)}/{what}"
        data = self._http.post_for_bytes(where, wanted, patience=_PATIENCE)
        return unpack(io.BytesIO(data))


class RemoteFiles(FileIntegration):
    """A folder or bucket that a server reaches. What is saved there is saved by runs."""

    kind: str  # type: ignore[misc]  # that of the place, which is the server's to know

    def __init__(self, http: Http, name: str, kind: str, config: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.kind = kind
        self._http = http
        self._config = dict(config)

    def config(self) -> Mapping[str, JSON]:
        return dict(self._config)

    def test(self) -> None:
        self._http.post(f"{place_of(self.name)}/test", is_safe=True, patience=_PATIENCE)

    def files(self, path: str = "**") -> list[str]:
        return [str(name) for name in self._http.get(f"{place_of(self.name)}/files", path=path)]

    def answer(self, request: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        wanted = {
            "request": dict(request),
            "parameters": {name: tagged.to_json(value) for name, value in parameters.items()},
        }
        where = f"{place_of(self.name)}/read"
        data = self._http.post_for_bytes(where, wanted, patience=_PATIENCE)
        return unpack(io.BytesIO(data))

    def transaction(self) -> AbstractContextManager[FileTransaction]:
        _refuse(self.name)

    def drop(self, path: str) -> None:
        _refuse(self.name)

    def _make_place(self) -> Place:
        _refuse(self.name)


def _refuse(name: str) -> NoReturn:
    raise UnsupportedError(
        f"{name!r} is changed by the server, not from here",
        hint="save() in a workflow writes; client.delete_flow(name, saved_objects=...) drops",
    )


def place_of(name: str) -> str:
    """The path of an integration in the API."""
    return f"/integrations/{quote(name, safe='')}"
