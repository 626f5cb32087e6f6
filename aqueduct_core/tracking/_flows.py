"""Workflows and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import update as change

from aqueduct_core.dag import Version, flow_id
from aqueduct_core.errors import NotFoundError, ParameterError
from aqueduct_core.tracking._base import Base, beyond, cursor_of, now, of_cursor, records
from aqueduct_core.tracking._events import append_events
from aqueduct_core.tracking._search import moment_between
from aqueduct_core.tracking._tables import flows, runs, schedules, ticks, versions
from aqueduct_core.tracking._tags import checked_tags
from aqueduct_core.tracking._types import NAME, clean
from aqueduct_core.tracking._upsert import insert_missing
from aqueduct_core.tracking._values import FlowRecord, Page, VersionDetail, VersionRecord

__all__ = ["Flows"]

Order = Literal["name", "-name", "last_run", "-last_run"]

_BRIEF = [column for column in versions.c if column.name != "document"]


class Flows(Base):
    """Workflows and their versions."""

    def publish(
        self,
        version: Version,
        *,
        notify: Mapping[str, Any] | None = None,
        keep_runs: int | None = None,
        tags: Sequence[str] = (),
    ) -> bool:
        """Make a version the current one of its workflow.

        Args:
            version: The version; it is in the store by now.
            notify: Who is told what about its runs.
            keep_runs: How many finished runs are kept; None for all.
            tags: What people find it by. They are no part of the version.

        Returns:
            Whether the version is new.

        Raises:
            ParameterError: A name in it is too long for the database, or something can't be a tag.
        """
        _check_names(version)
        settings = {
            "notify": None if notify is None else dict(notify),
            "keep_runs": keep_runs,
            "tags": checked_tags(tags),
        }
        return self._database.write(lambda to: _publish(to, version, settings))

    def flow(self, flow: str) -> FlowRecord:
        """A workflow by its id.

        Raises:
            NotFoundError: There is none.
        """
        found = self._flows(_select().where(flows.c.id == flow))
        if not found:
            raise NotFoundError(f"there is no workflow with id {flow}")
        return found[0]

    def flow_named(self, name: str) -> FlowRecord | None:
        """A workflow by its name, if there is one."""
        return next(iter(self._flows(_select().where(flows.c.id == flow_id(name)))), None)

    def flows(
        self,
        *,
        search: str | None = None,
        state: str | None = None,
        engine: str | None = None,
        tags: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        order: Order = "name",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[FlowRecord]:
        """Workflows, by name or the one that ran last first.

        Args:
            search: A part of the name or description, in small letters or capitals.
            state: The state of the newest run.
            engine: What runs them.
            tags: Tags that they all have.
            since: Only those that ran last then or later.
            until: Only those that ran last before.
            order: `name`, or `last_run` for those that ran, newest first; with `-` before it the
                other way round.
            cursor: Where an earlier page ended.
            limit: How many.
        """
        query = _select().where(*_filters(search, state, engine, tags)).limit(limit + 1)
        query = query.where(*moment_between(flows.c.last_started, since, until))
        kind: type
        if order.endswith("last_run"):
            keys, kind = ("last_started", "id"), datetime
            columns = (flows.c.last_started, flows.c.id)
            query = query.where(flows.c.last_started.is_not(None))
        else:
            keys, kind = ("name", "id"), str
            columns = (flows.c.name, flows.c.id)
        down = order in ("last_run", "-name")
        query = query.order_by(*(column.desc() if down else column for column in columns))
        if cursor is not None:
            value, last = of_cursor(cursor, (kind, str))
            query = query.where(beyond(columns, (value, last), down=down))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        more = cursor_of(rows[limit - 1]._mapping, keys) if len(rows) > limit else None
        return Page(tuple(records(FlowRecord, rows[:limit])), more)

    def tags(self) -> list[str]:
        """All tags that workflows have, in order."""
        query = select(flows.c.tags).where(flows.c.tags.is_not(None)).distinct()
        with self._database.read() as connection:
            return sorted({tag for row in connection.execute(query) for tag in row.tags})

    def followers(self, name: str) -> list[FlowRecord]:
        """The workflows that the success of the workflow of this name starts."""
        return self._flows(_select().where(flows.c.after == name).order_by(flows.c.name))

    def versions(self, flow: str) -> list[VersionRecord]:
        """The versions of a workflow, the newest first."""
        query = select(*_BRIEF).where(versions.c.flow == flow).order_by(versions.c.number.desc())
        with self._database.read() as connection:
            return records(VersionRecord, connection.execute(query))

    def version(self, flow: str, digest: str) -> VersionDetail:
        """A version with its content.

        Raises:
            NotFoundError: There is none.
        """
        query = select(versions).where(versions.c.flow == flow, versions.c.digest == digest)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"there is no version {digest} of the workflow {flow}")
        known = dict(row._mapping)
        document = known.pop("document")
        return VersionDetail(**known, version=Version.from_json(document))

    def pause(self, flow: str) -> None:
        """Let no schedule and no other workflow start it."""
        self._set_paused(flow, True)

    def resume(self, flow: str) -> None:
        """Let schedules and other workflows start it again; what it missed stays missed."""
        self._set_paused(flow, False)

    def keep_runs(self, flow: str, count: int | None) -> None:
        """Say how many finished runs are kept, until it is published again.

        Args:
            flow: The workflow's id.
            count: How many; None for all.
        """
        self._set(flow, keep_runs=count)

    def notify(self, flow: str, levels: Mapping[str, Any] | None) -> None:
        """Say who is told from which end of a run on, until it is published again.

        Args:
            flow: The workflow's id.
            levels: `success`, `warning`, `error` or `never`, by integration; others are told as they
                were connected.
        """
        self._set(flow, notify=None if levels is None else dict(levels))

    def tag(self, flow: str, tags: Sequence[str]) -> None:
        """Give it other tags, until it is published again.

        Args:
            flow: The workflow's id.
            tags: All that it has from now on.

        Raises:
            ParameterError: One can't be a tag.
        """
        self._set(flow, tags=checked_tags(tags))

    def delete_flow(self, flow: str) -> list[str]:
        """Forget a workflow, with its versions, runs and everything that came out of them.

        Returns:
            The UUIDs of its operators: their data is all that is left of it.

        Raises:
            NotFoundError: There is none.
        """
        return self._database.write(lambda connection: _delete(connection, flow))

    def _flows(self, query: Select[Any]) -> list[FlowRecord]:
        with self._database.read() as connection:
            return records(FlowRecord, connection.execute(query))

    def _set(self, flow: str, **values: Any) -> None:
        self.flow(flow)
        query = change(flows).where(flows.c.id == flow).values(values)
        self._database.write(lambda connection: connection.execute(query))

    def _set_paused(self, flow: str, paused: bool) -> None:
        def set_paused(connection: Connection) -> None:
            mine = and_(flows.c.id == flow, flows.c.paused != paused)
            if connection.execute(change(flows).where(mine).values(paused=paused)).rowcount:
                state = "paused" if paused else "resumed"
                if not paused:
                    _plan_anew(connection, flow)
                append_events(connection, [{"kind": "flow", "flow": flow, "state": state}])

        self.flow(flow)
        self._database.write(set_paused)


def _publish(connection: Connection, version: Version, settings: Mapping[str, Any]) -> bool:
    moment = now()
    known = {
        "name": version.name,
        "description": version.spec.description,
        "engine": version.spec.engine,
        "digest": version.digest,
        "after": version.spec.after,
        "published": moment,
        **settings,
    }
    first = {"id": version.flow, "paused": False, "created": moment, "digest": ""}
    insert_missing(connection, flows, known | first)
    mine = flows.c.id == version.flow
    digest = connection.execute(
        select(flows.c.digest).where(mine).with_for_update(key_share=True)
    ).scalar()
    connection.execute(change(flows).where(mine).values(known))
    new = _add_version(connection, version, moment)
    _set_schedule(connection, version.flow, version.spec.schedule)
    if digest != version.digest:
        event = {"kind": "flow", "flow": version.flow, "state": "published"}
        append_events(connection, [event])
    return new


def _add_version(connection: Connection, version: Version, moment: datetime) -> bool:
    of_flow = versions.c.flow == version.flow
    known = select(versions.c.number).where(of_flow, versions.c.digest == version.digest)
    if connection.execute(known).first():
        return False
    last = connection.execute(select(func.max(versions.c.number)).where(of_flow)).scalar()
    connection.execute(
        insert(versions).values(
            flow=version.flow,
            digest=version.digest,
            number=(last or 0) + 1,
            published=moment,
            operators=len(version.spec.operators),
            document=version.to_json(),
        )
    )
    return True


def _set_schedule(connection: Connection, flow: str, spec: Mapping[str, Any] | None) -> None:
    mine = schedules.c.flow == flow
    row = connection.execute(select(schedules.c.spec).where(mine)).first()
    if spec is None:
        connection.execute(delete(schedules).where(mine))
    elif row is None:
        connection.execute(insert(schedules).values(flow=flow, spec=dict(spec)))
    elif row.spec != dict(spec):
        _plan_anew(connection, flow, spec=dict(spec))


def _plan_anew(connection: Connection, flow: str, **values: Any) -> None:
    """Forget when a schedule comes true next, and what was claimed by whoever did not start it."""
    connection.execute(delete(ticks).where(ticks.c.flow == flow, ticks.c.run.is_(None)))
    mine = schedules.c.flow == flow
    connection.execute(change(schedules).where(mine).values(next_at=None, **values))


def _delete(connection: Connection, flow: str) -> list[str]:
    query = select(versions.c.document).where(versions.c.flow == flow)
    ids = {ident for row in connection.execute(query) for ident in row.document["ids"].values()}
    # Runs first: a cascade through versions and flows at once would look at each row twice.
    connection.execute(delete(runs).where(runs.c.flow == flow))
    if not connection.execute(delete(flows).where(flows.c.id == flow)).rowcount:
        raise NotFoundError(f"there is no workflow with id {flow}")
    append_events(connection, [{"kind": "flow", "flow": flow, "state": "deleted"}])
    return sorted(ids)


def _select() -> Select[Any]:
    return select(flows, schedules.c.spec.label("schedule"), schedules.c.next_at).select_from(
        flows.outerjoin(schedules, schedules.c.flow == flows.c.id)
    )


def _filters(
    search: str | None, state: str | None, engine: str | None, tags: Sequence[str]
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search:
        texts = (flows.c.name, flows.c.description)
        found.append(
            or_(
                *(
                    func.lower(text).contains(clean(search.lower()), autoescape=True)
                    for text in texts
                )
            )
        )
    if state is not None:
        found.append(flows.c.last_state == state)
    if engine is not None:
        found.append(flows.c.engine == engine)
    # LIKE takes capitals for small letters on SQLite; what is replaced is the very same everywhere.
    whole = type_coerce(flows.c.tags, Text)
    found += [func.replace(whole, f"\n{clean(tag)}\n", "") != whole for tag in tags]
    return found


def _check_names(version: Version) -> None:
    names = [version.name, version.spec.engine, *version.spec.operators]
    names += [output for item in version.spec.operators.values() for output in item.outputs]
    for name in names:
        if not name or len(name) > NAME or clean(name) != name:
            raise ParameterError(
                f"{name[:NAME]!r} can't be the name of a workflow, operator or output",
                hint=f"use 1 to {NAME} characters, and no NUL",
            )
