"""A real browser before a server with a team's workspace. Pictures of all pages are kept in `.pictures`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from tests.engines.airflow.api_server import AirflowServer
from tests.server.conftest import serving

pytest.importorskip(
    "playwright", reason="`pip install playwright axe-playwright-python` installs it"
)

from playwright.sync_api import Browser, expect, sync_playwright

from tests.processes import PATIENCE
from tests.server.browser.windows import ARGUMENTS, SIZES, Window
from tests.server.browser.workspace import Team, fill

expect.set_options(timeout=PATIENCE * 1_000)  # a machine that is busy is no fault of a page

PICTURES = Path(__file__).parents[3] / ".pictures"


class Site:
    """The server, and what is in its workspace."""

    def __init__(self, client: aq.Client, address: str, team: Team, airflow: AirflowServer) -> None:
        self.client = client
        self.address = address
        self.team = team
        self.airflow = airflow
        tracking = client._session.tracking
        self.keys = {role: tracking.create_api_key(role, role)[1] for role in ("viewer", "admin")}


# Playwright runs an event loop for as long as it lives: it has to end before other tests begin.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, as Debian has it; never one that is downloaded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("`apt-get install chromium` installs the browser")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=found, args=ARGUMENTS, timeout=PATIENCE * 1_000
        )
        yield made
        made.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the workspace of a team."""
    folder = tmp_path_factory.mktemp("team")
    airflow = AirflowServer(dags=folder / "dags")
    with airflow.serving(), aq.Client(home=folder / "home") as client:
        team = fill(client, airflow)
        with serving(client) as served:
            yield Site(client, served.address, team, airflow)


@pytest.fixture(scope="package")
def windows(browser: Browser, site: Site) -> Iterator[dict[str, Window]]:
    """A window of each size."""
    made = {size: Window(browser, site.address, site.keys["admin"], size) for size in SIZES}
    yield made
    for window in made.values():
        window.close()


@pytest.fixture
def open_window(browser: Browser, site: Site) -> Iterator[Callable[..., Window]]:
    """Opens windows of one's own, in which nothing may go wrong."""
    made: list[Window] = []

    def make(
        size: str = "wide", theme: str = "light", role: str = "admin", **options: Any
    ) -> Window:
        made.append(Window(browser, site.address, site.keys[role], size, theme, **options))
        return made[-1]

    yield make
    for window in made:
        window.close()
    assert [fault for window in made for fault in window.faults] == []
