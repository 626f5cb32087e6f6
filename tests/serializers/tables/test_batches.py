"""Tables larger than memory: batches in, batches out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.abc import Streams
from aqueduct_core.errors import LossyTypeError, UnserializableError
from aqueduct_core.serializers.tables import _parquet
from tests.serializers.tables.arrow_values import ARRAYS, PLAIN, coded, field
from tests.serializers.tables.doubles import MemorySink, MemorySource
from tests.serializers.tables.test_pyarrow import SERIALIZERS

ROWS = pa.table({"i": range(1_000), "s": [str(i) for i in range(1_000)]})


@pytest.fixture(params=SERIALIZERS)
def serializer(request: Any) -> Any:
    return SERIALIZERS[request.param]


def dumped(serializer: Any, batches: Any) -> Any:
    sink = MemorySink()
    return MemorySource(sink, serializer.dump_batches(batches, sink))


def test_batches_become_a_table(serializer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_GROUP_BYTES", 2_000)
    assert isinstance(serializer, Streams)
    stored = dumped(serializer, iter(ROWS.to_batches(max_chunksize=70)))
    assert serializer.load(stored).equals(ROWS)
    assert serializer.load_columns(stored, ["s"]).equals(ROWS.select(["s"]))
    again = list(serializer.iter_batches(stored, rows=64))
    assert pa.Table.from_batches(again).equals(ROWS)
    assert max(batch.num_rows for batch in again) <= 64


def test_batches_are_read_as_they_are_needed(serializer: Any) -> None:
    taken = []

    def batches() -> Iterator[Any]:
        for batch in ROWS.to_batches(max_chunksize=100):
            taken.append(batch)
            yield batch

    stored = dumped(serializer, batches())
    assert len(taken) == 10
    assert next(serializer.iter_batches(stored, rows=10)).equals(ROWS.slice(0, 10).to_batches()[0])


def test_all_that_can_be_a_batch_is_taken(serializer: Any) -> None:
    for batches in (
        [PLAIN, PLAIN],
        [pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]})],
        [pd.DataFrame({"a": [1, 2]})],
        pa.RecordBatchReader.from_batches(PLAIN.schema, PLAIN.to_batches()),
        pa.RecordBatchReader.from_batches(PLAIN.schema, []),
        [PLAIN.to_batches()[0].slice(0, 0)],
    ):
        assert isinstance(serializer.load(dumped(serializer, batches)), pa.Table)


def test_batches_must_be_of_one_kind(serializer: Any) -> None:
    with pytest.raises(UnserializableError, match=r"\[1\].*another schema"):
        dumped(serializer, [PLAIN, PLAIN.rename_columns(["a", "c"])])
    with pytest.raises(UnserializableError, match="no batches"):
        dumped(serializer, [])


def test_changing_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_GROUP_BYTES", 1)
    batches = [field(coded([0], ["a"])), field(coded([0], ["b"]))]
    arrow, parquet = SERIALIZERS["arrow"], SERIALIZERS["parquet"]
    stored = dumped(arrow, batches)
    assert arrow.load(stored).column("x").to_pylist() == ["a", "b"]
    assert [batch.column(0)[0].as_py() for batch in arrow.iter_batches(stored)] == ["a", "b"]
    with pytest.raises(UnserializableError, match="different dictionaries"):
        dumped(parquet, batches)


def test_what_parquet_would_change_is_refused() -> None:
    with pytest.raises(LossyTypeError, match='serializer="arrow"'):
        dumped(SERIALIZERS["parquet"], [field(ARRAYS["month_day_nano"])])


def test_batches_of_what_was_a_frame(serializer: Any) -> None:
    for frame in (
        pl.DataFrame({"i": [1, 2, 3], "c": pl.Series(["a", None, "b"], dtype=pl.Categorical)}),
        pd.DataFrame({"i": [1, 2, 3], "s": ["a", None, "b"]}, index=[5, 6, 7]),
        pl.Series("s", [1, 2]),
    ):
        sink = MemorySink()
        source = MemorySource(sink, serializer.dump(frame, sink))
        batches = list(serializer.iter_batches(source, rows=2))
        assert [batch.num_rows for batch in batches][:1] == [2]
        assert sum(batch.num_rows for batch in batches) == len(frame)
