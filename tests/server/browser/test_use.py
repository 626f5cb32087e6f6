"""What people do in pages: with the keyboard, in forms, while something runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import Dialog, Page, expect

import aqueduct_core as aq
from tests.processes import PATIENCE
from tests.server.browser.conftest import PICTURES, Site
from tests.server.browser.windows import Window
from tests.server.browser.workspace import gated, sharded


def run_path(site: Site, which: str = "churn") -> str:
    """The path of the first run of a workflow, which no test changes."""
    flow = getattr(site.team, which)
    return f"/flows/{flow.id}/runs/{quote(flow.runs()[-1].id, safe='')}"


@pytest.fixture
def page(open_window: Callable[..., Window]) -> Page:
    """A window of an admin."""
    return open_window().page


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Opened at last, so that no run waits for it for ever."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def test_a_run_is_seen_going_on_without_loading_the_page_again(
    site: Site, page: Page, gate: Path
) -> None:
    flow = gated(site.client, gate)
    page.goto(f"/flows/{flow.id}")
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url("**/runs/*")
    page.evaluate("() => { window.isTheSame = true; }")
    expect(page.locator(".node.is-running", has_text="wait")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.locator(".head ~ .facts")).to_contain_text("Running for")
    gate.touch()
    expect(page.locator(".node.is-succeeded")).to_have_count(2)
    expect(page.locator(".head .pill")).to_contain_text("succeeded")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.locator(".head ~ .facts")).to_contain_text("Took")
    assert page.evaluate("() => window.isTheSame")


def test_a_log_grows_while_it_is_looked_at(site: Site, page: Page, gate: Path) -> None:
    flow = gated(site.client, gate)
    run = flow.trigger(wait=False, quiet=True)
    page.goto(f"/flows/{flow.id}/runs/{run.id}/operators/wait")
    expect(page.locator(".log")).to_contain_text("the gate is shut")
    gate.touch()
    expect(page.locator(".log")).to_contain_text("the gate is open")
    expect(page.locator("[data-live=state]")).to_contain_text("succeeded")
    run.wait(PATIENCE)


def test_the_graph_is_used_with_the_keyboard(site: Site, page: Page) -> None:
    page.goto(run_path(site, "broken"))
    canvas = page.locator("[data-canvas]")
    canvas.focus()
    scale = page.locator("[data-zoom=scale]")
    before = scale.inner_text()
    page.keyboard.press("+")
    assert scale.inner_text() != before
    place = page.locator("svg.graph").evaluate("node => node.style.transform")
    page.keyboard.press("ArrowLeft")
    assert page.locator("svg.graph").evaluate("node => node.style.transform") != place
    page.keyboard.press("0")
    page.keyboard.press("Tab")
    head = page.locator("a.head:focus")
    expect(head).to_have_count(1)
    name = head.locator("..").get_attribute("data-key").removeprefix("o:")
    page.keyboard.press("Enter")
    side = page.locator("[data-side]")
    expect(side).to_be_visible()
    expect(side.get_by_role("heading", level=2)).to_have_text(name)
    page.keyboard.press("Escape")
    expect(side).to_be_hidden()


def test_the_panel_tells_what_failed_and_leads_to_its_neighbours(site: Site, page: Page) -> None:
    page.goto(run_path(site, "broken"))
    page.locator(".node.is-failed a.head").click()
    side = page.locator("[data-side]")
    expect(side).to_contain_text("KeyError")
    expect(page).to_have_url(re.compile("#op-totals$"))
    side.get_by_role("link", name="orders").click()
    expect(side.get_by_role("heading", level=2)).to_have_text("orders")
    expect(page).to_have_url(re.compile("#op-orders$"))
    page.reload()
    expect(side.get_by_role("heading", level=2)).to_have_text("orders")


def test_a_box_of_many_is_unfolded_in_its_place(
    site: Site, open_window: Callable[..., Window]
) -> None:
    flow = sharded(site.client)
    window = open_window()
    page = window.open(f"/flows/{flow.id}/runs/{quote(flow.latest().id, safe='')}")
    box = page.locator(".node", has_text="12 × shard")
    expect(box).to_contain_text("12 succeeded")
    window.shoot(PICTURES / "run-folded-wide-light.png")
    box.locator("a.head").click()
    expect(page.locator(".node", has_text="shard")).to_have_count(12)
    expect(page.locator(".node", has_text="shard").first).to_be_in_viewport()
    assert window.barriers() == []
    window.shoot(PICTURES / "run-unfolded-wide-light.png")
    page.locator(".node", has_text="shard").first.locator("a.head").click()
    expect(page.locator("[data-side]")).to_contain_text("shard")
    page.get_by_role("link", name="fold again").click()
    expect(page.locator(".node", has_text="12 × shard")).to_be_visible()


@pytest.mark.parametrize(("size", "theme"), [("wide", "dark"), ("narrow", "light")])
def test_what_opens_on_demand_is_fit_to_be_seen(
    site: Site, open_window: Callable[..., Window], size: str, theme: str
) -> None:
    window = open_window(size, theme)
    page = window.open(run_path(site, "broken"))
    page.locator(".node.is-failed a.head").click()
    expect(page.locator("[data-side]")).to_contain_text("KeyError")
    assert window.barriers() == []
    window.shoot(PICTURES / f"run-panel-{size}-{theme}.png")
    window.open(f"/flows/{site.team.churn.id}")
    page.locator("summary", has_text="Run now").click()
    expect(page.get_by_label("min_tenure")).to_be_visible()
    assert window.barriers() == []
    assert window.overflow() <= 0
    window.shoot(PICTURES / f"run-now-{size}-{theme}.png")


def test_the_grid_is_walked_through_with_arrow_keys(site: Site, page: Page) -> None:
    page.goto(f"/flows/{site.team.churn.id}")
    region = page.get_by_role("region", name="Grid of operators and runs")
    region.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("td.chosen")
    expect(chosen).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/operators/*")


def test_parameters_are_typed_into_a_form(site: Site, page: Page) -> None:
    page.goto(f"/flows/{site.team.churn.id}")
    page.locator("summary", has_text="Run now").click()
    field = page.get_by_label("min_tenure")
    field.fill("many")
    page.get_by_role("button", name="Run", exact=True).click()
    assert not field.evaluate("node => node.validity.valid"), "letters are no number"
    field.fill("18")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/*")
    expect(page.locator(".facts").first).to_contain_text("18")
    site.team.churn.latest().wait(PATIENCE)


def test_a_connection_is_tried_without_leaving_the_form(
    site: Site, page: Page, tmp_path: Path
) -> None:
    page.goto("/connect?kind=sqlite")
    page.get_by_label("Name").fill("tried")
    page.get_by_label("Path").fill("/nowhere/at/all.db")
    page.get_by_role("button", name="Test connection").click()
    result = page.locator(".connect-result")
    expect(result.locator(".callout.is-failed")).to_be_visible()
    page.get_by_label("Path").fill(str(tmp_path / "tried.db"))
    page.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("It answers")
    assert page.get_by_label("Name").input_value() == "tried"
    page.get_by_role("button", name="Connect", exact=True).click()
    page.wait_for_url("**/integrations/tried")
    expect(page.locator("[data-reach]")).to_contain_text("it answers")
    answers: list[str] = []

    def agree(dialog: Dialog) -> None:
        answers.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    page.get_by_role("button", name="Forget").click()
    page.wait_for_url("**/integrations")
    assert answers == ["Forget tried? Its data stays where it is."]


def test_a_theme_is_chosen_and_remembered(site: Site, page: Page) -> None:
    page.goto("/flows")
    light = page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    assert dark != light
    page.goto("/data")
    assert page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor") == dark


def test_a_slash_leads_to_the_search(site: Site, page: Page) -> None:
    page.goto("/flows")
    page.keyboard.press("/")
    page.keyboard.type("nightly")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=nightly**")
    expect(page.locator(".flows tbody tr")).to_have_count(1)


def test_a_list_is_sorted_by_a_column(site: Site, page: Page) -> None:
    page.goto(f"{run_path(site)}?view=list")
    page.get_by_role("button", name="Operator").click()
    names = page.locator("table.steps tbody th a").all_inner_texts()
    page.get_by_role("button", name="Operator").click()
    assert page.locator("table.steps tbody th a").all_inner_texts() == names[::-1]


def test_all_rows_of_a_table_are_scrolled_through(site: Site, page: Page) -> None:
    page.goto(f"{run_path(site)}/artifacts/predict")
    box = page.locator("[data-rows-from]")
    expect(page.locator("[data-told]")).to_contain_text("1,295 rows")
    table = site.team.churn.runs()[-1].artifact("predict").get()
    assert "customer_id" in table
    box.evaluate("node => node.scrollTo(0, node.scrollHeight)")
    last = str(table["customer_id"].iloc[-1])
    expect(box.locator("td", has_text=re.compile(f"^{last}$"))).to_be_visible()
    assert box.locator("tbody tr").count() < 120, "only those in sight are in the page"
    box.evaluate("node => node.scrollTo(0, 0)")
    first = str(table["customer_id"].iloc[0])
    expect(box.locator("td", has_text=re.compile(f"^{first}$"))).to_be_visible()


def test_a_table_is_downloaded(site: Site, page: Page) -> None:
    page.goto(f"{run_path(site)}/artifacts/predict")
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    text = started.value.path().read_text()
    assert text.startswith('"","customer_id"')  # its index says which customers are left
    assert text.count("\n") > 1_000


def test_pages_work_without_scripts(site: Site, open_window: Callable[..., Window]) -> None:
    window = open_window(java_script_enabled=False)
    window.page.goto(run_path(site, "broken"))
    link = window.page.locator(".node.is-failed a.head")
    link.click()
    expect(window.page.locator(".raised").first).to_contain_text("KeyError")
    window.page.goto("/integrations/prod_database")
    window.page.get_by_role("link", name="Show them here").click()
    expect(window.page.get_by_role("link", name="customers")).to_be_visible()


def test_a_page_beside_an_object_is_shown_where_it_can_do_nothing(
    site: Site, open_window: Callable[..., Window]
) -> None:
    from great_tables import GT, html

    wicked = (
        "<script>document.title = parent.document.title = 'owned'</script>"
        "<meta http-equiv='refresh' content='0;url=/flows'>"
        "<img src='/static/icons.svg' onerror='document.title = 1'><a href='/flows'>away</a>"
    )

    @aq.op
    def report() -> Any:
        return GT(pd.DataFrame({"name": ["Ada"]})).tab_header(html(wicked))

    flow = site.client.publish_flow("Wicked", [report()], quiet=True)
    window = open_window()
    path = f"/flows/{flow.id}/runs/{quote(flow.latest().id, safe='')}"
    page = window.open(f"{path}/artifacts/report")
    frame = page.frame_locator("iframe.look")
    expect(frame.locator(".gt_row")).to_have_text("Ada")
    expect(page).not_to_have_title("owned")
    assert page.frames[1].title() == "report"
    assert page.frames[1].url.endswith(f"{path}/looks/report")
    page.goto(f"{path}/looks/report")  # by itself
    expect(page.locator(".gt_row")).to_have_text("Ada")
    assert page.title() == "report"
    assert page.evaluate("() => origin") == "null"
    window.close()  # all that went wrong in it has been told by then
    assert any("img-src" in fault or "script" in fault for fault in window.faults)
    window.faults.clear()
    site.client.delete_flow("Wicked")
