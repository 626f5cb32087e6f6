"""Runs: what was started, where it stands, and who looks after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, insert, select, union_all
from sqlalchemy import update as change

from aqueduct_core.errors import NotFoundError, TrackingError
from aqueduct_core.tracking._base import (
    Base,
    beyond,
    cursor_of,
    now,
    of_cursor,
    one_run,
    records,
    run_number,
)
from aqueduct_core.tracking._events import append_events
from aqueduct_core.tracking._schedules import tick_taken
from aqueduct_core.tracking._tables import flows, runs, versions
from aqueduct_core.tracking._values import Page, RunRecord

__all__ = ["FINISHED", "Runs"]

FINISHED = ("succeeded", "warning", "failed", "canceled", "skipped")

_COLUMNS = [column for column in runs.c if column.name != "number"]
_ORDER = (runs.c.started, runs.c.number)


class Runs(Base):
    """Runs of workflows."""

    def start_run(
        self,
        run: str,
        flow: str,
        version: str,
        *,
        engine: str = "local",
        parameters: Mapping[str, Any] | None = None,
        trigger: str = "manual",
        scheduled_for: datetime | None = None,
        owner: str | None = None,
        state: str = "running",
        started: datetime | None = None,
        once: bool = False,
    ) -> RunRecord:
        """Record that a run starts; or that it goes on, if it is known.

        Args:
            run: The run key.
            flow: The workflow's id.
            version: The digest of the version that runs.
            engine: What runs it.
            parameters: The parameters that are given other values.
            trigger: `manual`, `schedule`, `after` or `retry`.
            scheduled_for: The moment of the schedule that it stands for.
            owner: The process that runs it.
            state: `running`, or `pending` while it waits.
            started: When it started, or went on; now by default.
            once: Refuse a run that is known: of several who want to start it, one does.

        Raises:
            NotFoundError: There is no such workflow or version.
            TrackingError: Another scheduler has started this moment of the schedule; or the run
                is one of another version, or known and shall start `once`.
        """
        moment = now()
        going = {"state": state, "owner": owner, "heartbeat": moment}
        new = going | {
            "id": run,
            "flow": flow,
            "version": version,
            "engine": engine,
            "started": started or moment,
            "parameters": dict(parameters or {}),
            "trigger": trigger,
            "scheduled_for": scheduled_for,
            "cancel_requested": False,
        }

        def start(connection: Connection) -> RunRecord:
            _lock_flow(connection, flow, version)
            mine = (runs.c.flow == flow, runs.c.id == run)
            row = connection.execute(select(*_COLUMNS).where(*mine)).first()
            if row is None:
                if trigger == "schedule" and scheduled_for is not None and owner is not None:
                    tick_taken(connection, flow, scheduled_for, owner, run)
                connection.execute(insert(runs).values(new))
            elif once:
                raise TrackingError(f"the run {run!r} is there already")
            elif row.version != version:
                raise TrackingError(f"the run {run!r} is there already, of another version")
            else:
                again: dict[str, Any] = {
                    "ended": None,
                    "seconds": None,
                    "reason": None,
                    "cancel_requested": False,
                }
                if row.ended is not None:  # otherwise it has only waited until now
                    again["resumed"] = started if started and started > row.ended else moment
                connection.execute(change(runs).where(*mine).values(going | again))
            record = RunRecord(**connection.execute(select(*_COLUMNS).where(*mine)).one()._mapping)
            _show_in_flow(connection, record)
            append_events(connection, [_event(record)])
            return record

        return self._database.write(start)

    def finish_run(
        self,
        run: str,
        state: str,
        *,
        reason: str | None = None,
        ended: datetime | None = None,
        flow: str | None = None,
    ) -> bool:
        """Record how a run ended; nothing happens if that is known.

        Args:
            run: The run key.
            state: Its final state.
            reason: Why it ended as it did, in a sentence.
            ended: When; now by default.
            flow: The workflow's id, where two of them may use the same keys.

        Returns:
            Whether it was not known.
        """
        moment = ended or now()

        def finish(connection: Connection) -> bool:
            mine = runs.c.number == run_number(connection, run, flow)
            query = select(*_COLUMNS).where(mine).with_for_update(key_share=True)
            record = RunRecord(**connection.execute(query).one()._mapping)
            if record.state == state and record.ended is not None:
                return False
            seconds = max((moment - record.since).total_seconds(), 0.0)
            known = {"state": state, "ended": moment, "seconds": seconds, "reason": reason}
            connection.execute(change(runs).where(mine).values(known))
            newest = (flows.c.id == record.flow, flows.c.last_run == record.id)
            connection.execute(change(flows).where(*newest).values(last_state=state))
            append_events(connection, [_event(record) | {"state": state}])
            return True

        return self._database.write(finish)

    def run(self, run: str, *, flow: str | None = None) -> RunRecord:
        """A run by its key.

        Args:
            run: The run key.
            flow: The workflow's id, where two of them may use the same keys.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.read() as connection:
            row = one_run(connection, _COLUMNS, run, flow)
        return RunRecord(**row._mapping)

    def runs(
        self,
        flow: str | None = None,
        *,
        states: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        """Runs, the newest first.

        Args:
            flow: Only those of this workflow.
            states: Only those in one of these states.
            cursor: Where an earlier page ended.
            limit: How many.
        """
        query = select(*_COLUMNS, runs.c.number)
        if flow is not None:
            query = query.where(runs.c.flow == flow)
        if cursor is not None:
            query = query.where(beyond(_ORDER, of_cursor(cursor, (datetime, int)), down=True))
        with self._database.read() as connection:
            rows = connection.execute(_newest(query, states, limit + 1)).all()
        more = None
        if len(rows) > limit:
            more = cursor_of(rows[limit - 1]._mapping, ("started", "number"))
        plain = [dict(row._mapping) for row in rows[:limit]]
        for row in plain:
            del row["number"]
        return Page(tuple(RunRecord(**row) for row in plain), more)

    def latest_run(self, flow: str, *, states: Sequence[str] | None = None) -> RunRecord | None:
        """The newest run of a workflow, if there is one.

        Args:
            flow: The workflow's id.
            states: Only a run in one of these states.
        """
        return next(iter(self.runs(flow, states=states, limit=1)), None)

    def heartbeat(self, run: str, *, flow: str | None = None) -> bool:
        """Tell that the owner of a run is alive.

        Returns:
            Whether somebody wants the run to end.
        """

        def beat(connection: Connection) -> bool:
            mine = runs.c.number == run_number(connection, run, flow)
            connection.execute(change(runs).where(mine).values(heartbeat=now()))
            query = select(runs.c.cancel_requested).where(mine)
            wanted: bool = connection.execute(query).scalar_one()
            return wanted

        return self._database.write(beat)

    def take_over(self, record: RunRecord, owner: str) -> bool:
        """Look after a run from now on, whose owner is gone.

        Args:
            record: The run as it was when that was found out.
            owner: Who looks after it from now on.

        Returns:
            Whether nobody else was quicker.
        """

        def take(connection: Connection) -> bool:
            number = run_number(connection, record.id, record.flow)
            mine = (
                runs.c.number == number,
                runs.c.state == "running",
                runs.c.owner.is_not_distinct_from(record.owner),
                runs.c.heartbeat.is_not_distinct_from(record.heartbeat),
            )
            moment = now()
            mine_now = {"owner": owner, "heartbeat": moment, "resumed": moment}
            taken = change(runs).where(*mine).values(**mine_now)
            return bool(connection.execute(taken).rowcount)

        return self._database.write(take)

    def stale_runs(self, older_than: timedelta, *, engine: str = "local") -> list[RunRecord]:
        """Runs whose owner hasn't told for a while that it is alive.

        Args:
            older_than: How long.
            engine: Only those of this engine.
        """
        query = select(*_COLUMNS).where(
            runs.c.state == "running",
            runs.c.engine == engine,
            runs.c.heartbeat < now() - older_than,
        )
        with self._database.read() as connection:
            return records(RunRecord, connection.execute(query))

    def request_cancel(self, run: str, *, flow: str | None = None) -> bool:
        """Ask the owner of a run to end it.

        Returns:
            Whether it hadn't ended by then.
        """

        def request(connection: Connection) -> bool:
            number = run_number(connection, run, flow)
            mine = (runs.c.number == number, runs.c.state.not_in(FINISHED))
            return bool(
                connection.execute(change(runs).where(*mine).values(cancel_requested=True)).rowcount
            )

        return self._database.write(request)

    def cancel_requested(self, run: str, *, flow: str | None = None) -> bool:
        """Whether somebody wants a run to end."""
        return self.run(run, flow=flow).cancel_requested


def _lock_flow(connection: Connection, flow: str, version: str) -> None:
    """Wait for whoever else changes this workflow: in this order nobody waits for ever."""
    mine = (versions.c.flow == flow, versions.c.digest == version)
    query = select(select(versions.c.number).where(*mine).scalar_subquery())
    query = query.where(flows.c.id == flow).with_for_update(key_share=True)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"there is no workflow with id {flow}", hint="publish it first")
    if row[0] is None:
        raise NotFoundError(f"the workflow {flow} has no version {version}", hint="publish it")


def _show_in_flow(connection: Connection, record: RunRecord) -> None:
    newest = (flows.c.last_started.is_(None)) | (flows.c.last_started <= record.started)
    shown = {"last_run": record.id, "last_state": record.state, "last_started": record.started}
    connection.execute(change(flows).where(flows.c.id == record.flow, newest).values(shown))


def _event(record: RunRecord) -> dict[str, Any]:
    return {"kind": "run", "flow": record.flow, "run": record.id, "state": record.state}


def _newest(query: Select[Any], states: Sequence[str] | None, limit: int) -> Any:
    """The newest rows; for several states the newest of each, which indexes have in order."""
    down = (runs.c.started.desc(), runs.c.number.desc())
    if states is None:
        return query.order_by(*down).limit(limit)
    each = [
        query.where(runs.c.state == state).order_by(*down).limit(limit).subquery()
        for state in dict.fromkeys(states)
    ]
    together = union_all(*(select(item) for item in each)).subquery()
    order = (together.c.started.desc(), together.c.number.desc())
    return select(together).order_by(*order).limit(limit)
