"""Files that are stored as they are read: whoever loads it gets what would have been collected."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.integrations.files import FileIntegration, _csv, _lines, _passes, _stream
from aqueduct_core.integrations.files._remote import Bucket
from aqueduct_core.integrations.files._source import SourceFile
from aqueduct_core.runtime import Workspace
from aqueduct_core.serializers.tables import FrameStream
from tests.integrations.files.conftest import save
from tests.runtime.flows import KEY, output, run_one

ROWS = 5000
COUNTED = np.arange(ROWS)
COLUMNS = {
    "whole": pa.array(COUNTED),
    "small": pa.array(COUNTED % 100, pa.uint8()),
    "some": pa.array(COUNTED, mask=COUNTED % 7 == 3),
    "late": pa.array([None] * (ROWS - 1) + [7], pa.int32()),
    "real": pa.array(COUNTED / 3, mask=COUNTED % 5 == 0),
    "single": pa.array(COUNTED / 3, pa.float32()),
    "flag": pa.array(COUNTED % 2 == 0),
    "maybe": pa.array(COUNTED % 2 == 0, mask=COUNTED % 3 == 0),
    "text": pa.array([None if n % 4 == 0 else f"t{n}" for n in COUNTED]),
    "long": pa.array([f"é{n}" for n in COUNTED], pa.large_string()),
    "bytes": pa.array([None if n % 4 == 0 else b"\0%d" % n for n in COUNTED]),
    "day": pa.array([dt.date(2013, 1, 1 + n % 28) for n in COUNTED]),
    "clock": pa.array([None if n % 9 == 0 else dt.time(n % 24) for n in COUNTED]),
    "at": pa.array(COUNTED, pa.timestamp("us"), mask=COUNTED % 6 == 0),
    "zoned": pa.array(COUNTED, pa.timestamp("ms", "UTC")),
    "exact": pa.array([Decimal(int(n)) / 4 for n in COUNTED], pa.decimal128(9, 2)),
    "never": pa.array([None] * ROWS, pa.int64()),
    "nothing": pa.array([None] * ROWS, pa.string()),
}
TABLE = pa.table(COLUMNS)
PANDAS = pd.DataFrame(
    {
        "whole": pd.Series(COUNTED, dtype="Int64"),
        "text": pd.Series([f"t{n}" for n in COUNTED], dtype="string"),
        "at": pd.date_range("2013", periods=ROWS, unit="ns"),
        "real": COUNTED / 3,
    }
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "STREAMED", 1)
    monkeypatch.setattr(_stream, "_ROWS", 700)


def stored(lake: FileIntegration, path: Any, **options: Any) -> tuple[Any, Any]:
    """What is extracted, and what comes back from a store."""
    found = lake.extract({"path": path, **options}, {})
    store = ArtifactStore("memory://")
    return found, store.get(store.put(found, "rows"))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("value", [TABLE, PANDAS], ids=["arrow", "pandas"])
def test_a_large_file_is_stored_as_it_is_read(folder: Any, suffix: str, value: Any) -> None:
    save(folder, f"a.{suffix}", value)
    found, back = stored(folder, f"a.{suffix}")
    assert isinstance(found, FrameStream)
    assert_frame_equal(back, folder.read(f"a.{suffix}"))


@pytest.mark.parametrize("kind", ["filesystem", "s3"])
def test_several_files_columns_and_rows(make: Any, kind: str) -> None:
    lake = make(kind)
    for year in (2025, 2026):
        save(lake, f"sales/year={year}/1.parquet", TABLE.select(["whole", "text", "some"]))
    save(lake, "sales/year=2026/2.parquet", pa.table({"whole": [0.5, 1.5], "more": ["x", None]}))
    found, back = stored(lake, "sales/")
    assert isinstance(found, FrameStream)
    assert_frame_equal(back, lake.read("sales/"))
    for rows in ([("year", "==", 2026), ("whole", "<", 2)], [("whole", ">", 4000)]):
        spec = {"columns": ["year", "whole"], "rows": rows}
        request = lake.file("sales/", format="parquet", **spec)._operator.task.request
        options = {key: value for key, value in request.items() if key != "path"}
        found, back = stored(lake, "sales/", **options)
        assert isinstance(found, FrameStream)
        assert_frame_equal(back, lake.read("sales/", columns=["year", "whole"], rows=rows))


def test_rows_that_no_part_of_a_file_has(folder: Any) -> None:
    for suffix in ("parquet", "arrow"):
        save(folder, f"a.{suffix}", TABLE)
        for most in (-1, 3):
            told = {"columns": ["text"], "rows": [("whole", "<=", most)]}
            spec = folder.file(f"a.{suffix}", **told)._operator.task.request["rows"]
            _, back = stored(folder, f"a.{suffix}", columns=["text"], rows=spec)
            assert_frame_equal(back, folder.read(f"a.{suffix}", **told))
            assert len(back) == most + 1


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"c": pd.Categorical(["a", "b"] * 9)}),
        PANDAS.set_index("text"),
        PANDAS.iloc[10:],
        pa.table({"c": [{"x": 1}]}),
        TABLE.slice(0, 0),
    ],
    ids=["categories", "index", "numbered otherwise", "nested", "no rows"],
)
def test_what_can_not_be_told_before_the_end_is_collected(folder: Any, value: Any) -> None:
    save(folder, "a.parquet", value)
    found, back = stored(folder, "a.parquet")
    assert not isinstance(found, FrameStream)
    assert_frame_equal(back, folder.read("a.parquet"))


def test_a_run_stores_a_large_file_as_it_is_read(
    folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    made = _stream.streamed

    def watched(*told: Any) -> Any:
        found.append(made(*told))
        return found[-1]

    monkeypatch.setattr(_stream, "streamed", watched)
    save(folder, "a.parquet", TABLE)
    connections = {"lake": {"kind": "filesystem", "config": folder.config()}}
    workspace = Workspace(ArtifactStore(tmp_path / "store", signing_key=KEY), connections)
    result = run_one(workspace, folder.file("a.parquet", name="a"))
    assert_frame_equal(output(workspace, result), folder.read("a.parquet"))
    assert [type(item) for item in found] == [FrameStream]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_an_object_is_read_in_few_requests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket("memory://few-requests", {})
    line = "1,abcdefgh\n" if name == "a.csv" else '{"id": 1, "x": "abcdefgh"}\n'
    data = ("id,x\n" * (name == "a.csv") + line * 700_000).encode()
    bucket._storage.put(name, data)
    sizes: list[int] = []
    get = bucket._storage.get

    def counted(key: str, start: int = 0, end: int | None = None) -> Any:
        found = get(key, start, end)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(bucket._storage, "get", counted)
    monkeypatch.setattr(_lines, "_BLOCK", 1 << 20)
    monkeypatch.setattr(_csv, "_BLOCKS", (1 << 18, 1 << 24))
    file = SourceFile("lake", bucket, name, len(data))
    kind = name.partition(".")[2]
    found = _passes.in_two_passes(kind, [(file, None)], None, None, ())
    assert found is not None
    assert sum(table.num_rows for table in found.tables) == 700_000
    most = -(-len(data) // (8 << 20))  # of each pass; and one for the names of columns
    assert len(sizes) <= 2 * most + 1
    assert max(sizes) <= 8 << 20
