"""How far something has been read that lies elsewhere: the runs of a cluster, for example."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy import update as change

from aqueduct_core.tracking._base import Base
from aqueduct_core.tracking._tables import counters
from aqueduct_core.tracking._upsert import insert_missing

__all__ = ["Marks"]

_PREFIX = "mark "  # beside the counter of events


class Marks(Base):
    """Numbers that only grow."""

    def mark(self, name: str) -> int | None:
        """How far it has been read; None if nobody has begun."""
        query = select(counters.c.value).where(counters.c.name == _PREFIX + name)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def set_mark(self, name: str, value: int) -> None:
        """Say how far it has been read; nothing happens if somebody has read further."""

        def put(connection: Connection) -> None:
            insert_missing(connection, counters, {"name": _PREFIX + name, "value": value})
            mine = (counters.c.name == _PREFIX + name, counters.c.value < value)
            connection.execute(change(counters).where(*mine).values(value=value))

        self._database.write(put)
