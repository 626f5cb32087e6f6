"""How long lists take in a tracking database with a million results.

Usage: python -m benchmarks.tracking [--scale 1.0] [--url postgresql://...]

Without a URL a PostgreSQL server is started for it, as for the tests. `server` is what it takes for
planning and running the queries, by EXPLAIN ANALYZE; the others are the times of the methods,
with SQLAlchemy and the making of values.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from aqueduct_core.dag import flow_id
from aqueduct_core.tracking import Page, RunRecord, Tracking
from benchmarks.tracking_data import fill, plans, shapes

__all__ = ["lists"]

TARGET = 0.050
REPEATS = 15
SECRET = b"the secret of a benchmark"


def lists(tracking: Tracking) -> dict[str, Callable[[], object]]:
    """Everything that a user interface lists, asked for of the busiest workflows."""
    busy, wide = flow_id("every five minutes"), flow_id("wide")
    some = tracking.runs(busy, limit=200)
    newest, older = some[0], some[-1]
    deep = _far(tracking, busy, len(some))
    digest = tracking.artifact_history(busy, "op 1", limit=1)[0].ref.digest
    in_wide = tracking.runs(wide, limit=1)[0]
    failed = ["failed", "canceled"]
    last = tracking.last_event()
    return {
        "workflows by name": tracking.flows,
        "workflows, a page further": lambda: tracking.flows(cursor=tracking.flows(limit=9).cursor),
        "workflows by last run": lambda: tracking.flows(order="last_run"),
        "workflows that failed": lambda: tracking.flows(state="failed"),
        "workflows, searched": lambda: tracking.flows(search="minutes"),
        "a workflow": lambda: tracking.flow(busy),
        "its versions": lambda: tracking.versions(busy),
        "a version": lambda: tracking.version(busy, newest.version),
        "all runs": tracking.runs,
        "all runs that failed": lambda: tracking.runs(states=failed),
        "all runs that go on": lambda: tracking.runs(states=["running", "pending"]),
        "runs of a workflow": lambda: tracking.runs(busy),
        "runs of a workflow, far back": lambda: tracking.runs(busy, cursor=deep),
        "runs of a workflow that failed": lambda: tracking.runs(busy, states=failed),
        "its last run that succeeded": lambda: tracking.latest_run(busy, states=["succeeded"]),
        "runs nobody looks after": lambda: tracking.stale_runs(timedelta(hours=1)),
        "a run": lambda: tracking.run(newest.id, flow=busy),
        "results of a run of 20": lambda: tracking.results(older.id, flow=busy),
        "results of a run of 1,000": lambda: tracking.results(in_wide.id, flow=wide),
        "one result of 1,000": lambda: tracking.result(in_wide.id, "op 7", flow=wide),
        "attempts of an operator": lambda: tracking.attempts(in_wide.id, "op 7", flow=wide),
        "artifacts of a run": lambda: tracking.artifacts(older.id, flow=busy),
        "artifacts of a run of 1,000": lambda: tracking.artifacts(in_wide.id, flow=wide),
        "an artifact over runs": lambda: tracking.artifact_history(busy, "op 1"),
        "artifacts of one content": lambda: tracking.artifacts_with(digest),
        "artifact types": lambda: tracking.artifact_types(busy),
        "an operator over runs": lambda: tracking.operator_history(busy, "op 1"),
        "a metric over runs": lambda: tracking.metric_history(busy, "op 5"),
        "a check over runs": lambda: tracking.check_history(busy, "op 7"),
        "newest saves": tracking.saves,
        "saves of a workflow": lambda: tracking.saves(flow=busy),
        "saves into a system": lambda: tracking.saves(integration="shop"),
        "saves into a table": lambda: tracking.saves(
            integration="shop", target=f"table {busy[:4]}"
        ),
        "new events": lambda: tracking.events(last - 100),
        "events from the start": lambda: tracking.events(0),
        "schedules that are due": lambda: tracking.due(datetime.now(UTC)),
    }


def _far(tracking: Tracking, flow: str, size: int) -> str | None:
    """The cursor some pages down."""
    page: Page[RunRecord] = tracking.runs(flow, limit=size)
    for _ in range(3):
        if page.cursor is not None:
            page = tracking.runs(flow, limit=size, cursor=page.cursor)
    return page.cursor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--url")
    options = parser.parse_args()
    with ExitStack() as stack:
        url = options.url or _server(stack)
        tracking = stack.enter_context(Tracking(url, secret=SECRET))
        start = time.perf_counter()
        count = fill(tracking, shapes(options.scale))
        print(f"{count:,} results, filled in {time.perf_counter() - start:.0f} s\n")
        slow = _measure(tracking)
    for name in slow:
        print(f"over {TARGET * 1e3:.0f} ms: {name}", file=sys.stderr)
    return len(slow)


def _server(stack: ExitStack) -> str:
    from tests.databases import PostgresServer

    return stack.enter_context(PostgresServer()).create()


def _measure(tracking: Tracking) -> list[str]:
    slow = []
    print("| list | rows | server ms | median ms | slowest ms | scans |")
    print("|---|---:|---:|---:|---:|---|")
    for name, call in lists(tracking).items():
        call()
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            answer = call()
            times.append(time.perf_counter() - start)
        rows = len(answer) if hasattr(answer, "__len__") else 1
        queries = plans(tracking, call)
        server = sum(query.seconds for query in queries)
        nodes = [node for query in queries for node in query.nodes]
        scans = sorted({node["Node Type"] for node in nodes if "Relation Name" in node})
        figures = (server, statistics.median(times), max(times))
        told = " | ".join(f"{seconds * 1e3:.1f}" for seconds in figures)
        print(f"| {name} | {rows} | {told} | {', '.join(scans)} |")
        if server > TARGET:
            slow.append(name)
    return slow


if __name__ == "__main__":
    sys.exit(main())
