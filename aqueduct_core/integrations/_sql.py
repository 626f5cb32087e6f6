"""SQL databases: what is the same for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from aqueduct_core.dag import OUTPUT, Artifact, TableArtifact, connect
from aqueduct_core.errors import GraphError
from aqueduct_core.integrations._base import Query, Save, Transaction
from aqueduct_core.integrations._results import Result, extract, read
from aqueduct_core.integrations._statement import Statement

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["LEDGER", "ColumnInfo", "SqlDatabase", "SqlIntegration", "TableInfo"]

_MODES = ("fail", "append", "replace", "upsert")
LEDGER = "aqueduct_saves"  # the table in which a database remembers what runs have saved


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column of a table.

    Attributes:
        name: Its name.
        type: Its type, as the database writes it.
        nullable: Whether values may be missing.
    """

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What a table is.

    Attributes:
        name: Its name.
        columns: Its columns, in their order.
        rows: How many rows it has, as the database estimates without counting; None if it doesn't.
    """

    name: str
    columns: tuple[ColumnInfo, ...]
    rows: int | None


class SqlIntegration(ABC):
    """A SQL database.

    Args:
        name: What the user calls it.

    Attributes:
        owner: The client that it belongs to, in words; None for any.
    """

    kind: ClassVar[str]
    secrets: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name
        self.owner: str | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} integration {self.name!r}>"

    def sql(
        self,
        query: str | Sequence[str],
        *,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> TableArtifact:
        """The result of a query, read when the workflow runs.

        Args:
            query: SQL, or a chain of queries in which `$` stands for the query before.
            parameters: A value, or a parameter of the workflow, for each `:name` in the query.
                They are bound by the database, never pasted into the text.
            name: What the step is called.

        Raises:
            GraphError: The parameters don't match the query.
        """
        statement = Statement.of(query)
        given = _by_name(parameters)
        statement.check(list(given))
        label = name or f"{self.name} query"
        read = Query(self, statement)
        named = name is not None
        made = connect(label, read, kwargs=given, owner=self.owner, named=named)
        return TableArtifact(made, OUTPUT)

    def table(self, name: str) -> TableArtifact:
        """All rows of a table, read when the workflow runs."""
        return self.sql(f"SELECT * FROM {self.qualified(name)}", name=name)  # noqa: S608 - quoted

    def save(
        self,
        artifact: Artifact,
        *,
        table_name: str,
        mode: Literal["fail", "append", "replace", "upsert"] = "fail",
        keys: Sequence[str] = (),
    ) -> None:
        """Write a table artifact into the database at the end of every run.

        All saves of a run into one database are one transaction, made after every check of
        severity `error` has passed. Trying a run again saves nothing twice.

        Args:
            artifact: What to save.
            table_name: The table.
            mode: What to do when the table is there: `fail`, `append` rows to it, `replace` it, or
                `upsert`: change the rows that have the same keys, and add the others.
            keys: The columns that tell rows apart, for `upsert`.

        Raises:
            GraphError: This can't be saved.
        """
        if not isinstance(artifact, Artifact):
            raise GraphError(
                f"save takes an artifact, not {type(artifact).__name__}",
                hint="pass what an @op or a query returned",
            )
        if mode not in _MODES:
            raise GraphError(f"mode={mode!r} is not known", hint=f"one of {', '.join(_MODES)}")
        if not table_name or "\0" in table_name:
            raise GraphError(
                f"{table_name!r} can't be the name of a table", hint='table_name="predictions"'
            )
        if isinstance(keys, str):
            keys = [keys]
        if (mode == "upsert") != bool(keys):
            raise GraphError(
                'mode="upsert" needs keys' if not keys else f"mode={mode!r} has no use for keys",
                hint='save(artifact, table_name="t", mode="upsert", keys=["id"])',
            )
        save = Save(self, table_name, mode, tuple(keys))
        connect(f"save {table_name}", save, [artifact], outputs=(), owner=self.owner)

    @abstractmethod
    def config(self) -> Mapping[str, JSON]:
        """What is needed to make this integration again."""

    def test(self) -> None:
        """Connect once."""
        self.tables()

    def close(self) -> None:  # noqa: B027 - most keep none
        """Close the connections that are kept for their next use; what needs one opens it again."""

    @abstractmethod
    def tables(self) -> list[str]:
        """The names of the tables and views."""

    def query(self, query: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The result of a query now, as a DataFrame."""
        statement = Statement.of(query)
        given = _by_name(parameters)
        statement.check(list(given))
        return self.read(statement, given)

    def preview(self, table_name: str, limit: int = 10) -> Any:
        """Some rows of a table now, as a DataFrame; the database reads no more than these."""
        return self.query(f"SELECT * FROM {self.qualified(table_name)} LIMIT {int(limit)}")  # noqa: S608 - quoted

    @abstractmethod
    def describe(self, table_name: str) -> TableInfo:
        """What a table is.

        Raises:
            IntegrationError: There is none of this name.
        """

    @abstractmethod
    def drop(self, table_name: str) -> None:
        """Remove a table; nothing happens if there is none of this name.

        Raises:
            IntegrationError: It is a view, or the database refuses.
        """

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name as it is written in SQL, whatever characters it has."""

    def qualified(self, name: str) -> str:
        """The name of a table as it is written in SQL."""
        return self.quote(name)

    @abstractmethod
    def read(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        """Run a query now; returns a DataFrame."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that tables can be saved in."""


class SqlDatabase(SqlIntegration):
    """A SQL database that is asked from here; results that are large are stored as they come.

    A subclass knows one kind of database: `result`, `transaction`, `tables`, `describe`, `drop`,
    `quote` and `config`.
    """

    def read(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        """Run a query now; returns a DataFrame."""
        return read(self.result(statement, parameters))

    def extract(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        """Run a query now, to store its result; returns a DataFrame, or a stream of one if it is large."""
        with ExitStack() as held:
            found = held.enter_context(self.result(statement, parameters))
            return extract(found, held)

    @abstractmethod
    def result(
        self, statement: Statement, parameters: Mapping[str, Any]
    ) -> AbstractContextManager[Result]:
        """Run a query now; its rows are read as they are asked for, and while the block lasts."""


def _by_name(parameters: Any) -> dict[str, Any]:
    """The parameters of a query, of which a driver would also take a list.

    Raises:
        GraphError: They have no names.
    """
    if not isinstance(parameters, Mapping | None):
        raise GraphError(
            f"parameters={parameters!r} have no names",
            hint='WHERE id = :id in the query, and parameters={"id": 7}',
        )
    return dict(parameters or {})
