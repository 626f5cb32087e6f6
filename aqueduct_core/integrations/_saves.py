"""How a table is saved, whatever the database: checked first, and written unless that was done before."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import check_key_columns
from aqueduct_core.integrations._tables import table_of

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["TableTransaction", "mark_of", "merging", "no_column", "refuse_present"]


class Explains(Protocol):
    """A database that says in its errors what was being done."""

    def explained(self, what: str, /) -> AbstractContextManager[None]:
        """Turn what the driver raises into errors of ours."""
        ...


class TableTransaction(ABC):
    """Saves of tables; a `Transaction`.

    Attributes:
        once: What tells the save that is made now from all others.
    """

    once: str | None = None

    def save(
        self,
        value: Any,
        table_name: str,
        mode: str,
        *,
        keys: Sequence[str] = (),
        once: str | None = None,
    ) -> Mapping[str, JSON]:
        """See `Transaction.save`."""
        keys = list(dict.fromkeys(keys))
        data = self._taken(value, keys)
        self.once = once
        with self._database().explained(f"save table {table_name!r}"):
            rows = self._remembered(once)
            if rows is None:
                rows = data.num_rows
                self._write(table_name, mode, data, keys)
                self._remember(once, table_name, rows)
        return {"table": table_name, "mode": mode, "rows": rows}

    def _taken(self, value: Any, keys: Sequence[str]) -> Any:
        """A value as the table that is written, which has `num_rows`; its keys tell rows apart."""
        data = table_of(value)
        if keys:
            check_key_columns(keys, data)
        return data

    @abstractmethod
    def _database(self) -> Explains:
        """Where the tables are."""

    @abstractmethod
    def _write(self, table_name: str, mode: str, data: Any, keys: Sequence[str]) -> None:
        """Write a table."""

    @abstractmethod
    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before; None if it is new."""

    @abstractmethod
    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        """Keep what was saved under this, in the same transaction."""


def merging(
    into: str,
    staged: str,
    names: Sequence[str],
    keys: Sequence[str],
    quote: Callable[[str], str],
    given: str = "",
) -> Iterator[str]:
    """The statements that change the rows which have the same keys, and add the others.

    Args:
        into: The table, quoted.
        staged: The one with the new rows, quoted.
        names: The columns that these have.
        keys: Those of them that tell rows apart.
        quote: Writes a name in SQL.
        given: How the values of rows that are added are to be taken.
    """
    same = " AND ".join(f"mine.{quote(key)} = new.{quote(key)}" for key in keys)
    others = [quote(name) for name in names if name not in keys]
    if others:
        changes = ", ".join(f"{name} = new.{name}" for name in others)
        yield f"UPDATE {into} AS mine SET {changes} FROM {staged} AS new WHERE {same}"  # noqa: S608 - quoted
    listed = ", ".join(map(quote, names))
    yield (
        f"INSERT INTO {into} ({listed}) {given} SELECT {listed} FROM {staged} AS new "  # noqa: S608 - quoted
        f"WHERE NOT EXISTS (SELECT 1 FROM {into} AS mine WHERE {same})"
    )


def refuse_present(owner: str, name: str, mode: str, *, is_view: bool) -> None:
    """Refuse to save to what is there, if it is a view, or if nothing may be there.

    Raises:
        IntegrationError: It is.
    """
    if is_view:
        raise IntegrationError(
            f"{owner}: {name!r} is a view, which can't be saved to",
            hint="save to a table of another name",
        )
    if mode == "fail":
        raise IntegrationError(
            f"{owner} has a table {name!r} already",
            hint='save with mode="replace", mode="append" or mode="upsert"',
        )


def no_column(table: str, name: str, columns: Iterable[str]) -> IntegrationError:
    """The error that a table lacks a column of what is saved."""
    return IntegrationError(
        f"table {table!r} has no column {name!r}",
        hint=f'its columns are {", ".join(columns)}; mode="replace" makes a new table',
    )


def mark_of(once: str) -> str:
    """A comment by which a table tells what save has made it, as long as no ledger does."""
    return f"aqueduct:{hashlib.sha256(once.encode()).hexdigest()}:"
