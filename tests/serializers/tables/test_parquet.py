"""Parquet: encodings that fit, files that others read, damage that is noticed."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aqueduct_core.errors import AqueductError, CorruptArtifactError, LossyTypeError
from aqueduct_core.serializers.tables import (
    ParquetSerializer,
    _encodings,
    _parquet,
    _pieces,
    _pieces_columns,
)
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from aqueduct_core.testing._tamper import tamper
from tests.serializers.tables.arrow_values import ARRAYS, PLAIN, TABLES, coded, field
from tests.serializers.tables.doubles import MemorySink, MemorySource

ROWS = 60_000
RANDOM = np.random.default_rng(5)
LARGE = pa.table(
    {
        "normal": RANDOM.normal(size=ROWS),
        "price": np.round(RANDOM.gamma(2, 50, ROWS), 0),
        "id": np.arange(ROWS),
        "few": RANDOM.integers(0, 3, ROWS),
        "many": pa.array([f"name {i}" for i in RANDOM.integers(0, 3_000, ROWS)]),
        "unique": pa.array([f"{i:x}" for i in RANDOM.integers(0, 2**62, ROWS)]),
        "sorted": pa.array([f"order {i:09d}" for i in range(ROWS)]),
        "flag": RANDOM.random(ROWS) > 0.5,
        "lists": pa.array([[i, i + 1] for i in range(ROWS)]),
    }
)
PICKED = {
    "normal": "BYTE_STREAM_SPLIT",
    "price": "RLE_DICTIONARY",
    "id": "DELTA_BINARY_PACKED",
    "few": "RLE_DICTIONARY",
    "many": "RLE_DICTIONARY",
    "sorted": "DELTA_BYTE_ARRAY",
    "flag": "PLAIN",
    "lists.list.element": "DELTA_BINARY_PACKED",
}


@pytest.fixture
def store(tmp_path: Any) -> ArtifactStore:
    return ArtifactStore(tmp_path, policy="small")


def opened(store: ArtifactStore, ref: Any) -> Any:
    return pq.ParquetFile(io.BytesIO(store.open(ref).read()), page_checksum_verification=True)


def check_that_all_come_back(copies: int) -> None:
    """Write and read each array, so many times one after the other."""
    for array in ARRAYS.values():
        table = field(pa.concat_arrays([array] * copies))
        if ParquetSerializer().accepts(table):
            sink = MemorySink()
            loaded = _parquet.read(MemorySource(sink, _parquet.write(table, sink)))
            assert_identical(loaded, table)


def test_each_column_is_encoded_as_it_is_smallest(store: ArtifactStore) -> None:
    file = opened(store, store.put(LARGE))
    columns = [file.metadata.row_group(0).column(i) for i in range(file.metadata.num_columns)]
    for column in columns:
        assert PICKED.get(column.path_in_schema, "RLE") in column.encodings
        assert column.compression == "ZSTD"
        assert column.has_offset_index
    usual = io.BytesIO()
    pq.write_table(LARGE, usual, compression="zstd")
    assert store.put(LARGE).size < 0.75 * usual.getbuffer().nbytes


@pytest.mark.parametrize(
    "choose", [_encodings._second, _encodings._third, lambda physical: "DICTIONARY"]
)
def test_all_that_may_be_picked_can_be_read(choose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def forced(sample: Any, run: int, rows: int, writing: Any) -> list[str]:
        return [choose(leaf.physical) for leaf in _encodings._trial(sample, writing)]

    monkeypatch.setattr(_encodings, "_try", forced)
    monkeypatch.setattr(_encodings, "_WORTH_TRYING", 0)
    check_that_all_come_back(copies=40)


def test_many_narrow_columns_go_by_what_some_of_them_show(store: ArtifactStore) -> None:
    floats = {f"f{i}": RANDOM.normal(size=800) for i in range(200)}
    counts = {f"i{i}": np.arange(800) for i in range(200)}
    table = pa.table(floats | counts)
    group = opened(store, store.put(table)).metadata.row_group(0)
    found = [group.column(i).encodings for i in range(group.num_columns)]
    assert all("BYTE_STREAM_SPLIT" in encodings for encodings in found[:200])
    assert all("DELTA_BINARY_PACKED" in encodings for encodings in found[200:])


def test_a_dictionary_is_found_among_many_different_floats(store: ArtifactStore) -> None:
    """In a sample hardly any of 20,000 values comes twice; in the table each does."""
    prices = RANDOM.normal(size=20_000)
    table = pa.table({"price": RANDOM.choice(prices, 400_000), "other": RANDOM.random(400_000)})
    group = opened(store, store.put(table)).metadata.row_group(0)
    assert "RLE_DICTIONARY" in group.column(0).encodings
    assert "BYTE_STREAM_SPLIT" in group.column(1).encodings


def test_small_tables_are_encoded_by_a_glance(store: ArtifactStore) -> None:
    table = pa.table({"few": [0.5, 1.5] * 500, "all": RANDOM.normal(size=1_000)})
    group = opened(store, store.put(table)).metadata.row_group(0)
    assert "RLE_DICTIONARY" in group.column(0).encodings
    assert "BYTE_STREAM_SPLIT" in group.column(1).encodings


def test_row_groups_are_bounded(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_GROUP_BYTES", 1 << 20)
    ref = store.put(LARGE)
    assert opened(store, ref).metadata.num_row_groups > 3
    assert_identical(store.get(ref), LARGE)


def test_other_tools_read_text_for_dictionaries(store: ArtifactStore) -> None:
    table = field(coded([2, None, 0, 2], ["b", "never", "a"], pa.int8(), ordered=True))
    ref = store.put(table, serializer="parquet")
    assert opened(store, ref).read().column("x").to_pylist() == ["a", None, "b", "a"]
    assert store.get(ref).column("x").chunk(0).dictionary.to_pylist() == ["b", "never", "a"]
    picked = store.get(ref, columns=["x"]).column("x")
    assert picked.chunk(0).dictionary.to_pylist() == ["b", "never", "a"]


def test_dictionaries_that_outgrow_a_page_come_back(store: ArtifactStore) -> None:
    entries = [f"{i:0100d}" for i in range(50_000)]
    table = field(coded(list(RANDOM.permutation(50_000)), entries))
    ref = store.put(table, serializer="parquet")
    loaded = store.get(ref)
    assert_identical(loaded, table)
    assert loaded.column(0).chunk(0).dictionary.to_pylist() == entries


def test_columns_are_read_alone(store: ArtifactStore) -> None:
    ref = store.put(LARGE)
    assert_identical(store.get(ref, columns=["many", "id"]), LARGE.select(["many", "id"]))
    dotted = TABLES["dotted names"]
    ref = store.put(dotted, serializer="parquet")
    for names in (["a"], ["a.b"], ["a.b", "a"]):
        assert_identical(store.get(ref, columns=names), dotted.select(names))


def test_large_files_are_read_in_pieces(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parquet, "_LARGE", 0)
    monkeypatch.setattr(_pieces, "_ROWS", 7_000)
    for table in (LARGE, TABLES["dotted names"], TABLES["no rows"], TABLES["odd names"]):
        ref = store.put(table, serializer="parquet")
        assert_identical(store.get(ref), table)
        for names in (table.column_names[::-1], table.column_names[:1], []):
            assert_identical(store.get(ref, columns=names), table.select(names))
    monkeypatch.setattr(_pieces_columns, "_CHUNK", 50_000)
    ref = store.put(LARGE)
    assert store.get(ref).column("many").num_chunks > 5
    assert store.get(ref).column("id").num_chunks == 1


def test_pieces_of_all_types_are_put_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_LARGE", 0)
    monkeypatch.setattr(_pieces, "_ROWS", 5)
    check_that_all_come_back(copies=4)


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("told", ["file", "group"])
def test_a_file_with_other_rows_than_it_says_is_damaged(told: str, more: int) -> None:
    written = io.BytesIO()
    pq.write_table(LARGE, written)
    file = pq.ParquetFile(written)
    size = file.metadata.row_group(0).total_byte_size
    rows = LARGE.num_rows + more

    class Lying:
        metadata = Namespace(
            num_rows=rows,
            num_row_groups=1,
            row_group=lambda _: Namespace(
                num_rows=rows if told == "group" else LARGE.num_rows,
                total_byte_size=size,
            ),
        )
        schema_arrow = file.schema_arrow
        iter_batches = file.iter_batches

    for again in (lambda: file, None):
        with pytest.raises(pa.ArrowInvalid, match=r"the file (says|has)"):
            _pieces.read(Lying, {"normal": pa.float64(), "id": pa.int64()}, {}, again)


def test_what_it_would_change_is_refused_with_a_reason() -> None:
    for value, reason in (
        (pa.table({"u": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), "'u' is month_day"),
        (TABLES["twin names"], "several of one name"),
    ):
        with pytest.raises(LossyTypeError, match=reason):
            ParquetSerializer().dump(value, None)  # type: ignore[arg-type]


def test_pages_that_were_changed_are_noticed(store: ArtifactStore) -> None:
    """Behind the store's back: no digest covers a range."""
    ref = store.put(LARGE, "k")
    start = opened(store, ref).metadata.row_group(0).column(0).data_page_offset

    def change(name: str, data: bytes) -> bytes:
        changed = bytearray(data)
        changed[start + 2_000] ^= 255
        return bytes(changed)

    tamper(store, "k", change)
    with pytest.raises(CorruptArtifactError):
        store.get("k", columns=["normal"])


def test_a_dictionary_that_lacks_an_entry_is_noticed(store: ArtifactStore) -> None:
    store.put(field(coded([0, 1], ["a", "b"])), "k", serializer="parquet")
    other = store.put(field(coded([0, 1], ["a", "c"])), "other", serializer="parquet")
    lie = bytes(store.open(other, "dictionaries").read())
    tamper(store, "k", lambda name, data: lie if name == "dictionaries" else data)
    with pytest.raises(CorruptArtifactError, match="isn't in its dictionary"):
        store.get("k")


@pytest.mark.parametrize("large", [False, True])
def test_a_schema_of_other_columns_is_noticed(
    large: bool, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parquet, "_LARGE", 0 if large else 1 << 40)
    store.put(PLAIN, "k", serializer="parquet")
    other = pa.table({"other": [1]})
    lying = io.BytesIO()
    with pq.ParquetWriter(lying, other.schema) as writer:
        writer.write_table(other)
        writer.add_key_value_metadata(
            {_parquet._SCHEMA: base64.b64encode(PLAIN.schema.serialize())}
        )
    tamper(store, "k", lambda *_: lying.getvalue())
    for names in (None, PLAIN.column_names[:1]):
        with pytest.raises(CorruptArtifactError, match="lost columns"):
            store.get("k", columns=names)


def test_files_of_others_are_not_taken_for_ours(store: ArtifactStore) -> None:
    store.put(PLAIN, "k", serializer="parquet")
    foreign = io.BytesIO()
    pq.write_table(PLAIN, foreign, store_schema=False)
    tamper(store, "k", lambda *_: foreign.getvalue())
    with pytest.raises(CorruptArtifactError, match="no Arrow schema"):
        store.get("k")
    for junk in (b"", b"PAR1", b"PAR1" * 9):
        tamper(store, "k", lambda *_, junk=junk: junk)
        with pytest.raises(AqueductError):
            store.get("k")
