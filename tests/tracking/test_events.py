"""The feed of events, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_result, a_version


def test_events_tell_what_happened_in_order(tracking: Tracking) -> None:
    assert tracking.last_event() == 0
    assert tracking.events() == []
    version = a_version()
    tracking.publish(version)
    tracking.start_run("r", version.flow, version.digest)
    tracking.record(version, [a_result(version, name, "r") for name in ("load", "train")])
    tracking.finish_run("r", "succeeded")
    told = [(item.kind, item.run, item.operator, item.state) for item in tracking.events()]
    assert told == [
        ("flow", None, None, "published"),
        ("run", "r", None, "running"),
        ("result", "r", "load", "succeeded"),
        ("result", "r", "train", "succeeded"),
        ("run", "r", None, "succeeded"),
    ]
    assert [item.id for item in tracking.events()] == [1, 2, 3, 4, 5]
    assert {item.flow for item in tracking.events()} == {version.flow}
    assert tracking.last_event() == 5


def test_readers_go_on_where_they_were(tracking: Tracking) -> None:
    for name in "abcde":
        tracking.publish(a_version(name))
    first = tracking.events(limit=2)
    rest = tracking.events(first[-1].id)
    assert [item.id for item in (*first, *rest)] == [1, 2, 3, 4, 5]
    assert tracking.events(5) == []


def test_old_events_can_be_forgotten(tracking: Tracking) -> None:
    tracking.publish(a_version("a"))
    moment = datetime.now(UTC)
    assert tracking.prune_events(moment - timedelta(days=1)) == 0
    assert tracking.prune_events(moment + timedelta(days=1)) == 1
    tracking.publish(a_version("b"))
    assert [item.id for item in tracking.events()] == [2], "ids are never used again"
