"""Moments with a zone are the same where libraries have pyarrow ignore zones."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from aqueduct_core import ArtifactStore
from aqueduct_core.serializers.tables import convert
from aqueduct_core.serializers.tables._moments import with_moments

EAST = dt.timezone(dt.timedelta(hours=3))
MOMENT = dt.datetime(2020, 1, 1, 2, tzinfo=EAST)
OTHER = dt.datetime(2021, 6, 1, 12, 30, tzinfo=dt.UTC)


@pytest.fixture(params=[None, "1"], ids=["", "ignoring"], autouse=True)
def _ignoring(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYARROW_IGNORE_TIMEZONE", raising=False)
    if request.param:
        monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", request.param)


@pytest.mark.parametrize(
    "values",
    [[MOMENT, None, OTHER], [[MOMENT, OTHER], None], [{"a": MOMENT, "b": [OTHER]}], [OTHER], [1]],
)
def test_values_are_what_they_were(values: list[Any]) -> None:
    made = pa.array(values)
    found = with_moments(made, values)
    assert found.to_pylist() == values
    assert found.type == made.type


def test_a_moment_that_utc_has_no_year_for_is_not_changed() -> None:
    last = dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=3)))
    try:
        found = with_moments(pa.array([last]), [last])
    except pa.ArrowInvalid as error:
        assert "no year" in str(error)  # noqa: PT017  # both ways are right
    else:
        naive = last.replace(tzinfo=None)
        local = pa.array([naive]).cast(pa.int64())[0].as_py()
        assert found.cast(pa.int64())[0].as_py() == local + 3 * 3600 * 10**6


def test_records_become_a_table() -> None:
    rows = [{"at": MOMENT, "n": 1}, {"n": 2}]
    assert convert(rows, pa.Table).to_pylist() == [{"at": MOMENT, "n": 1}, {"at": None, "n": 2}]


def test_a_store_keeps_moments() -> None:
    frame = pd.DataFrame({"at": pd.Series([MOMENT, None, OTHER], dtype=object)})
    store = ArtifactStore("memory://", allow_pickle=True)
    for value in (frame, [MOMENT, {"a": OTHER}], pd.Series([[MOMENT], [OTHER]])):
        found = store.get(store.put(value, "moments"))
        same = found.equals(value) if hasattr(value, "equals") else found == value
        assert same, found
