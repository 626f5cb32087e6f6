from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import polars as pl
import pytest
from great_tables import GT, html, loc, style

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnsafeArtifactError, UnserializableError
from aqueduct_core.serializers.report import GreatTableSerializer
from aqueduct_core.testing import SerializerTests, assert_identical

FRAME = pd.DataFrame({"city": ["Oslo", "Bern"], "x": [1.25, float("nan")]})


def report() -> GT:
    made = GT(FRAME, rowname_col="city").tab_header("Rain & <snow>", html("<b>a month</b>"))
    made = made.fmt_number("x", decimals=1).sub_missing("x", missing_text="none")
    return made.tab_style(style.fill("#eee"), loc.body(columns="x"))


def with_a_function() -> GT:
    return GT(FRAME).fmt(lambda value: f"<i>{value}</i>", columns="city")


class TestGreatTableSerializer(SerializerTests):
    serializer = GreatTableSerializer()
    values: ClassVar = [report(), GT(pl.DataFrame({"a": [1, None]}), id="mine"), with_a_function()]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is GT
        assert_identical(loaded._tbl_data, value._tbl_data)
        assert loaded.with_id("x").as_raw_html() == value.with_id("x").as_raw_html()


def test_anybody_can_look_at_the_page(tmp_path: Path) -> None:
    ref = ArtifactStore(tmp_path, allow_pickle=True).put(report(), "t")
    assert (ref.serializer, ref.type) == ("great_tables", "object")
    store = ArtifactStore(tmp_path)
    with pytest.raises(UnsafeArtifactError):
        store.get("t")
    with store.open("t", "html") as file:
        page = file.read().decode()
    assert page == report().with_id("great-table").as_raw_html()
    known = store.manifest("t").description
    assert (known["title"], known["rows"], known["columns"]) == ("Rain & <snow>", 2, 2)


def test_a_table_has_the_id_that_it_was_given(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    with store.open(store.put(GT(FRAME, id="mine"), "t"), "html") as file:
        assert b'id="mine"' in file.read()


def test_what_cannot_be_rendered_is_said(tmp_path: Path) -> None:
    def fail(value: Any) -> str:
        raise ValueError("no city")

    store = ArtifactStore(tmp_path, allow_pickle=True)
    broken = GT(FRAME).fmt(fail, columns="city")
    with pytest.raises(UnserializableError, match="can't be rendered: ValueError: no city"):
        store.put(broken, "t")
    assert store.put(broken, "t", serializer="pickle").serializer == "pickle"
