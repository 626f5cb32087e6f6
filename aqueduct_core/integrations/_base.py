"""What every integration is, and the operators that read from and save to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._statement import Statement

__all__ = [
    "Integration",
    "Query",
    "Reading",
    "Save",
    "Source",
    "Target",
    "Transaction",
    "Writing",
    "close",
]


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


def close(integration: object) -> None:
    """Close what a data system has open; what needs it opens it again. Most keep nothing open."""
    done = getattr(integration, "close", None)
    if done is not None:
        done()


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


class Answers(Protocol):
    """An integration that is read with requests of its own kind, not with SQL."""

    name: str

    def answer(self, request: Mapping[str, JSON], parameters: Mapping[str, Any]) -> Any:
        """What a request gives now.

        Args:
            request: What `Reading` was made with; other members may stand beside it.
            parameters: The values of the artifacts that were given to `connect` by keyword.
        """
        ...


class Writes(Protocol):
    """An integration that is written to with requests of its own kind.

    The transaction has `write(value, request, parameters, *, once)` in the place of
    `Transaction.save`, which returns what was written: `path`, and whatever else is worth telling.
    """

    name: str

    def transaction(self) -> AbstractContextManager[Any]:
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


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads something from an integration that isn't asked with SQL.

    Attributes:
        source: The integration.
        request: What to read, in words of its own, as plain JSON; it stands in the workflow's spec.
    """

    source: Answers
    request: Mapping[str, JSON] = field(hash=False)

    @property
    def kind(self) -> str:
        return "query"

    def __call__(self, **parameters: Any) -> Any:
        return self.source.answer(self.request, parameters)

    def spec(self) -> Mapping[str, JSON]:
        return {"integration": self.source.name, **self.request}


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes something into an integration that holds no tables.

    Attributes:
        target: The integration.
        request: Where to and how, in words of its own, as plain JSON.
        place: What tells saves apart: saving to the same place again is one save.
    """

    target: Writes
    request: Mapping[str, JSON] = field(hash=False)
    place: str

    @property
    def kind(self) -> str:
        return "save"

    @property
    def origin(self) -> tuple[str, str]:
        return self.target.name, self.place

    def __call__(self, value: Any, **parameters: Any) -> Mapping[str, JSON]:
        with self.target.transaction() as transaction:
            written: Mapping[str, JSON] = transaction.write(
                value, self.request, parameters, once=None
            )
            return written

    def spec(self) -> Mapping[str, JSON]:
        return {"integration": self.target.name, **self.request}
