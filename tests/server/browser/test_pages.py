"""Every page, in every window: it fits, shuts nobody out, and nothing goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

import aqueduct_core as aq
from tests.server.browser.conftest import PICTURES, Site
from tests.server.browser.windows import Window
from tests.server.conftest import serving

# The theme in which each size is looked through for what shuts people out.
_LOOKED_THROUGH = {"wide": "light", "narrow": "dark"}


def flow(which: str, more: str = "") -> Callable[[Site], str]:
    return lambda site: f"/flows/{getattr(site.team, which).id}{more}"


def run(which: str, more: str = "", number: int = 0) -> Callable[[Site], str]:
    def path(site: Site) -> str:
        found: aq.client.Flow = getattr(site.team, which)
        return f"/flows/{found.id}/runs/{quote(found.runs()[number].id, safe='')}{more}"

    return path


def at(path: str) -> Callable[[Site], str]:
    return lambda site: path


def artifact(name: str) -> Callable[[Site], str]:
    return run("gallery", f"/artifacts/everything.{name}")


PAGES: dict[str, Callable[[Site], str]] = {
    "workflows": at("/flows"),
    "workflows-filtered": at("/flows?q=nothing+is+called+so"),
    "workflow": flow("churn"),
    "workflow-runs": flow("churn", "/runs"),
    "workflow-graph": flow("churn", "/versions/2"),
    "workflow-versions": flow("churn", "/versions"),
    "workflow-metrics": flow("churn", "/metrics"),
    "workflow-settings": flow("churn", "/settings"),
    "workflow-airflow": flow("remote"),
    "run": run("churn"),
    "run-list": run("churn", "?view=list"),
    "run-timeline": run("churn", "?view=timeline"),
    "run-compared": run("churn", "/compare"),
    "run-failed": run("broken"),
    "run-airflow": run("remote", number=1),
    "operator": run("churn", "/operators/predict"),
    "operator-failed": run("broken", "/operators/totals"),
    "operator-airflow": run("remote", "/operators/report"),
    "log": run("broken", "/logs/orders"),
    "log-searched": run("broken", "/logs/orders?q=page+3"),
    "table": run("churn", "/artifacts/predict"),
    "table-history": run("churn", "/artifacts/predict?view=history"),
    "image": artifact("picture"),
    "matrix": artifact("matrix"),
    "vector": artifact("signal"),
    "json": artifact("settings"),
    "text": artifact("notes"),
    "bytes": artifact("raw"),
    "number": artifact("ratio"),
    "bool": artifact("is_ready"),
    "collection": artifact("frames"),
    "object": artifact("tokenizer"),
    "series": artifact("ages"),
    "report": artifact("report"),
    "metric": flow("churn", "/metrics/average_score"),
    "check": flow("churn", "/checks/all_scored"),
    "data": at("/data"),
    "data-table": at("/data?integration=prod_database&target=predictions"),
    "data-artifacts": at("/data?view=artifacts"),
    "integrations": at("/integrations"),
    "integration": at("/integrations/prod_database?table=customers"),
    "integration-files": at("/integrations/data_lake?path=raw/2026/"),
    "integration-file": at("/integrations/data_lake?path=raw/2026/customers-2026-01.csv"),
    "integration-image": at("/integrations/data_lake?path=raw/2026/heat.png"),
    "integration-airflow": at("/integrations/air"),
    "connect": at("/connect"),
    "connect-postgres": at("/connect?kind=postgres"),
    "connect-email": at("/connect?kind=email"),
    "settings": at("/settings"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fit_to_be_seen(site: Site, windows: dict[str, Window], name: str) -> None:
    path = PAGES[name](site)
    for size, window in windows.items():
        window.faults.clear()
        window.open(path)
        assert window.overflow() <= 0, f"{path} is too wide: {size}"
        for theme in ("light", "dark"):
            window.page.emulate_media(color_scheme=theme)
            window.shoot(PICTURES / f"{name}-{size}-{theme}.png")
            if _LOOKED_THROUGH[size] == theme:
                assert window.barriers() == [], f"{path}: {size}, {theme}"
        assert window.faults == [], f"{path}: {size}"


def test_an_empty_workspace_says_how_to_begin(browser: Browser, tmp_path: Path) -> None:
    with aq.Client(home=tmp_path / "home") as client, serving(client) as served:
        key = client._session.tracking.create_api_key("admin", "admin")[1]
        for size, theme in _LOOKED_THROUGH.items():
            window = Window(browser, served.address, key, size, theme)
            for name in ("flows", "data", "data?view=artifacts", "integrations"):
                window.open(f"/{name}")
                window.shoot(PICTURES / f"empty-{name.replace('?', '-')}-{size}-{theme}.png")
                assert window.overflow() <= 0, name
                assert window.barriers() == [], name
            assert window.faults == []
            window.close()


@pytest.mark.parametrize("name", ["sign-in", "not-there"])
def test_pages_for_those_who_are_lost_are_fit_to_be_seen(
    open_window: Callable[..., Window], name: str
) -> None:
    for size, theme in (("wide", "light"), ("narrow", "dark")):
        window = open_window(size, theme)
        if name == "sign-in":
            window.page.context.clear_cookies()
        window.open("/flows" if name == "sign-in" else "/flows/nothing")
        window.shoot(PICTURES / f"{name}-{size}-{theme}.png")
        assert window.overflow() <= 0
        assert window.barriers() == []
        window.close()  # all that went wrong in it has been told by then
        # That the browser says so is right; who has left may still have asked for news.
        answer = "404" if name == "not-there" else "401"
        assert all(answer in fault for fault in window.faults)
        window.faults.clear()
