"""What every integration is, and the operators that read from and save to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._statement import Statement

__all__ = ["Integration", "Query", "Save", "Source", "Target", "Transaction"]


class Integration(Protocol):
    """A data system under a name.

    Attributes:
        name: What the user calls it.
        kind: What it is: `sqlite`.
        secrets: Which of its settings must not be shown.
    """

    name: str
    kind: ClassVar[str]
    secrets: ClassVar[frozenset[str]]

    def __init__(self, name: str) -> None: ...

    def config(self) -> Mapping[str, JSON]:
        """What `open_integration` needs to make it again."""
        ...

    def test(self) -> None:
        """Connect once.

        Raises:
            IntegrationError: It can't be reached.
        """
        ...


class Source(Protocol):
    """An integration that answers queries."""

    name: str

    def read(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        """The result of a query, as a table."""
        ...


class Transaction(Protocol):
    """Saves that come true together, or not at all."""

    def save(
        self,
        value: Any,
        table_name: str,
        mode: str,
        *,
        keys: Sequence[str] = (),
        once: str | None = None,
    ) -> Mapping[str, JSON]:
        """Write a table.

        Args:
            value: The table.
            table_name: Where to.
            mode: `fail`, `append`, `replace` or `upsert`.
            keys: The columns that tell rows apart, for `upsert`.
            once: What tells this save from all others, in up to 100 characters. It is kept in the
                same transaction: what was made under it before is not made again.

        Returns:
            What was written: `table`, `mode` and `rows`.
        """
        ...


class Target(Protocol):
    """An integration that tables can be saved to."""

    name: str

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits when the block ends, and takes everything back if it raises."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """Reads the result of a query from an integration.

    Attributes:
        source: The integration.
        statement: The query.
    """

    source: Source
    statement: Statement

    @property
    def kind(self) -> str:
        return "query"

    def __call__(self, **parameters: Any) -> Any:
        return self.source.read(self.statement, parameters)

    def spec(self) -> Mapping[str, JSON]:
        return {"integration": self.source.name, "query": self.statement.text}


@dataclass(frozen=True, slots=True)
class Save:
    """Writes a table into an integration. An engine runs saves last, by `Target.transaction`.

    Attributes:
        target: The integration.
        table_name: The table.
        mode: `fail`, `append`, `replace` or `upsert`.
        keys: The columns that tell rows apart, for `upsert`.
    """

    target: Target
    table_name: str
    mode: str
    keys: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "save"

    @property
    def origin(self) -> tuple[str, str]:
        """What tells saves apart: saving the same again, as a notebook does, is one save."""
        return self.target.name, self.table_name

    def __call__(self, value: Any) -> Mapping[str, JSON]:
        with self.target.transaction() as transaction:
            return transaction.save(value, self.table_name, self.mode, keys=self.keys)

    def spec(self) -> Mapping[str, JSON]:
        known = {"integration": self.target.name, "table": self.table_name, "mode": self.mode}
        return {**known, "keys": list(self.keys)} if self.keys else known
