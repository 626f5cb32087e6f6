"""What the parts of the tracking database share."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, and_, or_, select

from aqueduct_core.errors import NotFoundError, ParameterError
from aqueduct_core.tracking._database import Database
from aqueduct_core.tracking._tables import runs

__all__ = ["Base", "beyond", "cursor_of", "now", "of_cursor", "one_run", "records", "run_number"]

T = TypeVar("T")


class Base:
    """A part of the tracking database: methods about one kind of record."""

    _database: Database


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def records(kind: type[T], rows: Iterable[Row[Any]]) -> list[T]:
    """Values of a class whose fields are named as the columns."""
    return [kind(**row._mapping) for row in rows]


def cursor_of(row: RowMapping, names: Sequence[str]) -> str:
    """Where a list goes on: the values that it is ordered by, of its last row."""
    values = [row[name] for name in names]
    plain = [item.isoformat() if isinstance(item, datetime) else item for item in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def of_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values inside a cursor.

    Raises:
        ParameterError: It is no cursor of this list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        plain = json.loads(base64.urlsafe_b64decode(padded))
        values = [
            datetime.fromisoformat(item) if kind is datetime and item is not None else item
            for item, kind in zip(plain, kinds, strict=True)
        ]
        if not all(
            item is None or isinstance(item, kind) for item, kind in zip(values, kinds, strict=True)
        ):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"{cursor!r} is no cursor of this list", hint="start without one"
        ) from error
    return values


def beyond(
    columns: tuple[ColumnElement[Any], ColumnElement[Any]], values: Sequence[Any], *, down: bool
) -> ColumnElement[bool]:
    """What comes after a row, in the order of two columns, as indexes of all databases find it.

    Raises:
        ParameterError: A value is missing, as no row of a list has it.
    """
    if None in values:
        raise ParameterError("this is no cursor of this list", hint="start without one")
    first, second = columns
    if down:
        return and_(first <= values[0], or_(first < values[0], second < values[1]))
    return and_(first >= values[0], or_(first > values[0], second > values[1]))


def run_number(connection: Connection, run: str, flow: str | None) -> int:
    """The number of a run; see `one_run`."""
    number: int = one_run(connection, [runs.c.number], run, flow)[0]
    return number


def one_run(
    connection: Connection, columns: Sequence[ColumnElement[Any]], run: str, flow: str | None
) -> Row[Any]:
    """Some columns of a run.

    Raises:
        NotFoundError: There is no such run.
        ParameterError: Runs of several workflows have this key.
    """
    query = select(*columns).where(runs.c.id == run).limit(2)
    if flow is not None:
        query = query.where(runs.c.flow == flow)
    found = connection.execute(query).all()
    if not found:
        raise NotFoundError(f"there is no run {run!r}", hint="`aqueduct runs` lists them")
    if len(found) > 1:
        raise ParameterError(
            f"runs of several workflows have the key {run!r}", hint="name the workflow, too"
        )
    return found[0]
