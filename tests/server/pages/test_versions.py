"""The versions of a workflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import aqueduct_core as aq
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking


@pytest.fixture
def changed(new_site: Callable[..., Site]) -> tuple[Site, str]:
    """A workflow with two versions, and the path of its pages."""
    site = new_site()

    @aq.op
    def load() -> int:
        return 1

    @aq.op(name="train")
    def first(value: int) -> int:
        return value + 1

    @aq.op(name="train", retries=2)
    def second(value: int) -> int:
        return value + 2

    @aq.metric
    def size(value: int) -> int:
        return value

    site.client.publish_flow("Changing", [first(load())], quiet=True)
    flow = site.client.publish_flow("Changing", [second(load())], quiet=True, engine="local")
    third = second(load())
    size(third)
    site.client.publish_flow("Changing", [third], quiet=True)
    return site, f"/flows/{flow.id}"


def test_each_version_says_what_changed(changed: tuple[Site, str]) -> None:
    site, path = changed
    page = looking(site)(f"{path}/versions")
    assert "changed train op" in page.words
    assert "new size metric" in page.words
    assert "the first version" in page.words


def test_a_version_shows_the_lines_that_changed(changed: tuple[Site, str]) -> None:
    site, path = changed
    page = looking(site)(f"{path}/versions/2")
    assert "return value + 1" in page.words
    assert "return value + 2" in page.words
    assert "settings.retries 0 -> 2" in page.words


def test_what_a_version_did_not_have_is_absent_from_the_grid(changed: tuple[Site, str]) -> None:
    site, path = changed
    text = site.signed_in("viewer").get(path).text
    row = text.partition('<span class="clip">size</span>')[2].partition("</tr>")[0]
    assert row.count('<td class="a">') == 2
    assert row.count('<td class="s">') == 1


def test_runs_of_two_versions_differ_in_structure_and_code(changed: tuple[Site, str]) -> None:
    site, path = changed
    runs = site.client.flow("Changing").runs()
    page = looking(site)(f"{path}/runs/{runs[0].id}/compare?with={runs[2].id}")
    assert "not in this version" in page.words
    assert "return value + 1" in page.words


def test_a_version_that_is_not_there_says_which_are(site: Site, look: Look) -> None:
    assert "its versions are 1 to 1" in look(f"/flows/{site.flow.id}/versions/9", 404).words
