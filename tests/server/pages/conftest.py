"""Somebody who looks at pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aqueduct_core as aq
from tests.server.conftest import Site, serving
from tests.server.pages.html import Page

Look = Callable[..., Page]


@pytest.fixture
def look(site: Site) -> Look:
    """Opens a page of the site as an admin."""
    return looking(site)


def looking(site: Site, role: str = "admin") -> Look:
    """Opens pages of a site; they are right in every way that can be told without a browser."""
    person = site.signed_in(role)

    def look(path: str, status: int = 200) -> Page:
        answer = person.get(path, follow_redirects=True)
        assert answer.status_code == status, answer.text[:2000]
        assert len(answer.content) < 100_000
        page = Page(answer.text)
        assert page.faults == []
        return page

    return look


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """A server with nothing in it."""
    with aq.Client(home=tmp_path / "home") as client, serving(client) as served:
        site = Site(client, served)
        yield site
        site.close()
