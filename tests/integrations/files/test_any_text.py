"""Whatever text and numbers a table has, they come back from CSV, JSON lines and Parquet."""

from __future__ import annotations

import tempfile
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations.files import FileIntegration
from aqueduct_core.testing import assert_identical
from tests.integrations.files.conftest import save

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
CELLS = st.one_of(
    st.none(),
    TEXT,
    st.sampled_from(["", " ", "NA", "007", "1", "1.0", "nan", "true", '"', "\r", "\n"]),
)
NAMES = st.lists(TEXT.filter(bool), min_size=1, max_size=3, unique=True)


@st.composite
def texts(draw: st.DrawFn) -> pd.DataFrame:
    names = draw(NAMES)
    rows = draw(st.integers(0, 4))
    cells = {name: draw(st.lists(CELLS, min_size=rows, max_size=rows)) for name in names}
    return pd.DataFrame(cells, dtype="str")


def lake(folder: str) -> FileIntegration:
    made: Any = open_integration("lake", "filesystem", {"path": folder})
    return made  # type: ignore[no-any-return]


@settings(deadline=None)
@given(texts())
def test_text_comes_back_from_csv(table: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = lake(folder)
        save(files, "t.csv", table)
        assert_identical(files.read("t.csv", text=True), table)


@settings(deadline=None)
@given(texts())
def test_what_looks_like_numbers_can_be_written_as_the_same_text_again(table: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = lake(folder)
        save(files, "t.csv", table)
        found = files.read("t.csv")
    for name in table.columns:
        if pd.api.types.is_integer_dtype(found[name].dtype):
            again = [None if value is pd.NA else str(value) for value in found[name].tolist()]
            assert again == [None if pd.isna(cell) else cell for cell in table[name]]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_numbers_come_back_from_all_formats(rows: list[tuple[int | None, float]]) -> None:
    whole = pd.array([number for number, _ in rows], dtype="Int64")
    table = pd.DataFrame({"i": whole, "f": [number for _, number in rows]})
    with tempfile.TemporaryDirectory() as folder:
        files = lake(folder)
        for path in ("t.csv", "t.jsonl", "t.parquet", "t.arrow"):
            save(files, path, table)
            found = files.read(path)
            assert [None if pd.isna(x) else int(x) for x in found["i"].tolist()] == [
                x for x, _ in rows
            ]
            assert [float(x) for x in found["f"].tolist()] == [x for _, x in rows], path
