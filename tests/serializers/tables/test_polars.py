"""polars frames and series through both containers."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.tables import ArrowSerializer, ParquetSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical
from tests.serializers.tables.polars_values import FRAMES, MIXED, OBJECTS, SERIES
from tests.serializers.tables.test_pyarrow import SERIALIZERS, returned

EVERYTHING = FRAMES | {f"series {name}": series for name, series in SERIES.items()}
EVERYTHING |= {f"column {name}": series.to_frame() for name, series in SERIES.items()}
LOST_BY_PARQUET = (
    *("array of width 0", "struct empty", "struct deep", "list of enums", "list of categoricals"),
    *("int128", "uint128", "list of int128", "struct of int128 and enum"),
)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("name", EVERYTHING)
def test_it_comes_back_identical(name: str, serializer: str) -> None:
    assert_identical(returned(EVERYTHING[name], serializer), EVERYTHING[name])


@pytest.mark.parametrize("name", SERIES)
def test_parquet_takes_what_it_keeps(name: str) -> None:
    for value in (SERIES[name], SERIES[name].to_frame().lazy()):
        assert ArrowSerializer().accepts(value)
        assert ParquetSerializer().accepts(value) is not (name in LOST_BY_PARQUET)


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_stored_with_their_own_serializers(name: str) -> None:
    value = OBJECTS[name]
    loaded = returned(value, "arrow")
    assert type(loaded) is type(value)
    frames = [item.to_frame() if isinstance(item, pl.Series) else item for item in (loaded, value)]
    assert frames[0].schema == frames[1].schema
    for ours, theirs in zip(frames[0].get_columns(), frames[1].get_columns(), strict=True):
        assert ours.to_list() == theirs.to_list()
    assert not ParquetSerializer().accepts(value)


def test_a_lazy_frame_that_fails_says_so() -> None:
    store = ArtifactStore("memory://", policy="fast")
    for broken in (MIXED.lazy().select("nothing"), MIXED.lazy().select(pl.col("s").cast(pl.Int8))):
        with pytest.raises(UnserializableError, match="LazyFrame can't be collected"):
            store.put(broken)


def test_columns_are_loaded_alone() -> None:
    store = ArtifactStore("memory://", policy="fast")
    for serializer in SERIALIZERS:
        ref = store.put(MIXED, serializer=serializer)
        assert store.get(ref, columns=["s", "i"]).equals(MIXED.select("s", "i"))
        assert store.get(ref, columns=[]).width == 0
    ref = store.put(FRAMES["everything"])
    picked = ["int128", "enum", "array of width 0", "sorted"]
    assert_identical(store.get(ref, columns=picked), FRAMES["everything"].select(picked))


def test_loading_does_not_copy(tmp_path: Any) -> None:
    store = ArtifactStore(tmp_path, policy="fast")
    value = pl.DataFrame(
        {"i": range(100_000), "s": [f"a text that is not short {i}" for i in range(100_000)]}
    )
    before = pa.total_allocated_bytes()
    loaded = store.get(store.put(value))
    assert pa.total_allocated_bytes() - before < 100_000
    assert_identical(loaded, value)


def test_large_nests_of_text_come_back_whatever_their_chunks_are() -> None:
    texts = [None if length % 11 == 0 else "x" * (length % 40) for length in range(200_000)]
    pairs = [None if text is None else [text, text] for text in texts]
    value = pl.DataFrame(
        {
            "lists": pairs,
            "structs": pl.DataFrame({"a": texts}).to_struct(),
            "arrays": pl.Series(pairs, dtype=pl.Array(pl.String, 2)),
            "numbers": pl.Series([[1, 2]] * len(texts), dtype=pl.Array(pl.Int64, 2)),
        }
    )
    store = ArtifactStore("memory://")
    assert_identical(store.get(store.put(value, serializer="parquet")), value)


def test_text_that_is_not_utf8_never_reaches_polars() -> None:
    lie = pa.Array.from_buffers(
        pa.large_string(), 1, [None, *pa.array([b"\xff"], pa.large_binary()).buffers()[1:]]
    )
    store = ArtifactStore("memory://", policy="fast")
    source = store.put(pa.table({"s": lie}), "lie")
    manifest = store.manifest(source)
    assert manifest.content.meta["library"] == "pyarrow"
    from aqueduct_core.serializers.tables import convert

    with pytest.raises(Exception, match="UTF8"):
        convert(store.get(source), pl.DataFrame)


class TestArrow(SerializerTests):
    serializer = ArrowSerializer()
    values = (
        *FRAMES.values(),
        *(SERIES[name] for name in ("string", "categorical", "list", "int128")),
    )


class TestParquet(TestArrow):
    serializer = ParquetSerializer()
    values = (MIXED, MIXED.lazy(), FRAMES["two chunks"], SERIES["enum"], SERIES["categorical"])
