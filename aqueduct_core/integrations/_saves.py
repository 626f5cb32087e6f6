"""How a table is saved, whatever the database: checked first, and written unless that was done before."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from aqueduct_core.integrations._columns import check_key_columns
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._sql import saved
from aqueduct_core.integrations._tables import table_of

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["TableTransaction", "mark_of"]


class Explains(Protocol):
    """A database that says in its errors what was being done."""

    def explained(self, what: str, /) -> AbstractContextManager[None]:
        """Turn what the driver raises into errors of ours."""
        ...


class TableTransaction(ABC):
    """Saves of Arrow tables; a `Transaction`.

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
        data, target = table_of(value), TableName.of(table_name)
        if keys:
            check_key_columns(keys, data)
        self.once = once
        with self._database().explained(f"save table {table_name!r}"):
            before = self._remembered(once)
            if before is not None:
                return saved(table_name, mode, before)
            self._write(target, mode, data, keys)
            self._remember(once, table_name, data.num_rows)
        return saved(table_name, mode, data.num_rows)

    @abstractmethod
    def _database(self) -> Explains:
        """Where the tables are."""

    @abstractmethod
    def _write(self, target: TableName, mode: str, data: Any, keys: Sequence[str]) -> None:
        """Write an Arrow table."""

    @abstractmethod
    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before; None if it is new."""

    @abstractmethod
    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        """Keep what was saved under this, in the same transaction."""


def mark_of(once: str) -> str:
    """A comment by which a table tells what save has made it, as long as no ledger does."""
    return f"aqueduct:{hashlib.sha256(once.encode()).hexdigest()}:"
