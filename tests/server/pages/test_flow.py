"""The pages of a workflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.processes import PATIENCE
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking


def test_the_overview_has_a_row_for_each_operator(site: Site, look: Look) -> None:
    page = look(f"/flows/{site.flow.id}")
    assert "The last 2 runs" in page.words
    assert "flights : ValueError: a negative limit" in page.words, "why the last one failed"
    for name in ("flights", "train", "rows", "few"):
        assert f"/flows/{site.flow.id}/runs/{site.flow.latest().id}/operators/{name}" in page.links


def test_metrics_are_plotted(site: Site, look: Look) -> None:
    page = look(f"/flows/{site.flow.id}/metrics")
    assert f"/flows/{site.flow.id}/metrics/rows" in page.links
    assert f"/flows/{site.flow.id}/runs/{site.run.id}" in page.links


def test_settings_say_when_it_runs(site: Site, look: Look) -> None:
    page = look(f"/flows/{site.flow.id}/settings")
    assert "By hand only" in page.words
    assert "Delete this workflow" in page.words


def test_viewers_find_no_buttons(site: Site) -> None:
    look = looking(site, "viewer")
    for path in ("", "/runs", "/settings"):
        page = look(f"/flows/{site.flow.id}{path}")
        assert [form for form in page.forms if form[0] == "post"] == [
            ("post", "/sign-out", ["csrf"])
        ]


def test_a_workflow_that_is_not_there_is_a_page_that_helps(look: Look) -> None:
    page = look("/flows/6ba6be83-f373-5b30-90b2-44e47dbe30f9", status=404)
    assert "Not Found" in page.words
    assert "/flows" in page.links


def test_a_run_is_started_by_the_form(new_site: Callable[..., Site]) -> None:
    site = new_site()
    look, person = looking(site), site.signed_in("editor")
    flow = f"/flows/{site.flow.id}"
    page = look(flow)
    assert ("post", f"{flow}/trigger", ["csrf", "p.limit"]) in page.forms
    csrf = _csrf(person.get(flow).text)
    answer = person.post(f"{flow}/trigger", data={"csrf": csrf, "p.limit": "7"})
    assert answer.status_code == 303, answer.text
    run = site.flow.run(answer.headers["location"].rpartition("/")[2])
    assert run.wait(PATIENCE).status == "warning"
    assert run.parameters() == {"limit": 7}
    words = look(answer.headers["location"]).words
    assert "limit 7" in words
    assert "few" in words


@pytest.mark.parametrize("text", ["seven", "[1", "'7'"])
def test_what_is_no_value_of_a_parameter_starts_nothing(site: Site, text: str) -> None:
    person = site.signed_in("editor")
    flow = f"/flows/{site.flow.id}"
    csrf = _csrf(person.get(flow).text)
    answer = person.post(f"{flow}/trigger", data={"csrf": csrf, "p.limit": text})
    assert answer.status_code == 422
    assert "a number: 12, 0.5" in answer.text


def test_a_form_without_its_token_starts_nothing(site: Site) -> None:
    person = site.signed_in("editor")
    before = len(site.flow.runs())
    assert person.post(f"/flows/{site.flow.id}/trigger", data={}).status_code == 403
    assert len(site.flow.runs()) == before


def test_viewers_change_nothing(site: Site) -> None:
    person = site.signed_in("viewer")
    csrf = _csrf(person.get("/flows").text)
    for action in ("trigger", "pause", "resume", "delete"):
        answer = person.post(f"/flows/{site.flow.id}/{action}", data={"csrf": csrf})
        assert answer.status_code == 403, action


def test_it_is_paused_and_resumed(new_site: Callable[..., Site]) -> None:
    site = new_site()
    person = site.signed_in("editor")
    flow = f"/flows/{site.flow.id}"
    csrf = _csrf(person.get(flow).text)
    assert person.post(f"{flow}/pause", data={"csrf": csrf}).status_code == 303
    assert "paused" in looking(site)(flow).words
    assert person.post(f"{flow}/resume", data={"csrf": csrf}).status_code == 303
    assert not site.flow.paused


def test_whoever_may_publish_deletes_it(new_site: Callable[..., Site]) -> None:
    site = new_site()
    flow = f"/flows/{site.flow.id}"
    for role, status in (("viewer", 403), ("editor", 303)):
        person = site.signed_in(role)
        csrf = _csrf(person.get(flow).text)
        assert person.post(f"{flow}/delete", data={"csrf": csrf}).status_code == status
    assert site.client.flows() == []


def _csrf(text: str) -> str:
    return text.partition('name="csrf" value="')[2].partition('"')[0]
