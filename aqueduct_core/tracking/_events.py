"""The feed of what happened: readers remember the last id and ask for what came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from aqueduct_core.tracking._base import Base, now, records
from aqueduct_core.tracking._tables import counters, events
from aqueduct_core.tracking._values import Event

__all__ = ["Events", "append_events"]

_COUNTER = counters.c.name == "events"
_COUNT = update(counters).where(_COUNTER).values(value=counters.c.value + bindparam("more"))
_LAST = select(counters.c.value).where(_COUNTER)
_APPEND = insert(events)


def append_events(connection: Connection, items: Sequence[Mapping[str, Any]]) -> None:
    """Add events, as the last step of a transaction.

    The counter's row stays locked until the transaction ends, so that ids can be seen in their order: a
    reader that has seen one will never find a smaller one later.

    Args:
        connection: The transaction's.
        items: `kind`, `state`, and `flow`, `run`, `operator` where there is one.
    """
    if not items:
        return
    connection.execute(_COUNT, {"more": len(items)})
    last = connection.execute(_LAST).scalar_one()
    time = now()
    first = last - len(items) + 1
    plain = {"flow": None, "run": None, "operator": None, "time": time}
    rows = [plain | {"id": number} | dict(item) for number, item in enumerate(items, first)]
    connection.execute(_APPEND, rows)


class Events(Base):
    """The feed."""

    def events(self, after: int = 0, *, limit: int = 500) -> list[Event]:
        """What happened after an event, the oldest first."""
        query = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        with self._database.read() as connection:
            return records(Event, connection.execute(query))

    def last_event(self) -> int:
        """The id of the newest event; 0 before the first."""
        with self._database.read() as connection:
            last: int = connection.execute(_LAST).scalar_one()
        return last

    def prune_events(self, before: datetime) -> int:
        """Forget what happened before a moment.

        Returns:
            How many events are gone.
        """
        query = delete(events).where(events.c.time < before)
        return self._database.write(lambda connection: connection.execute(query).rowcount)
