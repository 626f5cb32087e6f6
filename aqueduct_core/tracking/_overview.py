"""What pages about many runs at once ask for: one query for all of them, and no documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all

from aqueduct_core.tracking._base import Base
from aqueduct_core.tracking._tables import checks, flows, metrics, results, runs, saves
from aqueduct_core.tracking._values import (
    CheckPoint,
    MetricPoint,
    RunRecord,
    SaveRecord,
)

__all__ = ["Overview"]

RunKey = tuple[str, str]  # a workflow's id and the key of one of its runs

_RUN = [column for column in runs.c if column.name != "number"]
_BATCH = 100  # workflows that are named in one query


class Overview(Base):
    """Many runs at once."""

    def flow_names(self, some: Collection[str]) -> dict[str, str]:
        """The names of some workflows by their ids; those that are gone are left out."""
        query = select(flows.c.id, flows.c.name).where(flows.c.id.in_(some))
        with self._database.read() as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def newest_runs(self, flows: Sequence[str], *, limit: int = 14) -> dict[str, list[RunRecord]]:
        """The newest runs of each of some workflows, the newest first.

        Args:
            flows: The workflows' ids.
            limit: How many of each.
        """
        found: dict[str, list[RunRecord]] = {flow: [] for flow in flows}
        newest = (runs.c.started.desc(), runs.c.number.desc())
        with self._database.read() as connection:
            for first in range(0, len(flows), _BATCH):
                each = [
                    select(*_RUN).where(runs.c.flow == flow).order_by(*newest).limit(limit)
                    for flow in flows[first : first + _BATCH]
                ]
                query = union_all(*(select(item.subquery()) for item in each))
                for row in connection.execute(query):
                    found[row.flow].append(RunRecord(**row._mapping))
        for items in found.values():
            items.sort(key=lambda run: run.started, reverse=True)
        return found

    def metrics_of(
        self, some: Iterable[RunRecord], names: Collection[str] | None = None
    ) -> dict[RunKey, list[MetricPoint]]:
        """The metrics of some runs.

        Args:
            some: The runs.
            names: Only these metrics.
        """
        columns = [metrics.c[name] for name in ("name", "time", "value", "special")]
        only = [] if names is None else [metrics.c.name.in_(names)]
        found: dict[RunKey, list[MetricPoint]] = defaultdict(list)
        for row in self._rows(metrics, columns, some, only):
            value = row.value if row.special is None else float(row.special)
            point = MetricPoint(run=row.run_key, name=row.name, time=row.time, value=value)
            found[row.run_flow, row.run_key].append(point)
        return found

    def checks_of(self, some: Iterable[RunRecord]) -> dict[RunKey, list[CheckPoint]]:
        """What the checks of some runs found."""
        columns = [checks.c[name] for name in ("name", "time", "severity", "passed", "reason")]
        found: dict[RunKey, list[CheckPoint]] = defaultdict(list)
        for row in self._rows(checks, columns, some):
            known = {name: row._mapping[name] for name in ("name", "time", "severity", "passed")}
            point = CheckPoint(run=row.run_key, reason=row.reason, **known)
            found[row.run_flow, row.run_key].append(point)
        return found

    def states_of(
        self, some: Iterable[RunRecord], names: Collection[str]
    ) -> dict[RunKey, dict[str, str]]:
        """How operators went in some runs: the state by name, `cached` if it was taken from there.

        Args:
            some: The runs.
            names: The operators. Those that a run has no result of are left out.
        """
        columns = (
            results.c.name,
            results.c.state,
            results.c.cached.is_not(None).label("is_cached"),
        )
        found: dict[RunKey, dict[str, str]] = defaultdict(dict)
        for row in self._rows(results, columns, some, [results.c.name.in_(names)]):
            state = "cached" if row.is_cached and row.state == "succeeded" else row.state
            found[row.run_flow, row.run_key][row.name] = state
        return dict(found)

    def last_saves(self, *, limit: int = 200) -> list[tuple[SaveRecord, int]]:
        """The newest save into each table or object, the last written first.

        Args:
            limit: How many.

        Returns:
            The save, and how often the table or object was written to.
        """
        place = (saves.c.integration, saves.c.target)
        newest, times = func.max(saves.c.time).label("newest"), func.count().label("times")
        query = select(*place, newest, times).group_by(*place)
        places = query.order_by(newest.desc(), *place).limit(limit).subquery()
        same = (
            saves.c.integration == places.c.integration,
            saves.c.target == places.c.target,
            saves.c.time == places.c.newest,
        )
        names = ("flow", "name", "time", "integration", "target", "detail")
        wanted = select(runs.c.id.label("run"), *(saves.c[name] for name in names), places.c.times)
        wanted = wanted.join_from(places, saves, and_(*same))
        wanted = wanted.join(runs, runs.c.number == saves.c.run)
        wanted = wanted.order_by(places.c.newest.desc(), *place, saves.c.run.desc())
        found: dict[tuple[str, str], tuple[SaveRecord, int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(wanted):
                known = dict(row._mapping)
                count = known.pop("times")
                save = SaveRecord(**known)
                found.setdefault((save.integration, save.target), (save, count))
        return list(found.values())

    def saved_places(self, *, limit: int = 200) -> list[tuple[str, str, int]]:
        """The tables and objects that workflows have written to, the last written first.

        Args:
            limit: How many.

        Returns:
            Integration and target of each, and how often it was written to.
        """
        place = (saves.c.integration, saves.c.target)
        times = func.count().label("times")
        query = select(*place, times).group_by(*place)
        query = query.order_by(func.max(saves.c.time).desc(), *place).limit(limit)
        with self._database.read() as connection:
            return [(row.integration, row.target, row.times) for row in connection.execute(query)]

    def _rows(
        self,
        table: Any,
        columns: Sequence[ColumnElement[Any]],
        some: Iterable[RunRecord],
        only: Sequence[ColumnElement[bool]] = (),
    ) -> list[Any]:
        keys: dict[str, list[str]] = defaultdict(list)
        for run in some:
            keys[run.flow].append(run.id)
        if not keys:
            return []
        mine = or_(*(and_(runs.c.flow == flow, runs.c.id.in_(ids)) for flow, ids in keys.items()))
        query: Select[Any] = select(
            runs.c.flow.label("run_flow"), runs.c.id.label("run_key"), *columns
        )
        query = query.join_from(runs, table, table.c.run == runs.c.number).where(mine, *only)
        with self._database.read() as connection:
            return list(connection.execute(query))
