"""What was saved, and what was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import event

import aqueduct_core as aq
from tests.server.conftest import Site
from tests.server.pages.conftest import Look, looking


def test_tables_are_listed_with_who_wrote_them(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = new_site()
    warehouse = site.client.connect_integration("shop", "sqlite", path=tmp_path / "shop.db")

    @aq.op
    def totals() -> pd.DataFrame:
        return pd.DataFrame({"total": [1.5, 2.5, 3.5]})

    made = totals()
    warehouse.save(made, table_name="sums / <all>", mode="append")
    flow = site.client.publish_flow("Totals", [made], quiet=True)
    flow.trigger(quiet=True)
    look = looking(site)
    page = look("/data")
    assert "sums / <all> shop" in page.words
    assert "append Totals 3 2" in page.words
    assert "Nothing matches" in look("/data?q=elsewhere").words
    [path] = [link for link in page.links if "target=" in link]
    one = look(path)
    assert "Rows written" in one.words
    assert "The last 2 times" in one.words
    assert "/integrations/shop?table=sums+%2F+%3Call%3E" in one.links
    look("/data?integration=shop&target=nothing", status=404)


def test_files_are_listed_and_their_saves_have_pages(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = new_site()
    lake = site.client.connect_integration("lake", "filesystem", path=tmp_path)

    @aq.op
    def report() -> str:
        return "All is well.\n" * 1_000

    made = report()
    lake.save(made, path="reports/all.txt")
    flow = site.client.publish_flow("Reports", [made], quiet=True)
    look = looking(site)
    assert "reports/all.txt lake" in look("/data").words
    page = look(f"/flows/{flow.id}/runs/{flow.latest().id}/operators/save reports/all.txt")
    assert "reports/all.txt format text, 13.0 kB" in page.words
    [link] = [link for link in page.links if "target=" in link]
    assert "reports/all.txt" in look(link).words


def test_nothing_saved_says_how_to(look: Look) -> None:
    assert "Nothing was saved yet" in look("/data").words


def test_artifacts_of_the_newest_runs_are_listed(new_site: Callable[..., Site]) -> None:
    look = looking(new_site())
    page = look("/data?view=artifacts")
    assert "flights Flights json 3 items" in page.words
    assert "rows" not in [link.rpartition("/")[2] for link in page.links]
    assert "Nothing matches" in look("/data?view=artifacts&q=elsewhere").words
    assert "train.note" in look("/data?view=artifacts&q=text").words


def test_artifacts_of_many_workflows_are_asked_for_at_once(new_site: Callable[..., Site]) -> None:
    site = new_site()
    for number in range(3):
        publish_again(site, f"Copy {number}")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    engine = site.tracking._database.engine
    event.listen(engine, "before_cursor_execute", note)
    words = looking(site)("/data?view=artifacts").words
    event.remove(engine, "before_cursor_execute", note)
    assert "flights Flights" in words
    assert "note Copy 0 text" in words
    assert len([statement for statement in asked if "FROM artifacts" in statement]) == 1


def publish_again(site: Site, name: str) -> None:
    @aq.op
    def note() -> str:
        return "Nothing new."

    site.client.publish_flow(name, [note()], quiet=True)


def test_nothing_made_says_so(empty_site: Site) -> None:
    assert "Nothing was made yet" in looking(empty_site)("/data?view=artifacts").words
