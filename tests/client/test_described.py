"""Artifacts in notebooks: previews, escaped and bounded."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.client._described import artifact_html


class Reader(HTMLParser):
    """Collects tags and texts; fails where a tag is closed that isn't open."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


HOSTILE = "<script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"


def shown(value: Any, name: str = "a") -> str:
    store = aq.ArtifactStore("memory://", signing_key="k")
    ref = store.put(value, "k")
    return artifact_html(name, ref.type, ref.size, store.manifest(ref).description)


def test_a_table_shows_types_index_and_first_rows() -> None:
    frame = pd.DataFrame({"n": [1.5, 2.5], "t": ["x", None]}, index=["first", "second"])
    found = Reader(shown(frame, "sales"))
    text = " ".join(found.texts)
    for expected in ("sales", "table", "rows", "n", "float64", "first", "second", "1.5", "x"):
        assert expected in text


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({HOSTILE: [HOSTILE], "b": [1]}, index=[HOSTILE]),
        {HOSTILE: [HOSTILE]},
        HOSTILE,
        [HOSTILE.encode()],
        pd.Series([HOSTILE], name=HOSTILE),
    ],
    ids=["table", "json", "text", "bytes", "series"],
)
def test_hostile_values_stay_text(value: Any) -> None:
    found = Reader(shown(value, HOSTILE))
    assert found.tags.isdisjoint({"script", "img"})
    assert any(HOSTILE[:20] in text for text in found.texts)


def test_wide_and_long_values_are_bounded() -> None:
    wide = pd.DataFrame({f"column {i}": ["x" * 500] * 50 for i in range(100)})
    assert len(shown(wide)) < 60_000
    assert "88 more columns" in shown(wide)
    assert len(shown("x" * 1_000_000)) < 5_000


def test_an_image_shows_its_thumbnail_and_nothing_else() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (300, 200), "red")
    assert 'src="data:image/png;base64,iVBOR' in shown(image)
    assert "<img" not in artifact_html("a", "image", 1, {"preview": {"png": '"><script>'}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_is_shown(value: Any) -> None:
    Reader(shown(value))
