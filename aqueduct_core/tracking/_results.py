"""Results of operators: the newest attempt in lists of their own, the earlier ones behind it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select

from aqueduct_core.dag import Version
from aqueduct_core.errors import NotFoundError
from aqueduct_core.runtime import Result
from aqueduct_core.tracking._base import Base, run_number
from aqueduct_core.tracking._events import append_events
from aqueduct_core.tracking._facts import facts_of
from aqueduct_core.tracking._runs import FINISHED
from aqueduct_core.tracking._tables import (
    OF_A_RESULT,
    artifacts,
    attempts,
    checks,
    metrics,
    results,
    runs,
    saves,
)

__all__ = ["Results"]

_FACTS = (artifacts, metrics, checks, saves)
_VERSIONS = 32  # whose orders of operators are remembered

# Made once: making a statement takes longer than SQLite takes to run it.
_LOCK_RUN = (
    select(runs.c.number)
    .where(runs.c.flow == bindparam("flow"), runs.c.id == bindparam("run"))
    .with_for_update(key_share=True)
)
_KNOWN = select(results.c.operator, results.c.attempt, results.c.state, results.c.document).where(
    results.c.run == bindparam("run"),
    results.c.operator.in_(bindparam("operators", expanding=True)),
)
_INSERT = {table: insert(table) for table in (results, *_FACTS)}
_BATCH = 500  # operators that are named in one query


@dataclass(frozen=True, slots=True)
class _Draft:
    """A result on its way into the database."""

    result: Result
    row: dict[str, Any]
    facts: list[tuple[Table, dict[str, Any]]]


_Round: TypeAlias = dict[str, list[_Draft]]  # by run; of each operator one


class Results(Base):
    """Results of operators."""

    _positions: dict[str, Mapping[str, int]]  # the order of the operators, by a version's digest

    def record(self, version: Version, results: Iterable[Result]) -> int:
        """Record results; those that are known already change nothing.

        A result of an older attempt goes to the attempts before; it never takes the place of a newer one.

        Args:
            version: The version that ran.
            results: Results of its operators, in one or several of its runs.

        Returns:
            How many there were that were not known.

        Raises:
            NotFoundError: Such a run was never started, or the version has no such operator.
        """
        rounds: list[_Round] = []
        turns: Counter[tuple[str, str]] = Counter()
        for result in results:
            draft = _draft(version, result, self._position(version, result.name))
            # Several of one operator and run are taken in order, one in each round.
            turn = turns[result.run, result.operator]
            turns[result.run, result.operator] += 1
            if turn == len(rounds):
                rounds.append({})
            rounds[turn].setdefault(result.run, []).append(draft)
        if not rounds:
            return 0
        return self._database.write(partial(_record, flow=version.flow, rounds=rounds))

    def _position(self, version: Version, operator: str) -> int:
        found = self._positions.get(version.digest)
        if found is None:
            found = {name: number for number, name in enumerate(version.spec.operators)}
            if len(self._positions) >= _VERSIONS:
                self._positions.clear()
            self._positions[version.digest] = found
        if operator not in found:
            raise NotFoundError(f"this version of {version.name!r} has no operator {operator!r}")
        return found[operator]

    def results(self, run: str, *, flow: str | None = None) -> list[Result]:
        """The results of a run's operators that are known, in the order of the graph.

        Args:
            run: The run key.
            flow: The workflow's id, where two of them may use the same keys.

        Raises:
            NotFoundError: There is no such run.
        """
        query = select(results.c.document).order_by(results.c.position)
        with self._database.read() as connection:
            number = run_number(connection, run, flow)
            documents = connection.execute(query.where(results.c.run == number)).scalars()
            return [Result.from_json(json.loads(text)) for text in documents]

    def result(self, run: str, operator: str, *, flow: str | None = None) -> Result | None:
        """The result of one operator by its name, if it is known."""
        query = select(results.c.document).where(results.c.name == operator)
        with self._database.read() as connection:
            number = run_number(connection, run, flow)
            text = connection.execute(query.where(results.c.run == number)).scalar()
        return None if text is None else Result.from_json(json.loads(text))

    def attempts(self, run: str, operator: str, *, flow: str | None = None) -> list[Result]:
        """All attempts of one operator by its name, the first one first."""
        found: list[str] = []
        with self._database.read() as connection:
            number = run_number(connection, run, flow)
            for table in (attempts, results):
                mine = (table.c.run == number, table.c.name == operator)
                query = select(table.c.document).where(*mine).order_by(table.c.attempt)
                found += connection.execute(query).scalars()
        return [Result.from_json(json.loads(text)) for text in found]


def _record(connection: Connection, flow: str, rounds: Sequence[_Round]) -> int:
    # Sorted, so that of two who record the same runs nobody waits for the other.
    told = [
        draft
        for by_run in rounds
        for run in sorted(by_run)
        for draft in _put(connection, flow, run, by_run[run])
    ]
    append_events(connection, [_event(draft) for draft in told])
    return len(told)


def _draft(version: Version, result: Result, position: int) -> _Draft:
    facts = facts_of(version, result)
    row = {
        "operator": result.operator,
        "flow": version.flow,
        "name": result.name,
        "kind": result.kind,
        "position": position,
        "state": result.state,
        "attempt": result.attempt,
        "started": facts.time,
        "seconds": result.duration,
        "reason": result.reason,
        "cached": result.cached,
        "document": json.dumps(result.to_json(), separators=(",", ":")),
    }
    return _Draft(result, row, facts.rows)


def _put(connection: Connection, flow: str, run: str, drafts: Sequence[_Draft]) -> list[_Draft]:
    """Record the results of one run; returns those that were not known."""
    # Whoever records results of this run waits here, so what is read below stays true.
    number = connection.execute(_LOCK_RUN, {"flow": flow, "run": run}).scalar()
    if number is None:
        raise NotFoundError(
            f"there is no run {run!r} of this workflow", hint="start_run comes first"
        )
    known = _known(connection, number, [draft.result.operator for draft in drafts])
    newest: list[_Draft] = []
    older: list[_Draft] = []
    replaced: dict[str, bool] = {}  # operators by whether their result becomes an earlier attempt
    for draft in drafts:
        row = known.get(draft.result.operator)
        if row is None:
            newest.append(draft)
        elif draft.result.attempt < row.attempt:
            older.append(draft)
        elif _says_more(draft, row):
            newest.append(draft)
            replaced[draft.result.operator] = draft.result.attempt > row.attempt
    _make_room(connection, number, replaced)
    _insert(connection, number, newest)
    _insert_older(connection, number, older)
    return newest


def _known(connection: Connection, number: int, operators: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for some in _batches(operators):
        rows = connection.execute(_KNOWN, {"run": number, "operators": some})
        found |= {row.operator: row for row in rows}
    return found


def _says_more(draft: _Draft, row: Row[Any]) -> bool:
    """Whether a result tells more than the one that is known of the same or an earlier attempt."""
    if draft.result.attempt > row.attempt:
        return True
    went_back = row.state in FINISHED and draft.result.state not in FINISHED
    return not went_back and draft.row["document"] != row.document


def _make_room(connection: Connection, number: int, replaced: dict[str, bool]) -> None:
    """Take away the results that others replace; keep those of earlier attempts."""
    earlier = [operator for operator, is_earlier in replaced.items() if is_earlier]
    for operators in _batches(earlier):
        mine = (results.c.run == number, results.c.operator.in_(operators))
        rows = select(*(results.c[name] for name in OF_A_RESULT)).where(*mine)
        connection.execute(insert(attempts).from_select(OF_A_RESULT, rows))
    for operators in _batches(list(replaced)):
        for table in (*_FACTS, results):
            mine = (table.c.run == number, table.c.operator.in_(operators))
            connection.execute(delete(table).where(*mine))


def _insert(connection: Connection, number: int, drafts: Sequence[_Draft]) -> None:
    by_table: dict[Table, list[dict[str, Any]]] = {}
    for draft in drafts:
        for table, row in ((results, draft.row), *draft.facts):
            by_table.setdefault(table, []).append(row | {"run": number})
    for table, rows in by_table.items():
        connection.execute(_INSERT[table], rows)


def _insert_older(connection: Connection, number: int, drafts: Sequence[_Draft]) -> None:
    for draft in drafts:
        mine = (
            attempts.c.run == number,
            attempts.c.operator == draft.result.operator,
            attempts.c.attempt == draft.result.attempt,
        )
        connection.execute(delete(attempts).where(*mine))
        connection.execute(insert(attempts).values(draft.row | {"run": number}))


def _batches(items: Collection[str]) -> Iterable[list[str]]:
    plain = list(items)
    return (plain[first : first + _BATCH] for first in range(0, len(plain), _BATCH))


def _event(draft: _Draft) -> dict[str, Any]:
    return {
        "kind": "result",
        "flow": draft.row["flow"],
        "run": draft.result.run,
        "operator": draft.result.name,
        "state": draft.result.state,
    }
