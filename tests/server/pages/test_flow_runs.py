"""The list of a workflow's runs: what is looked for, in which order, and what is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from aqueduct_core.server.pages._lists import Chosen, Days
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking
from tests.server.pages.html import Page

WHEN = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def listed(page: Page) -> list[str]:
    """The keys of the runs of a list, in its order."""
    found = [re.fullmatch(r"/flows/[^/]+/runs/([^/?]+)", link) for link in page.links]
    return [match[1] for match in found if match]


def test_runs_are_listed_with_what_they_were_given(site: Site, look: Look) -> None:
    page = look(f"/flows/{site.flow.id}/runs")
    assert "2 runs" in page.words
    assert "limit = -1" in page.words
    assert f"/flows/{site.flow.id}/metrics/rows" in page.links, "a column for each metric"
    assert "hand – 3" in page.words
    assert listed(page) == [site.flow.latest().id, site.run.id]


def test_runs_are_looked_for(site: Site, look: Look) -> None:
    runs = f"/flows/{site.flow.id}/runs"
    page = look(f"{runs}?q=limit+%3D+-1")
    assert "1 of 2 runs" in page.words
    assert listed(page) == [site.flow.latest().id]
    assert listed(look(f"{runs}?state=succeeded")) == [site.run.id]
    assert listed(look(f"{runs}?since=2020-01-01&until=9999-12-31&zone=Asia/Tokyo")) != []
    nothing = look(f"{runs}?q=nothing&until=2020-01-01&order=seconds")
    assert "No such run" in nothing.words
    assert f"{runs}?order=seconds" in nothing.links, "the order stays"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("since=yesterday", "'yesterday' is no day"),
        ("until=2026-02-30", "'2026-02-30' is no day"),
        ("since=2026-01-01&zone=../passwd", "no time zone"),
        ("since=2026-01-01&zone=Atlantis", "no time zone"),
        ("order=state", "can't be ordered by 'state'"),
        ("cursor=e30", "no cursor"),
    ],
)
def test_what_nobody_can_look_for_is_said(site: Site, look: Look, query: str, why: str) -> None:
    assert why in look(f"/flows/{site.flow.id}/runs?{query}", status=422).words


def test_heads_of_columns_turn_the_order_around(site: Site, look: Look) -> None:
    runs = f"/flows/{site.flow.id}/runs"
    usual = look(runs)
    assert {f"{runs}?order={order}" for order in ("-started", "seconds", "metrics.rows")} <= {
        *usual.links
    }
    turned = look(f"{runs}?order=-started&q=limit")
    assert f"{runs}?q=limit" in turned.links
    assert listed(look(f"{runs}?order=-started")) == listed(usual)[::-1]
    assert listed(look(f"{runs}?order=metrics.rows")) == [site.run.id, site.flow.latest().id]


def test_ticked_runs_are_compared_the_older_one_first(site: Site, look: Look) -> None:
    runs, last = f"/flows/{site.flow.id}/runs", site.flow.latest().id
    page = look(f"{runs}?tick={last}&tick=elsewhere&q=limit")
    assert f"{runs}?q=limit&tick={last}" in page.links, "unticks the other one"
    assert page.forms[-1] == ("get", f"/flows/{site.flow.id}/compare", ["run", "run"])
    many = "&".join(f"tick=r{number}" for number in range(30))
    assert look(f"{runs}?{many}").forms[-1][2] == ["run"] * 22, "twenty, and the boxes of two runs"
    person = site.signed_in("viewer")
    compared = f"/flows/{site.flow.id}/compare?run="
    for pair in ((site.run.id, last), (last, site.run.id)):
        answer = person.get(compared + "&run=".join(pair))
        assert answer.headers["location"] == f"{runs}/{last}/compare?with={site.run.id}"
    assert "succeeded" in look(compared + f"{last}&run={site.run.id}").words
    assert person.get(compared + last).headers["location"] == f"{runs}/{last}/compare"
    assert person.get(f"{compared}{last}&run=elsewhere").status_code == 404
    refused = person.get(compared.partition("?")[0])
    assert (refused.status_code, "tick two of them" in refused.text) == (422, True)


def test_every_page_of_a_long_list_is_reached_in_every_order(
    new_site: Callable[..., Site],
) -> None:
    site = new_site()
    flow, version = site.flow.id, site.tracking.flow(site.flow.id).digest
    for number in range(119):
        started = WHEN + timedelta(hours=number)
        site.tracking.start_run(f"r{number:03}", flow, version, started=started)
        ended = started + timedelta(seconds=number * 37 % 119)
        site.tracking.finish_run(f"r{number:03}", "succeeded", flow=flow, ended=ended)
    look = looking(site)
    for order in ("started", "-started", "seconds", "-seconds", "metrics.rows"):
        seen: list[str] = []
        path: str | None = f"/flows/{flow}/runs?order={order}"
        while path is not None:
            page = look(path)
            assert "120 runs" in page.words
            seen += listed(page)
            path = next((link for link in page.links if "cursor=" in link), None)
        assert len(seen) == len({*seen}) == 120, order
    longest = listed(look(f"/flows/{flow}/runs?order=seconds&q=r"))
    assert longest[0] == f"r{next(n for n in range(119) if n * 37 % 119 == 118):03}"
    # The first of them started at half past eleven in the evening, which in Paris is another day.
    for zone, count in (("UTC", 1), ("Europe/Paris", 0)):
        page = look(f"/flows/{flow}/runs?until=2026-03-01&zone={quote(zone)}")
        assert len(listed(page)) == count, zone


def test_days_are_whole_in_the_zone_of_the_reader() -> None:
    days = Days("2026-03-29", "2026-03-29", "Europe/Paris")
    assert days.since is not None
    assert days.until is not None
    length = days.until.astimezone(UTC) - days.since.astimezone(UTC)
    assert length == timedelta(hours=23), "the clock is put forward"
    assert (Days("", "", "Atlantis").since, Days("", "", "").until) == (None, None)
    assert str(Days("0002-01-01", "", "").since) == "1970-01-01 00:00:00+00:00", "half a year"


def test_addresses_say_what_was_chosen_and_no_more() -> None:
    filters = {"q": "a&b", "state": "", "since": "", "until": "", "zone": "Asia/Tokyo"}
    chosen = Chosen("/here", filters, "started", "started", ("x", "y"))
    assert chosen.href() == "/here?q=a%26b&tick=x&tick=y"
    assert chosen.unticked("x") == "/here?q=a%26b&tick=y"
    assert chosen.unticked("x", "abc") == "/here?q=a%26b&tick=y&cursor=abc"
    assert chosen.unfiltered() == "/here?tick=x&tick=y"
    assert chosen.head("started") == {
        "key": "started",
        "sort": "descending",
        "href": "/here?q=a%26b&order=-started&tick=x&tick=y",
    }
    assert chosen.head("seconds")["sort"] is None
