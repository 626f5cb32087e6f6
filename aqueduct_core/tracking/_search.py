"""Runs of a workflow that somebody looks for, in the order that they want.

Lists that are short by their nature or read from an index are elsewhere: this one reads the runs of one
workflow, all of them if it has to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, select, type_coerce

from aqueduct_core.errors import ParameterError
from aqueduct_core.tracking._base import Base, beyond, cursor_of, of_cursor
from aqueduct_core.tracking._tables import metrics, runs
from aqueduct_core.tracking._types import clean
from aqueduct_core.tracking._values import Page, RunRecord

__all__ = ["RunFilter", "Search", "moment_between"]

_COLUMNS = [column for column in runs.c if column.name != "number"]
_METRIC = "metrics."
_EQUALS = re.compile(r"\s*=\s*")
_WORDS = 12  # of a search; the others are not looked for


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted.

    Attributes:
        search: Words that all stand in the key, the parameters or the reason, in small letters or
            capitals; `name = value` is a parameter and its value, or how that begins.
        states: Only those in one of these states.
        since: Only those that started then or later.
        until: Only those that started before.
    """

    search: str = ""
    states: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


class Search(Base):
    """The runs of a workflow, filtered and ordered."""

    def find_runs(
        self,
        flow: str,
        wanted: RunFilter,
        *,
        order: str = "started",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        """Runs of a workflow that somebody looks for.

        Args:
            flow: The workflow's id.
            wanted: Which ones.
            order: `started` for the newest first, `seconds` for the longest, `metrics.` and a metric's
                name for those with the largest value; with `-` before it the other way round. Runs
                without a value come last.
            cursor: Where an earlier page of the same order ended.
            limit: How many.

        Raises:
            ParameterError: There is no such order, or the cursor is that of another list.
        """
        down = not order.startswith("-")
        key, kind = _key_of(order.removeprefix("-"))
        query = select(*_COLUMNS, runs.c.number, key.label("sort_key")).where(
            *_filters(flow, wanted)
        )
        if key.table is metrics:
            of_run = and_(metrics.c.run == runs.c.number, metrics.c.name == order.partition(".")[2])
            query = query.outerjoin_from(runs, metrics, of_run)
        if cursor is not None:
            last = of_cursor(cursor, (kind, int))
            query = query.where(_after(key, last, down=down))
        with self._database.read() as connection:
            rows = connection.execute(_ordered(query, key, down=down).limit(limit + 1)).all()
        more = (
            cursor_of(rows[limit - 1]._mapping, ("sort_key", "number"))
            if len(rows) > limit
            else None
        )
        plain = [dict(row._mapping) for row in rows[:limit]]
        for row in plain:
            del row["number"], row["sort_key"]
        return Page(tuple(RunRecord(**row) for row in plain), more)

    def count_runs(self, flow: str, wanted: RunFilter | None = None, *, most: int = 10_000) -> int:
        """How many runs there are of a workflow.

        Args:
            flow: The workflow's id.
            wanted: Which ones.
            most: Nobody counts further than one beyond this.
        """
        some = select(runs.c.number).where(*_filters(flow, wanted or RunFilter())).limit(most + 1)
        with self._database.read() as connection:
            count: int = connection.execute(
                select(func.count()).select_from(some.subquery())
            ).scalar_one()
        return count


def moment_between(
    column: ColumnElement[Any], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """Conditions that say when something was.

    Args:
        column: The column of moments.
        since: Then or later.
        until: Before.

    Raises:
        ParameterError: No database has such a moment.
    """
    found = []
    if since is not None:
        found.append(column >= _utc(since))
    if until is not None:
        found.append(column < _utc(until))
    return found


def _utc(moment: datetime) -> datetime:
    try:
        known = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ParameterError(
            f"there was no run at {moment}", hint="2026-03-01T00:00:00Z"
        ) from error
    return known


def _key_of(order: str) -> tuple[Any, type]:
    if order == "started":
        return runs.c.started, datetime
    if order == "seconds":
        return runs.c.seconds, float
    if order.startswith(_METRIC) and len(order) > len(_METRIC):
        return metrics.c.value, float
    raise ParameterError(
        f"runs can't be ordered by {order[:100]!r}",
        hint="started, seconds, or metrics. and a name; with - before it the other way round",
    )


def _ordered(query: Select[Any], key: Any, *, down: bool) -> Select[Any]:
    column = key.desc() if down else key.asc()
    number = runs.c.number.desc() if down else runs.c.number.asc()
    if key is runs.c.started:  # is never missing, and indexes have it in this order
        return query.order_by(column, number)
    return query.order_by(key.is_(None), column, number)


def _after(key: Any, last: Sequence[Any], *, down: bool) -> ColumnElement[bool]:
    value, number = last
    if key is runs.c.started:
        return beyond((key, runs.c.number), last, down=down)
    if value is None and number is not None:
        return and_(key.is_(None), runs.c.number < number if down else runs.c.number > number)
    return or_(key.is_(None), beyond((key, runs.c.number), last, down=down))


def _filters(flow: str, wanted: RunFilter) -> list[ColumnElement[bool]]:
    found = [runs.c.flow == flow, *moment_between(runs.c.started, wanted.since, wanted.until)]
    if wanted.states is not None:
        found.append(runs.c.state.in_(wanted.states))
    words = [word.strip("=") for word in _EQUALS.sub("=", wanted.search.lower()).split()]
    return found + [_has(word) for word in words[:_WORDS] if word]


def _has(word: str) -> ColumnElement[bool]:
    """Whether a word stands anywhere in what people see of a run; `name=value` is a parameter, too."""
    places = [
        (runs.c.id, clean(word)),
        (runs.c.id, quote(clean(word)).lower()),  # keys of engines are quoted
        (runs.c.reason, clean(word)),
        (runs.c.parameters, _json(word)),
    ]
    name, _, value = word.partition("=")
    if name and value:
        # Beside plain numbers and words, which end there, texts that begin so.
        given = f'{_json(name)}":{{"value":'
        kept = (f"{_json(value)}}}", f"{_json(value)},", f'"{_json(value)}')
        places += [(runs.c.parameters, f'"{given}{end}') for end in kept]
    return or_(
        *(
            func.lower(type_coerce(column, Text)).contains(text, autoescape=True)
            for column, text in places
        )
    )


def _json(text: str) -> str:
    """A text as it stands inside of JSON in ASCII, in small letters."""
    return json.dumps(text)[1:-1].lower()
