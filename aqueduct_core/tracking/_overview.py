"""What pages about many runs at once ask for: one query for all of them, and no documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all

from aqueduct_core.tracking._base import Base
from aqueduct_core.tracking._tables import checks, metrics, results, runs, saves
from aqueduct_core.tracking._values import CheckPoint, MetricPoint, ResultRecord, RunRecord

__all__ = ["Overview"]

RunKey = tuple[str, str]  # a workflow's id and the key of one of its runs

_RUN = [column for column in runs.c if column.name != "number"]
_RESULT = (
    "operator", "name", "kind", "state", "attempt", "started", "seconds", "reason", "cached",
)  # fmt: skip
_BATCH = 100  # workflows that are named in one query


class Overview(Base):
    """Many runs at once."""

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

    def results_of(self, some: Iterable[RunRecord]) -> dict[RunKey, list[ResultRecord]]:
        """How the operators of some runs went, in the order of the graph."""
        columns = [results.c[name] for name in (*_RESULT, "position")]
        found: dict[RunKey, list[tuple[int, ResultRecord]]] = defaultdict(list)
        for row in self._rows(results, columns, some):
            known = {name: row._mapping[name] for name in _RESULT}
            record = ResultRecord(run=row.run_key, **known)
            found[row.run_flow, row.run_key].append((row.position, record))
        return {
            key: [record for _, record in sorted(items, key=lambda item: item[0])]
            for key, items in found.items()
        }

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
