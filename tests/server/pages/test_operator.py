"""The page of an operator, and its logs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import aqueduct_core as aq
from tests.server.conftest import Site, serving
from tests.server.pages.conftest import Look, looking


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a workflow of two versions, the second of which fails; it prints a lot."""
    with aq.Client(home=tmp_path_factory.mktemp("works") / "home") as client:

        @aq.op(name="count")
        def first(limit: int) -> int:
            """Count to a limit."""
            return limit

        def helper(limit: int) -> int:
            return 10 // limit

        @aq.op(name="count", retries=1)
        def second(limit: int) -> int:
            """Count to a limit."""
            import sys

            for number in range(1, 1201):
                print(f"line {number} <b>bold</b>")
            print("oh no", file=sys.stderr)
            return helper(limit)

        limit = client.create_param("limit", 0)
        client.publish_flow("Works", [first(limit)], quiet=True)
        flow = client.publish_flow("Works", [second(limit)], quiet=True)
        with serving(client) as served:
            site = Site(client, served, flow)
            yield site
            site.close()


@pytest.fixture
def at(works: Site) -> str:
    return f"/flows/{works.flow.id}/runs/{works.flow.latest().id}"


@pytest.fixture
def see(works: Site) -> Look:
    return looking(works)


def test_a_failure_is_shown_where_it_happened(works: Site, see: Look, at: str) -> None:
    page = see(f"{at}/operators/count")
    assert "ZeroDivisionError" in page.words
    assert page.words.index("return 10 // limit") < page.words.index("called from")
    text = works.signed_in("viewer").get(f"{at}/operators/count").text
    assert text.count('class="line bad"') >= 1


def test_attempts_are_told_apart(see: Look, at: str) -> None:
    page = see(f"{at}/operators/count")
    assert "Attempt 2 of 2" in page.words
    assert f"{at}/operators/count?attempt=1" in page.links
    assert f"{at}/operators/count?attempt=2" in page.links
    assert "ZeroDivisionError" in see(f"{at}/operators/count?attempt=1").words
    see(f"{at}/operators/count?attempt=7", status=404)


def test_what_changed_in_its_code_is_shown(see: Look, at: str) -> None:
    page = see(f"{at}/operators/count")
    assert "Changes since v1" in page.words
    assert "return helper(limit)" in page.words


def test_inputs_time_and_environment_are_shown(see: Look, at: str) -> None:
    words = see(f"{at}/operators/count").words
    for word in ("limit", "parameter = 0", "environment", "python", "Peak memory"):
        assert word in words, word


def test_the_end_of_a_log_is_shown_and_all_of_it_is_paged(see: Look, at: str) -> None:
    assert "line 1200 <b>bold</b>" in see(f"{at}/operators/count").words
    last = see(f"{at}/logs/count")
    assert "line 1200 <b>bold</b>" in last.words
    assert "line 100 <b>" not in last.words
    [older] = [link for link in last.links if "line=501" in link]
    assert "line 501 <b>bold</b>" in see(older).words
    assert "oh no" in see(f"{at}/logs/count?stream=stderr").words


def test_a_log_is_searched(works: Site, see: Look, at: str) -> None:
    page = see(f"{at}/logs/count?q=LINE 77")
    assert "11 of 1,200 lines" in page.words or "11" in page.words
    text = works.signed_in("viewer").get(f"{at}/logs/count", params={"q": "<b>bo"}).text
    assert "<mark>&lt;b&gt;bo</mark>" in text


def test_a_log_is_downloaded(works: Site, at: str) -> None:
    person = works.signed_in("viewer")
    answer = person.get(f"/api/v1{at}/operators/count/logs/stdout?limit=8388608")
    assert answer.text.count("\n") == 1200
    assert answer.headers["content-type"].startswith("text/plain")


def test_one_that_is_not_there_says_so(see: Look, at: str) -> None:
    see(f"{at}/operators/nothing", status=404)
    see(f"{at}/logs/nothing", status=404)
