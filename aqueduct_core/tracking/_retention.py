"""Which runs are kept, and what goes with those that aren't."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, select
from sqlalchemy import update as change

from aqueduct_core.tracking._base import Base
from aqueduct_core.tracking._runs import FINISHED
from aqueduct_core.tracking._tables import artifacts, flows, results, runs

__all__ = ["Retention"]

_BATCH = 200  # runs that are deleted in one transaction


class Retention(Base):
    """Deleting runs."""

    def expired_runs(self, flow: str, keep: int) -> list[str]:
        """The keys of finished runs beyond the newest ones, the oldest first.

        Args:
            flow: The workflow's id.
            keep: How many finished runs are kept.
        """
        mine = (runs.c.flow == flow, runs.c.state.in_(FINISHED))
        order = (runs.c.started.desc(), runs.c.number.desc())
        # MariaDB knows no OFFSET without LIMIT.
        query = select(runs.c.id).where(*mine).order_by(*order).offset(keep).limit(2**31)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())[::-1]

    def delete_runs(self, flow: str, keys: Sequence[str]) -> list[tuple[str, str]]:
        """Forget runs, with their results and everything that came out of them.

        Args:
            flow: The workflow's id.
            keys: The run keys; those that are unknown are passed over.

        Returns:
            Operator UUID and run key of all data that nobody needs any more. That is the data of these runs,
            but for what other runs took from their cache; and what these runs took from runs that are gone.
        """
        gone: set[tuple[str, str]] = set()
        for first in range(0, len(keys), _BATCH):
            some = list(keys[first : first + _BATCH])
            gone |= self._database.write(partial(_delete, flow=flow, keys=some))
        return sorted(gone)


def _delete(connection: Connection, flow: str, keys: Sequence[str]) -> set[tuple[str, str]]:
    mine = (runs.c.flow == flow, runs.c.id.in_(keys))
    query = select(runs.c.number, runs.c.id).where(*mine)
    numbers = {row.number: row.id for row in connection.execute(query)}
    if not numbers:
        return set()
    of_runs = results.c.run.in_(list(numbers))
    rows = connection.execute(select(results.c.run, results.c.operator).where(of_runs)).all()
    data = {(row.operator, numbers[row.run]) for row in rows}
    origins = {
        place
        for key in connection.execute(
            select(artifacts.c.key)
            .join(results, _same_result())
            .where(of_runs, results.c.cached.is_not(None))
        ).scalars()
        if (place := _place(key)) is not None
    }
    connection.execute(delete(runs).where(runs.c.number.in_(list(numbers))))
    _show_newest(connection, flow, keys)
    return _unused(connection, flow, data | origins)


def _unused(connection: Connection, flow: str, data: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What no run that is left made, or took from the cache."""
    sources = sorted({run for _, run in data})
    used = (results.c.cached.in_(sources), results.c.flow == flow)
    query = select(artifacts.c.key).join(results, _same_result()).where(*used)
    needed = {_place(key) for key in connection.execute(query).scalars()}
    left = select(runs.c.id).where(runs.c.flow == flow, runs.c.id.in_(sources))
    alive = set(connection.execute(left).scalars())
    return {item for item in data if item not in needed and item[1] not in alive}


def _same_result() -> ColumnElement[bool]:
    return (artifacts.c.run == results.c.run) & (artifacts.c.operator == results.c.operator)


def _place(key: str) -> tuple[str, str] | None:
    """Operator UUID and run key of an artifact's key, `operators/<operator>/<run>/<output>`."""
    parts = key.split("/")
    return (parts[1], parts[2]) if len(parts) > 3 and parts[0] == "operators" else None


def _show_newest(connection: Connection, flow: str, deleted: Sequence[str]) -> None:
    """Let the workflow show its newest run that is left, if the one that it showed is gone."""
    stale = (flows.c.id == flow, flows.c.last_run.in_(deleted))
    if connection.execute(select(flows.c.id).where(*stale)).first() is None:
        return
    order = (runs.c.started.desc(), runs.c.number.desc())
    query = select(runs.c.id, runs.c.state, runs.c.started).where(runs.c.flow == flow)
    row = connection.execute(query.order_by(*order).limit(1)).first()
    known = row._mapping if row is not None else {"id": None, "state": None, "started": None}
    shown = {f"last_{name}": known[name] for name in ("state", "started")}
    connection.execute(change(flows).where(*stale).values(shown | {"last_run": known["id"]}))
