"""The list of workflows."""

from __future__ import annotations

from collections.abc import Callable

import aqueduct_core as aq
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking


def test_nobody_sees_a_page_without_signing_in(site: Site) -> None:
    answer = site.as_("nobody", accept="text/html").get("/flows")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fflows"


def test_the_address_of_the_server_leads_to_the_list(look: Look) -> None:
    assert "Flights" in look("/").words


def test_the_list_says_how_workflows_went(site: Site, look: Look) -> None:
    page = look("/flows")
    assert "Flights failed" in page.words
    assert "rows 3" in page.words, "the metric of the last run that had one"
    assert "not reached" in page.words, "its checks were skipped in the last run"
    assert f"/flows/{site.flow.id}" in page.links


def test_an_empty_workspace_says_how_to_publish(empty_site: Site) -> None:
    page = looking(empty_site)("/flows")
    assert "Publish your first workflow" in page.words
    assert 'publish_flow("First steps"' in page.words
    assert page.forms == [("post", "/sign-out", ["csrf"])], "there is nothing to search"


def test_a_search_that_finds_nothing_says_so(look: Look) -> None:
    assert "No workflow matches" in look("/flows?q=nothing+like+it").words
    assert "Flights" in look("/flows?q=flig").words


def test_workflows_are_filtered_by_the_state_of_their_last_run(look: Look) -> None:
    assert "No workflow matches" in look("/flows?state=succeeded").words
    assert "Flights" in look("/flows?state=failed").words


def test_a_long_list_has_pages(new_site: Callable[..., Site]) -> None:
    site = new_site()

    @aq.op
    def one() -> int:
        return 1

    for number in range(17):
        site.client.publish_flow(f"Many {number:02}", [one()], run_now=False, quiet=True)
    look = looking(site)
    first = look("/flows")
    assert "Many 13 not run yet" in first.words
    assert "Many 16" not in first.words
    following = next(link for link in first.links if "cursor=" in link)
    assert "Many 16" in look(following).words


def test_workflows_are_found_by_their_tags(new_site: Callable[..., Site]) -> None:
    site = new_site()
    look = looking(site)
    assert "Any tag" not in look("/flows").words
    site.tracking.tag(site.flow.id, ["air & sea", "daily"])
    page = look("/flows")
    assert "air & sea daily" in page.words
    assert "/flows?tag=air%20%26%20sea" in page.links
    assert "Flights" in look("/flows?tag=air%20%26%20sea").words
    assert "No workflow matches" in look("/flows?tag=air").words
    assert "/flows?tag=daily" in look(f"/flows/{site.flow.id}").links


def test_workflows_are_found_by_the_day_of_their_last_run(look: Look) -> None:
    assert "Flights" in look("/flows?since=2026-01-01").words
    page = look("/flows?until=2020-01-01&zone=Asia/Tokyo&order=last_run")
    assert "No workflow matches" in page.words
    assert "/flows?order=last_run" in page.links
    assert "is no day" in look("/flows?since=today", status=422).words


def test_workflows_are_sorted_both_ways(new_site: Callable[..., Site]) -> None:
    site = new_site()

    @aq.op
    def one() -> int:
        return 1

    for name in ("Aardvarks", "Zebras"):
        site.client.publish_flow(name, [one()], run_now=False, quiet=True)
    look = looking(site)
    page = look("/flows")
    assert {"/flows?order=-name", "/flows?order=last_run"} <= {*page.links}
    words = look("/flows?order=-name").words
    assert words.index("Zebras") < words.index("Flights") < words.index("Aardvarks")
    assert "Zebras" not in look("/flows?order=last_run").words, "it has not run"
    assert "Flights" in look("/flows?order=whatever").words
