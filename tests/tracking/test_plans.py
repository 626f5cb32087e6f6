"""No list reads a whole table: what PostgreSQL says of how it ran them (EXPLAIN ANALYZE)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aqueduct_core.tracking import Tracking
from benchmarks.tracking import lists
from benchmarks.tracking_data import Shape, fill, plans
from tests.databases import PostgresServer, Server
from tests.tracking.toys import SECRET

SHAPES = [
    Shape("every five minutes", 10, 3_000),
    Shape("wide", 1_000, 8),
    *(Shape(f"team {number}", 12, 100) for number in range(6)),
]
SMALL = {"flows", "versions", "schedules", "ticks"}  # a row for each workflow, or a few
MOST = 1_100  # rows that are sorted: those of one run, and never those of a table


@pytest.fixture(scope="module")
def year(servers: dict[str, Server]) -> Iterator[Tracking]:
    """A database with a year in it."""
    missing = PostgresServer.missing()
    if missing is not None:
        pytest.skip(f"{missing} of PostgreSQL is not installed (tools/servers.sh)")
    if "postgresql" not in servers:
        servers["postgresql"] = PostgresServer().__enter__()
    url = servers["postgresql"].create()
    with Tracking(url, secret=SECRET) as tracking:
        assert fill(tracking, SHAPES) > 40_000
        yield tracking
    servers["postgresql"].drop(url)


def test_no_list_reads_or_sorts_a_whole_table(year: Tracking) -> None:
    found = {
        name: wrong
        for name, call in lists(year).items()
        for plan in plans(year, call)
        if (wrong := [text for node in plan.nodes if (text := fault(node))])
    }
    assert found == {}


def fault(node: dict[str, Any]) -> str | None:
    """What is wrong with a step of a plan."""
    rows = node["Actual Rows"] * node["Actual Loops"]
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in SMALL:
        return f"reads all of {node['Relation Name']}"
    if "Sort" in node["Node Type"] and rows > MOST:
        return f"sorts {rows} rows by {node['Sort Key']}"
    dropped = node.get("Rows Removed by Filter", 0)
    return f"looks at {dropped} rows in vain" if dropped > MOST else None


def test_the_lists_are_those_that_there_are(year: Tracking) -> None:
    empty = [name for name, call in lists(year).items() if not call()]
    assert empty == ["workflows that failed", "schedules that are due"]
