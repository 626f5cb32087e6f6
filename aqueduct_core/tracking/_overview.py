"""What pages about many runs at once ask for: one query for all of them, and no documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)  # fmt: skip

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
_METRIC = tuple(metrics.c[name] for name in ("name", "time", "value", "special"))
_CHECK = tuple(checks.c[name] for name in ("name", "time", "severity", "passed", "reason"))
_STATE = (results.c.name, results.c.state, results.c.cached.is_not(None).label("is_cached"))


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
        with self._database.read() as connection:
            for first in range(0, len(flows), _BATCH):
                some = flows[first : first + _BATCH]
                wanted = {f"flow_{place}": flow for place, flow in enumerate(some)}
                for row in connection.execute(_newest(len(some)), {**wanted, "most": limit}):
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
        found: dict[RunKey, list[MetricPoint]] = defaultdict(list)
        for row in self._rows(metrics, _METRIC, some, names):
            flow, run, name, time, value, special = row
            exact = value if special is None else float(special)
            found[flow, run].append(MetricPoint(run=run, name=name, time=time, value=exact))
        return found

    def checks_of(self, some: Iterable[RunRecord]) -> dict[RunKey, list[CheckPoint]]:
        """What the checks of some runs found."""
        found: dict[RunKey, list[CheckPoint]] = defaultdict(list)
        for row in self._rows(checks, _CHECK, some):
            flow, run, name, time, severity, passed, reason = row
            point = CheckPoint(
                run=run, name=name, time=time, severity=severity, passed=passed, reason=reason
            )
            found[flow, run].append(point)
        return found

    def states_of(
        self, some: Iterable[RunRecord], names: Collection[str]
    ) -> dict[RunKey, dict[str, str]]:
        """How operators went in some runs: the state by name, `cached` if it was taken from there.

        Args:
            some: The runs.
            names: The operators. Those that a run has no result of are left out.
        """
        found: dict[RunKey, dict[str, str]] = defaultdict(dict)
        for flow, run, name, state, is_cached in self._rows(results, _STATE, some, names):
            is_taken = is_cached and state == "succeeded"
            found[flow, run][name] = "cached" if is_taken else state
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
        columns: tuple[ColumnElement[Any], ...],
        some: Iterable[RunRecord],
        names: Collection[str] | None = None,
    ) -> list[Any]:
        """What a table has of some runs, each row after the workflow and the key of its run."""
        keys: dict[str, list[str]] = defaultdict(list)
        for run in some:
            keys[run.flow].append(run.id)
        if not keys:
            return []
        wanted: dict[str, Any] = {"names": list(names or ())}
        for place, (flow, ids) in enumerate(keys.items()):
            wanted |= {f"flow_{place}": flow, f"ids_{place}": ids}
        query = _of_runs(table, columns, len(keys), names is not None)
        if names is None:
            del wanted["names"]
        with self._database.read() as connection:
            return list(connection.execute(query, wanted))


# Making queries of this size takes longer than carrying them out: so they are made once.


@lru_cache(_BATCH)
def _of_runs(
    table: Table, columns: tuple[ColumnElement[Any], ...], count: int, has_names: bool
) -> Select[Any]:
    """What a table has of runs of so many workflows."""
    each = [
        and_(
            runs.c.flow == bindparam(f"flow_{place}"),
            runs.c.id.in_(bindparam(f"ids_{place}", expanding=True)),
        )
        for place in range(count)
    ]
    only = [table.c.name.in_(bindparam("names", expanding=True))] if has_names else []
    query = select(runs.c.flow.label("run_flow"), runs.c.id.label("run_key"), *columns)
    return query.join_from(runs, table, table.c.run == runs.c.number).where(or_(*each), *only)


@lru_cache(_BATCH)
def _newest(count: int) -> CompoundSelect[Any]:
    """The newest runs of each of so many workflows."""
    newest = (runs.c.started.desc(), runs.c.number.desc())
    each = [
        select(*_RUN)
        .where(runs.c.flow == bindparam(f"flow_{place}"))
        .order_by(*newest)
        .limit(bindparam("most", type_=Integer))
        for place in range(count)
    ]
    return union_all(*(select(item.subquery()) for item in each))
