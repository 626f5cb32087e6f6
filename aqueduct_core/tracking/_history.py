"""What came out of runs, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, select

from aqueduct_core.reference import ArtifactRef
from aqueduct_core.tracking._base import Base, records, run_number
from aqueduct_core.tracking._tables import artifacts, checks, flows, metrics, results, runs, saves
from aqueduct_core.tracking._values import (
    ArtifactRecord,
    CheckPoint,
    MetricPoint,
    ResultRecord,
    SaveRecord,
)

__all__ = ["History"]

_RUN = runs.c.id.label("run")


class History(Base):
    """Artifacts, metrics, checks, saves and operators over the runs of a workflow."""

    def artifacts(self, run: str, *, flow: str | None = None) -> list[ArtifactRecord]:
        """The artifacts of a run, by name."""
        with self._database.read() as connection:
            number = run_number(connection, run, flow)
            query = _artifacts().where(artifacts.c.run == number).order_by(artifacts.c.name)
            return [_artifact(row) for row in connection.execute(query)]

    def newest_artifacts(self, some: Sequence[str]) -> list[ArtifactRecord]:
        """The artifacts of the newest run of each of some workflows, by name.

        Args:
            some: The workflows' ids.
        """
        newest = and_(flows.c.id == runs.c.flow, flows.c.last_run == runs.c.id)
        query = _artifacts().join(flows, newest).where(flows.c.id.in_(some))
        query = query.order_by(artifacts.c.name)
        with self._database.read() as connection:
            return [_artifact(row) for row in connection.execute(query)]

    def artifact_history(self, flow: str, name: str, *, limit: int = 100) -> list[ArtifactRecord]:
        """The artifacts of this name in the runs of a workflow, the newest first."""
        mine = (artifacts.c.flow == flow, artifacts.c.name == name)
        query = _artifacts().where(*mine).order_by(artifacts.c.time.desc()).limit(limit)
        with self._database.read() as connection:
            return [_artifact(row) for row in connection.execute(query)]

    def artifacts_with(self, digest: str, *, limit: int = 100) -> list[ArtifactRecord]:
        """The artifacts of all workflows that have this content, the newest first."""
        query = _artifacts().where(artifacts.c.digest == digest)
        query = query.order_by(artifacts.c.time.desc()).limit(limit)
        with self._database.read() as connection:
            return [_artifact(row) for row in connection.execute(query)]

    def artifact_types(self, flow: str) -> dict[str, str]:
        """The type of each artifact in the last run of a workflow that succeeded."""
        newest = []
        for state in ("succeeded", "warning"):
            mine = (runs.c.flow == flow, runs.c.state == state)
            order = (runs.c.started.desc(), runs.c.number.desc())
            newest.append(select(runs.c.started, runs.c.number).where(*mine).order_by(*order))
        with self._database.read() as connection:
            found = [row for query in newest for row in connection.execute(query.limit(1))]
            if not found:
                return {}
            number = max(found, key=lambda row: (row.started, row.number)).number
            query = select(artifacts.c.name, artifacts.c.type).where(artifacts.c.run == number)
            return {row.name: row.type for row in connection.execute(query)}

    def metric_history(self, flow: str, name: str, *, limit: int = 100) -> list[MetricPoint]:
        """The values of a metric in the runs of a workflow, the newest first."""
        columns = (_RUN, metrics.c.name, metrics.c.time, metrics.c.value, metrics.c.special)
        query = _history(metrics, columns, metrics.c.flow == flow, metrics.c.name == name)
        with self._database.read() as connection:
            return [_point(row) for row in connection.execute(query.limit(limit))]

    def check_history(self, flow: str, name: str, *, limit: int = 100) -> list[CheckPoint]:
        """What a check found in the runs of a workflow, the newest first."""
        names = ("name", "time", "severity", "passed", "reason")
        columns = (_RUN, *(checks.c[item] for item in names))
        query = _history(checks, columns, checks.c.flow == flow, checks.c.name == name)
        with self._database.read() as connection:
            return records(CheckPoint, connection.execute(query.limit(limit)))

    def operator_history(self, flow: str, name: str, *, limit: int = 100) -> list[ResultRecord]:
        """How an operator went in the runs of a workflow, the newest first."""
        names = (
            "operator", "name", "kind", "state", "attempt", "started", "seconds", "reason",
            "cached",
        )  # fmt: skip
        columns = (_RUN, *(results.c[item] for item in names))
        query = select(*columns).join_from(results, runs, runs.c.number == results.c.run)
        query = query.where(results.c.flow == flow, results.c.name == name)
        query = query.order_by(results.c.started.desc()).limit(limit)
        with self._database.read() as connection:
            return records(ResultRecord, connection.execute(query))

    def saves(
        self,
        *,
        flow: str | None = None,
        integration: str | None = None,
        target: str | None = None,
        limit: int = 100,
    ) -> list[SaveRecord]:
        """Who wrote into which table or object, the newest first.

        Args:
            flow: Only what this workflow wrote.
            integration: Only what was written into this data system.
            target: Only what was written into this table or object of it.
            limit: How many.
        """
        names = ("flow", "name", "time", "integration", "target", "detail")
        wanted = {"flow": flow, "integration": integration, "target": target}
        only = [saves.c[item] == value for item, value in wanted.items() if value is not None]
        query = _history(saves, (_RUN, *(saves.c[item] for item in names)), *only).limit(limit)
        with self._database.read() as connection:
            return records(SaveRecord, connection.execute(query))

    def saved_objects(self, flow: str) -> list[tuple[str, str]]:
        """Integration and name of each table or object that a workflow has written to."""
        query = select(saves.c.integration, saves.c.target).where(saves.c.flow == flow).distinct()
        query = query.order_by(saves.c.integration, saves.c.target)
        with self._database.read() as connection:
            return [(row.integration, row.target) for row in connection.execute(query)]


_OF_AN_ARTIFACT = [column for column in artifacts.c if column.name != "run"]


def _artifacts() -> Select[Any]:
    columns = (_RUN, *_OF_AN_ARTIFACT)
    return select(*columns).join_from(artifacts, runs, runs.c.number == artifacts.c.run)


def _artifact(row: Row[Any]) -> ArtifactRecord:
    ref = ArtifactRef(row.key, row.type, row.serializer, row.size, row.digest, row.label)
    return ArtifactRecord(row.run, row.flow, row.name, row.operator, row.output, row.time, ref)


def _history(
    table: Table, columns: Sequence[ColumnElement[Any]], *only: ColumnElement[bool]
) -> Select[Any]:
    query = select(*columns).join_from(table, runs, runs.c.number == table.c.run)
    return query.where(*only).order_by(table.c.time.desc())


def _point(row: Row[Any]) -> MetricPoint:
    value = row.value if row.special is None else float(row.special)
    return MetricPoint(run=row.run, name=row.name, time=row.time, value=value)
