"""Workflows and their versions, on each database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aqueduct_core.errors import NotFoundError, ParameterError
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_version, op

WHEN = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


def test_publishing_twice_makes_one_version(tracking: Tracking) -> None:
    version = a_version()
    assert tracking.publish(version)
    assert not tracking.publish(version)
    assert [item.number for item in tracking.versions(version.flow)] == [1]


def test_what_was_published_is_read(tracking: Tracking) -> None:
    version = a_version(description="Who léaves? 🦆", engine="cluster", after="Clean")
    tracking.publish(version, notify={"email": ["a@b.example"]}, keep_runs=30)
    flow = tracking.flow(version.flow)
    assert flow == tracking.flow_named("Churn")
    assert (flow.name, flow.description, flow.engine) == ("Churn", "Who léaves? 🦆", "cluster")
    assert (flow.after, flow.keep_runs, flow.paused) == ("Clean", 30, False)
    assert flow.notify == {"email": ["a@b.example"]}
    assert flow.digest == version.digest
    assert flow.created == flow.published
    assert flow.created.tzinfo is UTC
    assert tracking.version(version.flow, version.digest).version == version
    assert [item.name for item in tracking.followers("Clean")] == ["Churn"]


def test_a_changed_workflow_gets_a_further_version(tracking: Tracking) -> None:
    first = a_version()
    second = a_version(operators=[op("load"), op("train"), op("score", "metric")])
    assert tracking.publish(first)
    assert tracking.publish(second)
    listed = tracking.versions(first.flow)
    assert [(item.number, item.digest, item.operators) for item in listed] == [
        (2, second.digest, 3),
        (1, first.digest, 2),
    ]
    assert tracking.flow(first.flow).digest == second.digest
    assert not tracking.publish(first), "the first one again is no new version"
    assert tracking.flow(first.flow).digest == first.digest


def test_tags_are_no_part_of_a_version(tracking: Tracking) -> None:
    version = a_version()
    assert tracking.publish(version, tags=["sales", " daily ", "sales"])
    assert tracking.flow(version.flow).tags == ("sales", "daily")
    assert not tracking.publish(version, tags=["Köln 🦆"])
    assert tracking.flow(version.flow).tags == ("Köln 🦆",)
    assert not tracking.publish(version)
    assert tracking.flow(version.flow).tags == ()
    assert len(tracking.versions(version.flow)) == 1
    tracking.tag(version.flow, ["later"])
    assert tracking.flow(version.flow).tags == ("later",)


def test_workflows_are_found_by_whole_tags(tracking: Tracking) -> None:
    for name, tags in (("a", ["sales", "EU"]), ("b", ["sale"]), ("c", ["eu", "sales"]), ("d", [])):
        tracking.publish(a_version(name), tags=tags)

    def found(*tags: str) -> list[str]:
        return [flow.name for flow in tracking.flows(tags=tags)]

    assert found() == ["a", "b", "c", "d"]
    assert found("sales") == ["a", "c"]
    assert found("sale") == ["b"]
    assert found("sales", "EU") == ["a"]
    assert found("%") == found("le") == found("_ale") == []
    assert tracking.tags() == ["EU", "eu", "sale", "sales"]


@pytest.mark.parametrize(
    "tags", ["sales", 5, [""], [" "], ["a,b"], ["a\nb"], ["x" * 101], [1], [*map(str, range(51))]]
)
def test_what_can_be_no_tag_is_refused(tracking: Tracking, tags: Any) -> None:
    with pytest.raises(ParameterError, match="tag"):
        tracking.publish(a_version(), tags=tags)
    assert tracking.flows().items == ()


def test_unknown_workflows_and_versions_are_said_to_be(tracking: Tracking) -> None:
    version = a_version()
    assert tracking.flow_named("Churn") is None
    with pytest.raises(NotFoundError):
        tracking.flow(version.flow)
    tracking.publish(version)
    with pytest.raises(NotFoundError, match="blake3:00"):
        tracking.version(version.flow, "blake3:00")


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b"])
def test_names_that_no_database_takes_are_refused(tracking: Tracking, name: str) -> None:
    with pytest.raises(ParameterError, match="can't be the name"):
        tracking.publish(a_version(operators=[op(name)]))
    assert tracking.flows().items == ()


def test_names_differ_by_case_and_accents(tracking: Tracking) -> None:
    names = ["Churn", "churn", "Chürn", "CHURN "]
    for name in names:
        tracking.publish(a_version(name))
    assert len(tracking.flows()) == len(names)
    assert [getattr(tracking.flow_named(name), "name", None) for name in names] == names


def test_the_longest_names_fit(tracking: Tracking) -> None:
    name = "🦆" * 255
    version = a_version(name, [op(name, outputs=(name, "x"))])
    tracking.publish(version)
    assert tracking.version(version.flow, version.digest).spec == version.spec


def test_workflows_are_listed_in_pages(tracking: Tracking) -> None:
    names = [f"flow {number:02}" for number in range(7)]
    for name in reversed(names):
        tracking.publish(a_version(name))
    seen, cursor = [], None
    while True:
        page = tracking.flows(cursor=cursor, limit=3)
        seen += [flow.name for flow in page]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == names


def test_workflows_are_listed_by_their_last_run(tracking: Tracking) -> None:
    versions = [a_version(name) for name in "abc"]
    for version in versions:
        tracking.publish(version)
    for day, number in enumerate((1, 0), 1):
        version = versions[number]
        tracking.start_run("r", version.flow, version.digest, started=WHEN.replace(day=day))
    page = tracking.flows(order="last_run", limit=1)
    assert [flow.name for flow in page] == ["a"]
    rest = tracking.flows(order="last_run", limit=5, cursor=page.cursor)
    assert [flow.name for flow in rest] == ["b"]
    page = tracking.flows(order="-last_run", limit=1)
    rest = tracking.flows(order="-last_run", cursor=page.cursor)
    assert [flow.name for flow in (*page, *rest)] == ["b", "a"]
    page = tracking.flows(order="-name", limit=2)
    rest = tracking.flows(order="-name", cursor=page.cursor)
    assert [flow.name for flow in (*page, *rest)] == ["c", "b", "a"]


def test_workflows_are_found_by_when_they_ran_last(tracking: Tracking) -> None:
    for day, name in enumerate("abc", 1):
        version = a_version(name)
        tracking.publish(version)
        tracking.start_run("r", version.flow, version.digest, started=WHEN.replace(day=day))
    tracking.publish(a_version("not run"))
    second = WHEN.replace(day=2)
    assert [flow.name for flow in tracking.flows(since=second)] == ["b", "c"]
    assert [flow.name for flow in tracking.flows(until=second)] == ["a"]
    assert [flow.name for flow in tracking.flows(since=second, order="last_run")] == ["c", "b"]


def test_workflows_are_found_by_text_state_and_engine(tracking: Tracking) -> None:
    tracking.publish(a_version("Churn 100%", description="Who leaves"))
    tracking.publish(a_version("Churn 1000", engine="cluster"))
    failed = a_version("Prices")
    tracking.publish(failed)
    tracking.start_run("r", failed.flow, failed.digest)
    tracking.finish_run("r", "failed")

    def found(**wanted: str) -> list[str]:
        return [flow.name for flow in tracking.flows(**wanted)]

    assert found(search="CHURN") == ["Churn 100%", "Churn 1000"]
    assert found(search="100%") == ["Churn 100%"]
    assert found(search="leaves") == ["Churn 100%"]
    assert found(state="failed") == ["Prices"]
    assert found(engine="cluster") == ["Churn 1000"]


def test_a_cursor_of_another_list_is_refused(tracking: Tracking) -> None:
    for name in "ab":
        version = a_version(name)
        tracking.publish(version)
        tracking.start_run("r" + name, version.flow, version.digest)
    cursor = tracking.flows(limit=1).cursor
    for wrong in (cursor, "no cursor", "e30"):
        with pytest.raises(ParameterError, match="no cursor"):
            tracking.runs(cursor=wrong)


def test_pausing_is_remembered(tracking: Tracking) -> None:
    version = a_version()
    tracking.publish(version)
    tracking.pause(version.flow)
    tracking.pause(version.flow)
    assert tracking.flow(version.flow).paused
    tracking.publish(version)
    assert tracking.flow(version.flow).paused, "publishing starts nothing that was paused"
    tracking.resume(version.flow)
    assert not tracking.flow(version.flow).paused
    states = [event.state for event in tracking.events() if event.kind == "flow"]
    assert states == ["published", "paused", "resumed"]


def test_deleting_leaves_nothing_but_an_event(tracking: Tracking) -> None:
    from sqlalchemy import func, select

    from aqueduct_core.tracking._tables import counters, events, metadata
    from tests.tracking.toys import a_result

    operators = [op("load"), op("score", "metric"), op("good", "check", severity="error")]
    version = a_version(operators=operators, schedule={"kind": "daily", "hour": 8})
    other = a_version("Other")
    for item in (version, other):
        tracking.publish(item)
    tracking.claim(version.flow, WHEN, "me", next_at=WHEN.replace(day=2))
    tracking.start_run("r", version.flow, version.digest)
    for attempt in (1, 2):
        values = {"load": None, "score": 0.5, "good": None}
        tracking.record(
            version,
            [
                a_result(version, name, "r", attempt=attempt, value=value)
                for name, value in values.items()
            ],
        )
    assert tracking.delete_flow(version.flow) == sorted(version.ids.values())
    with tracking._database.read() as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar()
            for table in metadata.sorted_tables
            if table not in (events, counters)
        }
    assert {name: count for name, count in counts.items() if count} == {"flows": 1, "versions": 1}
    assert tracking.events()[-1].state == "deleted"
    with pytest.raises(NotFoundError):
        tracking.delete_flow(version.flow)
