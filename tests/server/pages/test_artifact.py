"""The page of an artifact."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

import aqueduct_core as aq
from aqueduct_core.server._templates import environment
from aqueduct_core.server.pages._preview import view_of
from aqueduct_core.server.pages._words import FILTERS
from tests.server.conftest import Site, serving
from tests.server.pages.conftest import Look, looking


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a workflow that makes a table, an image, frames in a dict, and an object."""
    with aq.Client(home=tmp_path_factory.mktemp("museum") / "home") as client:

        @aq.op(outputs=["table", "picture", "frames", "thing"])
        def make(shift: int) -> Any:
            table = pd.DataFrame(
                {
                    "<b>id</b>": [1, 2, 3],
                    "day": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
                    "at": pd.to_datetime(
                        ["2026-01-01T08:30:00", "2026-01-02T00:00:00", "2026-01-03T00:00:00"]
                    ),
                    "score": [0.5 + shift, None, 1.5 + shift],
                }
            )
            frames = {"train": table, "rest": table.head(1), "size": 3}
            return table, Image.new("RGB", (60, 40), (200, 30, 30)), frames, {1, 2}.union

        @aq.op
        def look_at(table: pd.DataFrame) -> int:
            return len(table)

        table, *others = make(client.create_param("shift", 0))
        flow = client.publish_flow("Museum", [look_at(table), *others], quiet=True)
        run = flow.trigger({"shift": 5}, quiet=True)
        assert run.status == "succeeded", run.error("make")
        with serving(client) as served:
            site = Site(client, served, flow)
            yield site
            site.close()


@pytest.fixture
def at(museum: Site) -> str:
    return f"/flows/{museum.flow.id}/runs/{museum.flow.latest().id}"


@pytest.fixture
def see(museum: Site) -> Look:
    return looking(museum)


def test_a_table_is_shown_with_types_nulls_and_statistics(see: Look, at: str) -> None:
    page = see(f"{at}/artifacts/make.table")
    for words in ("<b>id</b> int64", "33.3% null", "Rows 3 rows", "3 rows × 4 columns", "Median"):
        assert words in page.words, words
    assert "frame=run.artifact('make.table').get()" in "".join(page.words.split())


def test_moments_are_as_short_as_they_can_be(see: Look, at: str) -> None:
    words = see(f"{at}/artifacts/make.table").words
    assert "1 2026-01-01 2026-01-01 08:30:00" in words
    assert "2 2026-01-02 2026-01-02 00:00:00" in words


def test_lineage_leads_up_and_down(see: Look, at: str) -> None:
    page = see(f"{at}/artifacts/make.table")
    assert f"{at}/operators/make" in page.links
    assert f"{at}/operators/look_at" in page.links
    assert "shift" in page.words


def test_drift_is_noticed(see: Look, at: str) -> None:
    page = see(f"{at}/artifacts/make.table?view=history")
    assert "Columns over time" in page.words
    assert "mean moved" in page.words
    assert "this one" in page.words


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_is_downloaded_in_other_formats(museum: Site, at: str, form: str) -> None:
    answer = museum.signed_in("viewer").get(f"{at}/tables/make.table", params={"form": form})
    assert answer.status_code == 200
    assert f"make.table.{form}" in answer.headers["content-disposition"]
    if form == "csv":
        assert answer.text.startswith('"<b>id</b>","day","at","score"')
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 3


def test_a_table_of_any_types_is_downloaded_as_csv(new_site: Callable[..., Site]) -> None:
    @aq.op
    def make() -> pd.DataFrame:
        months = pd.period_range("2026-01", periods=2, freq="M")
        return pd.DataFrame({"month": months, "parts": [[1, 2], None]}).set_index("month")

    site = new_site()
    flow = site.client.publish_flow("Months", make(), quiet=True)
    answer = site.as_("viewer").get(
        f"/flows/{flow.id}/runs/{flow.latest().id}/tables/make?form=csv"
    )
    assert answer.status_code == 200
    assert answer.text == '"month","parts"\n"2026-01","[1, 2]"\n"2026-02",\n'


def test_rows_beyond_the_preview_are_told_as_it_tells_them(museum: Site, at: str) -> None:
    person = museum.signed_in("viewer")
    found = person.get(f"{at}/rows/make.table?start=1&count=5").json()["rows"]
    assert found == [
        ["1", "2", "2026-01-02 00:00:00", "2026-01-02 00:00:00", None],
        ["2", "3", None, "2026-01-03 00:00:00", "6.5"],
    ]
    assert person.get(f"{at}/rows/make.table?start=9").json()["rows"] == []
    assert person.get(f"{at}/rows/make.thing").status_code == 422
    assert person.get(f"{at}/rows/make.table?count=501").status_code == 422


def test_what_is_no_table_is_not_made_one(museum: Site, at: str) -> None:
    answer = museum.signed_in("viewer").get(f"{at}/tables/make.thing?form=csv")
    assert answer.status_code == 422


def test_an_image_is_shown_as_a_whole_however_it_is_stored(museum: Site, at: str) -> None:
    text = museum.signed_in("viewer").get(f"{at}/artifacts/make.picture").text
    assert f'src="{at}/pictures/make.picture"' in text
    answer = museum.signed_in("viewer").get(f"{at}/pictures/make.picture")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (60, 40)
        assert image.getpixel((0, 0)) == (200, 30, 30)
    assert museum.signed_in("viewer").get(f"{at}/pictures/make.table").status_code == 404


def test_a_figure_is_shown_by_the_picture_beside_its_pickle(new_site: Callable[..., Site]) -> None:
    pytest.importorskip("matplotlib", reason="`pip install matplotlib` installs it")

    @aq.op
    def draw() -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), dpi=100)
        figure.subplots().plot([1, 3, 2])
        return figure

    site = new_site()
    flow = site.client.publish_flow("Drawing", draw(), quiet=True)
    here = f"/flows/{flow.id}/runs/{flow.latest().id}"
    assert (
        f'src="{here}/pictures/draw"' in site.signed_in("viewer").get(f"{here}/artifacts/draw").text
    )
    answer = site.signed_in("viewer").get(f"{here}/pictures/draw")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (600, 400)


def test_members_of_a_collection_have_their_names(see: Look, at: str) -> None:
    words = see(f"{at}/artifacts/make.frames").words
    assert "train table, 3 rows" in words
    assert "rest table, 1 row" in words


def test_an_object_is_shown_in_words_and_never_loaded(see: Look, at: str) -> None:
    page = see(f"{at}/artifacts/make.thing")
    assert "a pickle" in page.words
    assert "union" in page.words


def test_the_page_beside_an_object_may_do_nothing(new_site: Callable[..., Site]) -> None:
    great_tables = pytest.importorskip("great_tables", reason="`pip install great_tables`")

    @aq.op
    def report() -> Any:
        return great_tables.GT(pd.DataFrame({"name": ["Ada"]})).tab_header("People")

    site = new_site()
    flow = site.client.publish_flow("Report", report(), quiet=True)
    person, at = site.signed_in("viewer"), f"/flows/{flow.id}/runs/{flow.latest().id}"
    page = person.get(f"{at}/artifacts/report")
    assert f'sandbox src="{at}/looks/report"' in page.text
    assert page.headers["content-security-policy"].endswith(
        "frame-ancestors 'none'; frame-src 'self'"
    )
    look = person.get(f"{at}/looks/report")
    assert look.headers["content-type"] == "text/html; charset=utf-8"
    assert "People" in look.text
    policy = look.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert not any("script-src" in item or "allow" in item for item in policy)
    assert person.get(f"{at}/looks/nothing").status_code == 404


def test_what_has_no_page_shows_none(museum: Site, at: str) -> None:
    answer = museum.signed_in("viewer").get(f"{at}/artifacts/make.thing")
    assert "<iframe" not in answer.text
    assert "frame-src" not in answer.headers["content-security-policy"]
    assert museum.signed_in("viewer").get(f"{at}/looks/make.thing").status_code == 404


def test_an_artifact_that_is_not_there_says_so(see: Look, at: str) -> None:
    assert "no artifact" in see(f"{at}/artifacts/nothing", status=404).words


@pytest.mark.parametrize(
    "description",
    [
        {"preview": {"columns": 3}}, {"preview": None, "schema": "x"}, {"schema": [1]}, {},
        {"preview": {"columns": ["a"], "rows": [[1, 2, 3], []]}, "rows": "many", "columns": -1},
        {"preview": {"png": "no base64!"}, "width": "wide"}, {"preview": {"png": "iVBORw0KGgo="}},
        {"members": [{"type": {}}, 3], "preview": [[]]}, {"statistics": [], "preview": [[1], "x"]},
        {"preview": "zz", "characters": "?"}, {"preview": {"deep": [[[[[[[[[]]]]]]]]]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", ["table", "series", "array", "image", "text", "bytes", "numeric", "bool", "object", "json",
             "collection", "unheard of"],
)  # fmt: skip
def test_descriptions_that_others_made_break_nothing(
    kind: str, description: dict[str, Any]
) -> None:
    environment().filters.update(FILTERS)
    macros = environment().from_string(
        '{% import "_preview.html" as preview %}{{ preview.value(shown, "name") }}'
    )
    assert view_of(kind, description)["look"]
    assert macros.render(shown=view_of(kind, description)) is not None
