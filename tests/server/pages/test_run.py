"""The pages of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from tests.processes import PATIENCE
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking


def of(site: Site, run: str = "", more: str = "") -> str:
    return f"/flows/{site.flow.id}/runs/{run or site.run.id}{more}"


@pytest.fixture
def failed(site: Site) -> str:
    """The run that failed."""
    return site.flow.latest().id


def test_the_graph_shows_what_operators_made(site: Site, look: Look) -> None:
    page = look(of(site))
    assert "Run" in page.words
    assert "4 succeeded" in page.words
    for name in ("flights", "train.model", "train.note"):
        assert of(site, more=f"/artifacts/{name}") in page.links
    assert f"/flows/{site.flow.id}/metrics/rows" in page.links
    assert f"/flows/{site.flow.id}/checks/few" in page.links


def test_numbers_are_told_and_not_their_size(new_site: Callable[..., Site]) -> None:
    @aq.op(outputs=["score", "is_good"])
    def judge() -> tuple[float, bool]:
        return 0.98765432, True

    site = new_site()
    flow = site.client.publish_flow("Judged", [*judge()], quiet=True)
    words = looking(site)(f"/flows/{flow.id}/runs/{flow.latest().id}").words
    assert "score 0.9877" in words
    assert "is_good True" in words


def test_what_went_wrong_stands_first(site: Site, look: Look, failed: str) -> None:
    page = look(of(site, failed))
    before = page.words.index("flights raised ValueError : a negative limit")
    assert before < page.words.index("Timeline")
    assert 'raise ValueError("a negative limit")' in page.words


def test_a_check_that_did_not_pass_says_why(new_site: Callable[..., Site]) -> None:
    @aq.op
    def number() -> int:
        return 1

    @aq.check(severity="error")
    def is_large(number: int) -> bool:
        return number > 5

    site = new_site()
    made = number()
    is_large(made)
    flow = site.client.publish_flow("Small", made, quiet=True)
    words = looking(site)(f"/flows/{flow.id}/runs/{flow.latest().id}").words
    assert "is_large did not pass: it returned False" in words


def test_the_list_has_all_operators(site: Site, look: Look) -> None:
    page = look(of(site, more="?view=list"))
    for word in ("flights", "train", "metric", "passed", "3 items"):
        assert word in page.words


def test_the_time_line_has_those_that_ran(site: Site, look: Look, failed: str) -> None:
    assert "Not run" not in look(of(site, more="?view=timeline")).words
    assert "Not run: train" in look(of(site, failed, "?view=timeline")).words


def test_a_retry_tells_what_it_took_and_what_it_kept(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    mended = tmp_path / "mended"

    @aq.op
    def load() -> int:
        return 1

    @aq.op
    def fragile(number: int) -> int:
        if not mended.exists():
            raise ValueError("not yet")
        return number

    site = new_site()
    flow = site.client.publish_flow("Fragile", fragile(load()), quiet=True)
    run, at = flow.latest(), f"/flows/{flow.id}/runs/{flow.latest().id}"
    assert "Resumed" not in looking(site)(at).words
    mended.touch()
    run.retry(quiet=True)
    assert run.resumed is not None
    assert run.ended is not None
    assert run.duration == pytest.approx((run.ended - run.resumed).total_seconds())
    words = looking(site)(at).words
    assert "Resumed" in words
    assert "in all" in words
    words = looking(site)(f"{at}?view=timeline").words
    assert "Kept from before the retry: load" in words
    assert "Not run" not in words
    answer = site.as_("viewer").get(f"/api/v1{at}").json()
    assert answer["started"] < answer["resumed"] < answer["ended"]
    assert answer["seconds"] == run.duration


def test_the_panel_tells_of_one_operator(site: Site, failed: str) -> None:
    person = site.signed_in("viewer")
    text = person.get(of(site, failed, "/panels/flights")).text
    assert "a negative limit" in text
    assert "Needed by" in text
    assert person.get(of(site, failed, "/panels/nothing")).status_code == 404


def test_a_run_is_compared_with_the_last_that_went_well(
    site: Site, look: Look, failed: str
) -> None:
    page = look(of(site, failed, "/compare"))
    assert "limit 3 -1" in page.words
    assert "rows 3 –" in page.words
    assert "Both ran version 1" in page.words


def test_a_run_is_compared_with_any_other(site: Site, look: Look, failed: str) -> None:
    page = look(of(site, site.run.id, f"/compare?with={failed}"))
    assert "limit -1 3" in page.words


def test_the_first_run_has_none_to_be_compared_with(new_site: Callable[..., Site]) -> None:
    site = new_site()
    assert "There is no other run yet" in looking(site)(of(site, more="/compare")).words


def test_a_name_of_any_kind_is_shown_as_text(new_site: Callable[..., Site]) -> None:
    site = new_site()

    @aq.op(name="<b>\"bold\" & 'brave'</b> / %2F?#")
    def odd() -> str:
        return "text"

    flow = site.client.publish_flow("<i>Odd</i>", [odd()], quiet=True, description="<script>")
    look = looking(site)
    run = f"/flows/{flow.id}/runs/{flow.latest().id}"
    for path in ("/flows", f"/flows/{flow.id}", run, f"{run}?view=list", f"{run}?view=timeline"):
        assert "<b>" in look(path).words or path == "/flows"
    page = look(run)
    link = next(link for link in page.links if "/operators/" in link)
    assert "bold" in look(link.replace("/operators/", "/panels/")).words


def test_a_run_that_goes_on_is_live_and_can_be_stopped(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = new_site()
    gate = str(tmp_path / "gate")

    @aq.op
    def slow(path: str) -> int:
        import pathlib
        import time

        while not pathlib.Path(path).exists():
            time.sleep(0.01)
        return 1

    flow = site.client.publish_flow("Slow", [slow(gate)], run_now=False, quiet=True)
    run = flow.trigger(wait=False, quiet=True)
    page = f"/flows/{flow.id}/runs/{run.id}"
    person = site.signed_in("editor")
    text = person.get(page).text
    assert f'data-live-from="/api/v1/events?flow={flow.id}&amp;run={run.id}"' in text
    csrf = text.partition('name="csrf" value="')[2].partition('"')[0]
    assert person.post(f"{page}/cancel", data={"csrf": csrf}).status_code == 303
    assert run.wait(PATIENCE).status == "canceled"
    Path(gate).touch()
    assert person.post(f"{page}/retry", data={"csrf": csrf}).status_code == 303
    assert flow.run(run.id).wait(PATIENCE).status == "succeeded"
    assert "data-live-from" not in person.get(page).text


def test_many_that_do_the_same_share_a_box(new_site: Callable[..., Site]) -> None:
    site = new_site()

    @aq.op
    def start() -> int:
        return 1

    @aq.op
    def add(number: int, more: int) -> int:
        return number + more

    first = start()
    flow = site.client.publish_flow("Wide", [add(first, n) for n in range(60)], quiet=True)
    page = looking(site)(f"/flows/{flow.id}/runs/{flow.latest().id}")
    assert "60 × add" in page.words
    assert "60 succeeded" in page.words


def test_a_chain_that_is_too_long_for_a_drawing_is_a_list(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.server.draw import _places

    monkeypatch.setattr(_places, "_LARGEST", 5)
    site = new_site()

    @aq.op
    def add(number: Any) -> int:
        return int(number) + 1

    value: Any = 0
    for _ in range(6):
        value = add(value)
    flow = site.client.publish_flow("Long", [value], quiet=True)
    page = looking(site)(f"/flows/{flow.id}/runs/{flow.latest().id}")
    assert "Too many operators for a drawing" in page.words


def test_a_box_of_many_is_unfolded_and_folded_again(new_site: Callable[..., Site]) -> None:
    site = new_site()

    @aq.op
    def start() -> int:
        return 1

    @aq.op
    def shard(number: int) -> int:
        return number

    number = start()
    flow = site.client.publish_flow("Sharded", [shard(number) for _ in range(8)], quiet=True)
    look = looking(site)
    here = f"/flows/{flow.id}/runs/{flow.latest().id}"
    folded = look(here)
    assert "8 × shard" in folded.words
    assert "8 succeeded" in folded.words
    unfold = next(link for link in folded.links if "open=" in link)
    assert unfold.endswith("#at-shard")
    unfolded = look(unfold)
    assert "Unfolded 8 × shard" in unfolded.words
    assert sum("/operators/shard" in link for link in unfolded.links) == 8
    assert here in unfolded.links, "that folds it again"
    assert "8 × shard" in look(f"{here}?open=s:nothing").words
