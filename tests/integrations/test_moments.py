"""Moments with a zone reach data systems as they are, also where pyarrow is told to ignore zones."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._frames import to_pandas
from aqueduct_core.integrations._rows import columns_of_rows, row_chunks
from tests.integrations.files.conftest import save as write
from tests.integrations.tables import read, save

EAST = dt.timezone(dt.timedelta(hours=3))
MOMENTS = [dt.datetime(2020, 1, 1, 2, tzinfo=EAST), dt.datetime(2021, 6, 1, 12, tzinfo=dt.UTC)]


@pytest.fixture(autouse=True)
def _ignoring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")  # as pandera and PySpark do


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"n": [0, 1], "seen": pd.Series(MOMENTS, dtype=object)})


def told(values: Any) -> list[Any]:
    return [pd.Timestamp(value).tz_convert("UTC") for value in values]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_of_a_database_keeps_them(kind: str, tmp_path: Path, frame: pd.DataFrame) -> None:
    database: Any = open_integration("w", kind, {"path": str(tmp_path / "w.db")})
    save(database, frame)
    assert told(database.query("SELECT seen FROM t ORDER BY n")["seen"]) == told(MOMENTS)
    save(database, frame.iloc[:1], mode="append")
    assert told(database.query("SELECT seen FROM t WHERE n = 0")["seen"]) == told(MOMENTS[:1] * 2)


def test_postgresql_keeps_them(postgres: Any, frame: pd.DataFrame) -> None:
    save(postgres, frame)
    assert told(postgres.query("SELECT seen FROM t ORDER BY n")["seen"]) == told(MOMENTS)
    given = read(postgres, "SELECT n FROM t WHERE seen = :seen", seen=MOMENTS[0])
    assert given["n"].tolist() == [0]


def test_mariadb_keeps_them(mariadb: Any, frame: pd.DataFrame) -> None:
    save(mariadb, frame)
    assert told(mariadb.query("SELECT seen FROM t ORDER BY n")["seen"]) == told(MOMENTS)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_files_keep_them(suffix: str, tmp_path: Path, frame: pd.DataFrame) -> None:
    lake: Any = open_integration("lake", "filesystem", {"path": str(tmp_path)})
    write(lake, f"t.{suffix}", frame)
    found = lake.read(f"t.{suffix}")
    assert told(found["seen"]) == told(MOMENTS)
    for rows in ([("seen", "==", MOMENTS[0])], [("seen", "in", MOMENTS[:1])]):
        assert lake.read(f"t.{suffix}", rows=rows)["n"].tolist() == [0]


def test_rows_of_any_driver_keep_them() -> None:
    columns = columns_of_rows(["a", "b"], None)
    chunks = list(row_chunks(2, [[(value, [value]) for value in MOMENTS]]))
    for column, parts in zip(columns, zip(*chunks, strict=True), strict=True):
        found = to_pandas(column.settle(list(parts)))
        flat = [value[0] if column.name == "b" else value for value in found]
        assert told(flat) == told(MOMENTS)


def test_an_index_keeps_them(tmp_path: Path, frame: pd.DataFrame) -> None:
    lake: Any = open_integration("lake", "filesystem", {"path": str(tmp_path)})
    indexed = frame.set_index(pd.Index(MOMENTS, dtype=object, name="index"))
    write(lake, "t.parquet", indexed)
    assert told(lake.read("t.parquet").index) == told(MOMENTS)
    mixed = frame[["n"]].set_index(pd.Index([MOMENTS[0].date(), MOMENTS[1]], dtype=object))
    with pytest.raises(IntegrationError, match=r"index_level_0.*would be kept"):
        write(lake, "t.parquet", mixed)
