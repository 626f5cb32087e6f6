"""Schedules, and the moments that they come true: each starts one run, however many schedulers watch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, or_, select
from sqlalchemy import update as change

from aqueduct_core.errors import TrackingError
from aqueduct_core.tracking._base import Base, now, records
from aqueduct_core.tracking._tables import flows, schedules, ticks
from aqueduct_core.tracking._values import ScheduleRecord

__all__ = ["Schedules", "tick_taken"]

LEASE = timedelta(seconds=60)  # how long whoever claimed a tick has for starting its run
KEPT = timedelta(days=30)  # ticks this old are forgotten: no scheduler looks back so far


class Schedules(Base):
    """Schedules."""

    def schedule(self, flow: str) -> ScheduleRecord | None:
        """The schedule of a workflow, if it has one."""
        with self._database.read() as connection:
            found = connection.execute(_select().where(schedules.c.flow == flow))
            return next(iter(records(ScheduleRecord, found)), None)

    def plan(self, flow: str, next_at: datetime) -> None:
        """Say when a schedule comes true next."""
        query = change(schedules).where(schedules.c.flow == flow).values(next_at=next_at)
        self._database.write(lambda connection: connection.execute(query))

    def due(self, at: datetime, *, limit: int = 100) -> list[ScheduleRecord]:
        """Schedules of workflows that aren't paused, whose moment has come.

        Those that nobody has planned yet are among them, with `next_at` None; and those whose moment
        somebody claimed, but died before the run was started.

        Args:
            at: The present moment.
            limit: How many.
        """
        active = _select().where(flows.c.paused.is_(False))
        come = or_(schedules.c.next_at.is_(None), schedules.c.next_at <= at)
        lost = (
            select(schedules.c.flow, flows.c.name, schedules.c.spec, ticks.c.tick.label("next_at"))
            .join_from(ticks, schedules, schedules.c.flow == ticks.c.flow)
            .join(flows, flows.c.id == ticks.c.flow)
            .where(ticks.c.run.is_(None), ticks.c.claimed <= at - LEASE, flows.c.paused.is_(False))
        )
        with self._database.read() as connection:
            first = active.where(come).order_by(schedules.c.next_at).limit(limit)
            found = records(ScheduleRecord, connection.execute(first))
            late = records(ScheduleRecord, connection.execute(lost.limit(limit)))
        by_flow = {item.flow: item for item in found} | {item.flow: item for item in late}
        return list(by_flow.values())[:limit]

    def claim(
        self,
        flow: str,
        tick: datetime,
        owner: str,
        *,
        next_at: datetime,
        at: datetime | None = None,
    ) -> bool:
        """Take the right to start the run of a moment of a schedule.

        Args:
            flow: The workflow's id.
            tick: The moment.
            owner: The scheduler, as it will call itself in `start_run`.
            next_at: The moment that follows.
            at: The present moment.

        Returns:
            False if somebody else has it.
        """
        moment = at or now()

        def take(connection: Connection) -> bool:
            known = select(schedules.c.flow).where(schedules.c.flow == flow).with_for_update()
            if connection.execute(known).first() is None:
                return False
            following = (
                schedules.c.flow == flow,
                schedules.c.next_at.is_(None) | (schedules.c.next_at <= tick),
            )
            connection.execute(change(schedules).where(*following).values(next_at=next_at))
            mine = (ticks.c.flow == flow, ticks.c.tick == tick)
            row = connection.execute(select(ticks).where(*mine)).first()
            held = {"owner": owner, "claimed": moment}
            if row is None:
                gone = ticks.c.run.is_(None) | (ticks.c.tick < moment - KEPT)
                older = (ticks.c.flow == flow, ticks.c.tick < tick, gone)
                connection.execute(delete(ticks).where(*older))
                connection.execute(insert(ticks).values(flow=flow, tick=tick, **held))
                return True
            if row.run is not None or row.claimed > moment - LEASE:
                return False
            connection.execute(change(ticks).where(*mine).values(held))
            return True

        return self._database.write(take)


def _select() -> Select[Any]:
    return select(schedules.c.flow, flows.c.name, schedules.c.spec, schedules.c.next_at).join_from(
        schedules, flows, flows.c.id == schedules.c.flow
    )


def tick_taken(connection: Connection, flow: str, tick: datetime, owner: str, run: str) -> None:
    """Note the run that a claimed moment starts.

    Raises:
        TrackingError: Somebody else has claimed it since, or has started its run.
    """
    mine = (ticks.c.flow == flow, ticks.c.tick == tick)
    row = connection.execute(select(ticks).where(*mine).with_for_update()).first()
    if row is None:
        return  # a schedule that the engine keeps itself
    if row.owner != owner or row.run is not None:
        raise TrackingError(
            f"the run of {tick.isoformat()} is started by another scheduler", hint="leave it alone"
        )
    connection.execute(change(ticks).where(*mine).values(run=run))
