"""Lists that are filtered, sorted and ticked: without the page being loaded again, and with the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

import aqueduct_core as aq
from tests.server.browser.conftest import PICTURES, Site
from tests.server.browser.windows import Window

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def flow(site: Site) -> Iterator[aq.client.Flow]:
    """A workflow with 60 runs, of which every tenth failed."""

    @aq.op
    def nothing(limit: int) -> int:
        return limit

    made = site.client.publish_flow(
        "Many runs", [nothing(site.client.create_param("limit", 1))], run_now=False, quiet=True
    )
    tracking = site.client._session.tracking
    version = tracking.flow(made.id).digest
    for number in range(60):
        key, started = f"run-{number:02}", WHEN + timedelta(days=number)
        given = {"limit": {"value": number}}
        tracking.start_run(key, made.id, version, started=started, parameters=given)
        state = "succeeded" if number % 10 else "failed"
        ended = started + timedelta(seconds=1 + number * 7 % 60)
        tracking.finish_run(key, state, flow=made.id, ended=ended)
    yield made
    site.client.delete_flow("Many runs")


@pytest.fixture
def page(open_window: Callable[..., Window], flow: aq.client.Flow) -> Page:
    """The list of runs, in a window that knows whether it was loaded again."""
    page = open_window(timezone_id="Asia/Tokyo").open(f"/flows/{flow.id}/runs")
    page.evaluate("() => { window.isTheSame = true; }")
    return page


def chosen(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def first_run(page: Page) -> Any:
    return page.locator(".runs tbody th a").first


def test_runs_are_looked_for_while_one_types(page: Page) -> None:
    count = page.locator(".list-bar")
    expect(count).to_contain_text("60 runs")
    page.keyboard.press("/")
    page.keyboard.type("limit=41")
    expect(count).to_contain_text("1 of 60 runs")
    expect(first_run(page)).to_have_text("run-41")
    expect(page.locator("input[type=search]")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("1 of 60 runs")
    assert chosen(page) == {"q": ["limit=41"]}
    page.get_by_role("link", name="Show all").click()
    expect(count).to_contain_text("60 runs")
    expect(page.locator("input[type=search]")).to_have_value("")
    page.get_by_label("State").select_option("failed")
    expect(count).to_contain_text("6 of 60 runs")
    page.go_back()
    expect(count).not_to_contain_text("of")
    expect(page.get_by_label("State")).to_have_value("")
    page.get_by_label("Started from").fill("2026-04-28")
    expect(count).to_contain_text("2 of 60 runs")
    assert chosen(page) == {"since": ["2026-04-28"], "zone": ["Asia/Tokyo"]}
    assert page.evaluate("() => window.isTheSame")
    page.reload()
    expect(count).to_contain_text("2 of 60 runs")
    expect(page.get_by_label("Started from")).to_have_value("2026-04-28")


def test_runs_are_sorted_by_the_server_with_the_keyboard(page: Page) -> None:
    expect(first_run(page)).to_have_text("run-59")
    head = page.locator("#sort-seconds")
    head.focus()
    page.keyboard.press("Enter")
    longest = max(range(60), key=lambda number: number * 7 % 60)
    expect(first_run(page)).to_have_text(f"run-{longest:02}")
    expect(head).to_be_focused()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Took")
    page.keyboard.press("Enter")
    expect(first_run(page)).to_have_text("run-00")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Took")
    assert chosen(page) == {"order": ["-seconds"]}
    assert page.evaluate("() => window.isTheSame")
    page.get_by_role("link", name="Next page").click()
    expect(first_run(page)).to_have_text(f"run-{_sorted()[50]:02}")
    assert chosen(page)["order"] == ["-seconds"]


def _sorted() -> list[int]:
    return sorted(range(60), key=lambda number: (number * 7 % 60, number))


def test_two_runs_are_ticked_and_compared(site: Site, page: Page) -> None:
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    box = page.get_by_role("checkbox", name="Compare run run-58")
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator(".list-bar a.tag")).to_have_count(1)
    expect(box).to_be_checked()
    expect(box).to_be_focused()
    expect(page.locator(".list-bar")).to_contain_text("Tick another one")
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("checkbox", name="Compare run run-03").check()
    expect(page.locator(".list-bar a.tag")).to_have_count(2)
    page.get_by_role("checkbox", name="Compare run run-02").check()
    expect(page.locator(".list-bar")).to_contain_text("Untick some")
    expect(compare).to_be_disabled()
    page.locator(".list-bar a.tag", has_text="run-02").click()
    expect(compare).to_be_enabled()
    expect(page.get_by_role("checkbox", name="Compare run run-02")).not_to_be_checked()
    assert chosen(page)["tick"] == ["run-58", "run-03"]
    compare.click()
    page.wait_for_url("**/runs/run-58/compare?with=run-03")
    expect(page.locator(".sides .panel")).to_have_count(2)
    page.go_back()
    expect(page.locator(".list-bar a.tag")).to_have_count(2)


def test_what_is_chosen_stays_while_the_list_is_brought_up_to_date(
    site: Site, page: Page, flow: aq.client.Flow
) -> None:
    page.get_by_label("State").select_option("failed")
    expect(page.locator(".list-bar")).to_contain_text("6 of 60 runs")
    page.get_by_role("checkbox", name="Compare run run-40").check()
    expect(page.locator(".list-bar a.tag")).to_have_count(1)
    tracking = site.client._session.tracking
    version = tracking.flow(flow.id).digest
    tracking.start_run("news", flow.id, version, started=WHEN + timedelta(days=90))
    tracking.finish_run("news", "failed", flow=flow.id)
    expect(first_run(page)).to_have_text("news")
    expect(page.locator(".list-bar")).to_contain_text("7 of 61 runs")
    expect(page.get_by_role("checkbox", name="Compare run run-40")).to_be_checked()
    tracking.delete_runs(flow.id, ["news"])


def test_workflows_are_sorted_and_filtered_in_their_page(page: Page) -> None:
    page.goto("/flows")
    page.evaluate("() => { window.isTheSame = true; }")
    names = page.locator(".flows .name")
    before = names.all_inner_texts()
    page.get_by_role("link", name="Workflow", exact=True).click()
    expect(names).to_have_text(before[::-1])
    page.get_by_label("Tag", exact=True).select_option("sales")
    expect(names).to_have_text(["Nightly sales"])
    assert chosen(page) == {"tag": ["sales"], "order": ["-name"]}
    page.keyboard.press("/")
    page.keyboard.type("nothing is called so")
    page.get_by_role("link", name="show all workflows").click()
    expect(names).to_have_count(len(before))
    assert page.evaluate("() => window.isTheSame")


@pytest.mark.parametrize(("size", "theme"), [("wide", "dark"), ("narrow", "light")])
def test_ticked_runs_are_fit_to_be_seen(
    open_window: Callable[..., Window], flow: aq.client.Flow, size: str, theme: str
) -> None:
    window = open_window(size, theme)
    window.open(f"/flows/{flow.id}/runs?state=failed&order=seconds&tick=run-40&tick=run-03")
    assert window.overflow() <= 0
    assert window.barriers() == []
    window.shoot(PICTURES / f"workflow-runs-ticked-{size}-{theme}.png")


def test_lists_work_without_scripts(
    open_window: Callable[..., Window], flow: aq.client.Flow
) -> None:
    page = open_window(java_script_enabled=False).page
    page.goto(f"/flows/{flow.id}/runs")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".list-bar")).to_contain_text("6 of 60 runs")
    page.locator("#sort-seconds").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Took")
    for key in ("run-10", "run-50"):
        page.get_by_role("checkbox", name=f"Compare run {key}").check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/runs/run-50/compare?with=run-10")
