"""Handles in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from PIL import Image

import aqueduct_core as aq
from aqueduct_core.storage._memory import MemoryStorage


@dataclass
class Computed:
    """What an engine remembers."""

    value: Any

    def load(self, output: str, columns: Any = None) -> Any:
        assert (output, columns) == ("output", None)
        return self.value


@aq.op
def step(*inputs: object) -> object:
    return inputs


def shown(value: object) -> str:
    handle = step()
    handle.operator.memo["computed"] = Computed(value)
    return handle._repr_html_()


def test_what_is_not_computed_shows_its_place_in_the_graph() -> None:
    source = aq.op(name="source")(step.local)()
    text = step(source).after(aq.op(name="other")(step.local)())._repr_html_()
    assert "<b>step</b> GenericArtifact" in text
    assert "op step, made at dag/test_display.py:" in text
    assert "takes source" in text
    assert "waits for other" in text
    assert "not computed yet" in text


def test_what_is_computed_shows_its_type_schema_and_first_rows() -> None:
    text = shown(pd.DataFrame({"name": ["Ada", None], "age": [36, 41]}))
    assert "table, 2 rows × 2 columns" in text
    assert "name<br><small>str</small>" in text
    assert "<td>Ada</td><td>36</td>" in text
    assert "not computed" not in text


def test_what_get_computed_is_shown_also_of_what_was_on_the_way() -> None:
    first = aq.op(name="first")(lambda: pd.DataFrame({"a": [1]}))()
    step(first).get()
    assert "table, 1 rows × 1 columns" in first._repr_html_()


def test_what_is_shown_is_not_stored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = aq.op(name="first")(lambda: pd.DataFrame({"a": range(100_000)}))()
    first.get()
    monkeypatch.delattr(MemoryStorage, "put")
    monkeypatch.delattr(MemoryStorage, "put_file")
    assert "table, 100,000 rows × 1 columns, 800," in first._repr_html_()


def test_long_and_wide_tables_are_cut() -> None:
    text = shown(pd.DataFrame({f"c{index}": range(1_000) for index in range(50)}))
    assert text.count("<tr>") == 11
    assert text.count("<th>") == 13
    assert len(text) < 10_000


def test_other_values_show_a_preview() -> None:
    assert "numeric" in shown(3)
    assert "<pre>3</pre>" in shown(3)
    assert "<pre>hello</pre>" in shown("hello")
    assert len(shown("x" * 100_000)) < 5_000


def test_an_image_is_shown_as_a_picture() -> None:
    text = shown(Image.new("RGB", (3, 2)))
    assert '<img alt="preview" src="data:image/png;base64,' in text
    assert "png&quot;" not in text


def test_nothing_of_the_user_is_markup() -> None:
    evil = "<script>alert('&')</script>"
    handle = aq.op(name=evil)(step.local)(1)
    texts = [handle._repr_html_(), step(handle)._repr_html_(), shown(evil)]
    texts.append(shown(pd.DataFrame({evil: [evil]})))
    texts.append(shown({evil: evil}))
    texts.append(shown({"png": evil}))
    for text in texts:
        assert "<script" not in text
        assert "&lt;script" in text
