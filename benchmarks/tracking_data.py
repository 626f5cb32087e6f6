"""A tracking database on PostgreSQL as it is after a year: made up, but by the real tables.

Workflows and versions are published as anybody would; runs, results and what came out of them are
then made by the server itself, which is a hundred times faster than recording them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import event

from aqueduct_core.dag import FlowSpec, OperatorSpec, Version, flow_id
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime import Result
from aqueduct_core.tracking import Tracking

__all__ = ["Plan", "Shape", "fill", "plans", "shapes"]

VERSIONS = 4
BEGIN = "2025-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Shape:
    """A workflow and how much it was used.

    Attributes:
        name: Its name.
        operators: How many operators it has.
        runs: How often it ran.
    """

    name: str
    operators: int
    runs: int


def shapes(scale: float = 1.0) -> list[Shape]:
    """Few workflows run often, few are large, most are neither: 1M results at scale 1."""
    few = [
        Shape("every five minutes", 20, 12_000),
        Shape("hourly", 30, 8_000),
        Shape("wide", 1_000, 100),
        Shape("daily of many", 60, 2_000),
    ]
    many = [Shape(f"team {number:02}", 10 + number, 330) for number in range(36)]
    return [
        Shape(item.name, item.operators, max(VERSIONS, round(item.runs * scale)))
        for item in (*few, *many)
    ]


def fill(tracking: Tracking, wanted: Sequence[Shape]) -> int:
    """Fill an empty database; returns the number of results."""
    published = [version for shape in wanted for version in _publish(tracking, shape)]
    runs = {flow_id(shape.name): shape.runs for shape in wanted}
    raw = tracking._database.engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        cursor.execute(_OPERATORS)
        with cursor.copy("COPY known_operators FROM STDIN") as copy:
            for version in published:
                for row in _operators(version, runs[version.flow]):
                    copy.write_row(row)
        cursor.execute("ANALYZE known_operators")
        for statement in _FILL:
            cursor.execute(statement)
        raw.commit()
        raw.driver_connection.autocommit = True  # type: ignore[union-attr] # psycopg's own
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM results")
        (count,) = cursor.fetchone()
        raw.driver_connection.autocommit = False  # type: ignore[union-attr] # psycopg's own
    finally:
        raw.close()
    return int(count)


@dataclass(frozen=True, slots=True)
class Plan:
    """How PostgreSQL ran a query.

    Attributes:
        seconds: How long it planned and ran it.
        nodes: What it did: its plan without the tree.
    """

    seconds: float
    nodes: list[dict[str, Any]]


def plans(tracking: Tracking, call: Callable[[], object]) -> list[Plan]:
    """How each query that a call makes was run."""
    queries: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        queries.append((text, values))

    engine = tracking._database._reader
    event.listen(engine, "before_cursor_execute", remember)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", remember)
    assert queries, "a list that asks nothing has no plan"
    found = []
    with engine.connect() as connection:
        for text, values in queries:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {text}"
            (plan,) = connection.exec_driver_sql(explain, values).scalar_one()
            seconds = (plan["Planning Time"] + plan["Execution Time"]) / 1e3
            found.append(Plan(seconds, list(_nodes(plan["Plan"]))))
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _publish(tracking: Tracking, shape: Shape) -> Iterator[Version]:
    kinds = ("op", "op", "op", "query", "op", "metric", "op", "check", "op", "op")
    names = [(f"op {number}", kinds[number % 10]) for number in range(shape.operators - 1)]
    operators = {
        name: OperatorSpec(
            name=name,
            kind=kind,
            task={"source": f"def step(df):\n    return df  # {name}\n", "integration": "shop"},
            severity="error" if kind == "check" else None,
        )
        for name, kind in (*names, ("save", "save"))
    }
    for number in range(VERSIONS):
        spec = FlowSpec(
            name=shape.name,
            parameters={},
            operators=operators,
            python="3.11",
            description=f"change {number}",
        )
        flow = flow_id(shape.name)
        ids = {name: str(uuid5(UUID(flow), f"{spec.digest}/{name}")) for name in operators}
        version = Version(
            flow=flow, name=shape.name, digest=spec.digest, spec=spec, ids=ids, code={}
        )
        tracking.publish(version)
        yield version


def _operators(version: Version, runs: int) -> Iterator[tuple[Any, ...]]:
    """Rows of what the server needs to know of operators."""
    numbers = {"change 0": 0, "change 1": 1, "change 2": 2, "change 3": 3}
    for position, spec in enumerate(version.spec.operators.values()):
        ident = version.ids[spec.name]
        ref = ArtifactRef(
            f"operators/{ident}/@run/output", "table", "parquet", 1 << 20, "blake3:" + "0" * 64
        )
        result = Result(
            operator=ident,
            name=spec.name,
            kind=spec.kind,
            run="@run",
            state="succeeded",
            started=datetime.now(UTC).isoformat(),
            seconds={"environment": 0.01, "load": 0.1, "run": 1.5, "store": 0.2},
            outputs={} if spec.kind == "save" else {"output": ref},
            environment={"python": "3.11.7", "host": "worker-17", "aqueduct_core": "0.2.0"},
        )
        document = json.dumps(result.to_json())
        number = numbers[version.spec.description]
        yield (
            *(version.flow, version.digest, number, runs),
            *(spec.name, spec.kind, position, ident, document),
        )


_OPERATORS = """
CREATE TEMPORARY TABLE known_operators (
    flow text, digest text, version int, runs int,
    name text, kind text, position int, ident text, document text)
"""

_FILL = (
    # A run each so many minutes, the versions one after the other; the last runs are still going.
    f"""
INSERT INTO runs (id, flow, version, engine, state, started, ended, seconds, parameters, trigger,
                  scheduled_for, owner, heartbeat, cancel_requested)
SELECT 'scheduled__' || to_char(started, 'YYYY-MM-DD"T"HH24:MI:SS'), flow, digest, 'local',
       CASE WHEN turn = runs THEN 'running' WHEN turn % 20 = 7 THEN 'failed'
            WHEN turn % 33 = 5 THEN 'warning' WHEN turn % 101 = 9 THEN 'canceled'
            ELSE 'succeeded' END,
       started, CASE WHEN turn < runs THEN started + interval '90 seconds' END,
       CASE WHEN turn < runs THEN 90 END, '{{}}', 'schedule', started, 'worker:1', started, false
FROM (SELECT flow, digest, runs, turn,
             timestamptz '{BEGIN}' + turn * (interval '360 days' / runs) AS started
      FROM (SELECT DISTINCT flow, digest, version, runs FROM known_operators) AS versions
      CROSS JOIN LATERAL generate_series(
          version * runs / {VERSIONS} + 1, (version + 1) * runs / {VERSIONS}) AS turn) AS turns
ORDER BY started
""",
    """
INSERT INTO results (run, operator, flow, name, kind, position, state, attempt, started, seconds,
                     reason, document)
SELECT runs.number, ident, runs.flow, name, kind, position,
       CASE WHEN runs.state = 'failed' AND position % 9 = 4 THEN 'failed' ELSE 'succeeded' END,
       1 + (runs.number % 50 = 3)::int, runs.started + position * interval '1 second', 1.81, NULL,
       replace(document, '@run', runs.id)
FROM runs JOIN known_operators ON known_operators.flow = runs.flow AND digest = runs.version
ORDER BY runs.number, position
""",
    """
INSERT INTO attempts (run, operator, attempt, flow, name, kind, position, state, started, seconds,
                      reason, document)
SELECT run, operator, 1, flow, name, kind, position, 'failed', started, 1, 'no network', document
FROM results WHERE attempt = 2
""",
    """
INSERT INTO artifacts (run, operator, output, flow, name, time, key, type, serializer, size, digest)
SELECT run, operator, 'output', flow, name, started, 'operators/' || operator || '/' || run
       || '/output', 'table', 'parquet', 1048576,
       'blake3:' || md5((run / 3)::text || name) || md5(flow)
FROM results WHERE kind <> 'save'
""",
    """
INSERT INTO metrics (run, operator, flow, name, time, value)
SELECT run, operator, flow, name, started, sin(run) FROM results WHERE kind = 'metric'
""",
    """
INSERT INTO checks (run, operator, flow, name, time, severity, passed)
SELECT run, operator, flow, name, started, 'error', run % 30 > 0 FROM results WHERE kind = 'check'
""",
    """
INSERT INTO saves (run, operator, flow, name, time, integration, target, detail)
SELECT run, operator, flow, name, started, 'shop', 'table ' || left(flow, 4), '{"rows": 1000}'
FROM results WHERE kind = 'save'
""",
    """
INSERT INTO events (id, time, kind, flow, run, operator, state)
SELECT row_number() OVER (ORDER BY started) + 1000, started, 'result', flow, run::text, name, state
FROM results
""",
    "UPDATE counters SET value = (SELECT max(id) FROM events)",
    """
UPDATE flows SET last_run = newest.id, last_state = newest.state, last_started = newest.started
FROM (SELECT DISTINCT ON (flow) flow, id, state, started FROM runs ORDER BY flow, started DESC)
     AS newest WHERE newest.flow = flows.id
""",
)
