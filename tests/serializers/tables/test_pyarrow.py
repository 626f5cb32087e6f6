"""Arrow's own objects through both containers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from aqueduct_core.serializers.tables import ArrowSerializer, ParquetSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical
from tests.serializers.tables.arrow_values import (
    ARRAYS,
    CHUNKED,
    OTHERS,
    PLAIN,
    RARE,
    TABLES,
    field,
)

EVERYTHING = TABLES | OTHERS | {f"array {name}": array for name, array in ARRAYS.items()}
EVERYTHING |= {f"column {name}": field(array) for name, array in ARRAYS.items()}
LOST_BY_PARQUET = (
    *("fixed_size_binary 0", "date64 odd", "time32 s odd", "timestamp s far", "month_day_nano"),
    *("decimal128 negative", "list required", "fixed_size_list 0", "list_view", "large_list_view"),
    *("struct empty", "list of dictionaries", "struct of dictionary", "dictionary of structs"),
    *("dictionary view", "dictionary of ints", "dictionary of floats", "dictionary with null"),
    *("dictionary with twins", "run ends", "sparse union", "dense union"),
)


SERIALIZERS = {"arrow": ArrowSerializer(), "parquet": ParquetSerializer()}


def returned(value: Any, serializer: str, policy: str = "fast") -> Any:
    """What a store gives back of a value; the value itself if the serializer doesn't take it."""
    if not SERIALIZERS[serializer].accepts(value):
        return value
    store = ArtifactStore("memory://", policy=policy)
    return store.get(store.put(value, serializer=serializer))


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("name", EVERYTHING)
def test_it_comes_back_identical(name: str, serializer: str) -> None:
    value = EVERYTHING[name]
    loaded = returned(value, serializer)
    assert_identical(loaded, value)
    if not isinstance(value, pa.Schema):
        loaded.validate(full=not name.endswith("odd"))


@pytest.mark.parametrize("name", ARRAYS)
def test_parquet_takes_what_it_keeps(name: str) -> None:
    table = field(ARRAYS[name])
    assert ArrowSerializer().accepts(table)
    assert ParquetSerializer().accepts(table) is (name not in LOST_BY_PARQUET)


def test_parquet_keeps_all_of_it_in_one_table() -> None:
    kept = [name for name in ARRAYS if name not in LOST_BY_PARQUET and len(ARRAYS[name])]
    table = pa.table({name: pa.concat_arrays([ARRAYS[name].slice(0, 1)] * 3) for name in kept})
    assert ParquetSerializer().accepts(table)
    assert_identical(returned(table, "parquet"), table)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("name", [name for name in RARE if name.startswith("dictionary")])
def test_dictionaries_keep_their_entries(name: str, serializer: str) -> None:
    loaded = returned(RARE[name], serializer)
    assert_identical(loaded.dictionary, RARE[name].dictionary)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_chunks_stay(serializer: str) -> None:
    for value in (CHUNKED, TABLES["two chunks"].column(0), OTHERS["chunked never"]):
        loaded = returned(value, serializer)
        assert [len(chunk) for chunk in loaded.chunks] == [len(chunk) for chunk in value.chunks]


def test_other_dictionaries_stay_per_chunk() -> None:
    value = TABLES["other dictionaries"]
    loaded = returned(value, "arrow")
    for ours, theirs in zip(loaded.column(0).chunks, value.column(0).chunks, strict=True):
        assert_identical(ours.dictionary, theirs.dictionary)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_slice_of_views_takes_no_more_than_it_shows(serializer: str) -> None:
    large = pa.table({"s": pa.array(["x" * 100] * 10_000, pa.string_view())})
    ref = ArtifactStore("memory://", policy="fast").put(large.slice(5, 2), serializer=serializer)
    assert ref.size < 10_000


def test_map_fields_of_other_names_are_not_accepted() -> None:
    fields = pa.field("k", pa.string(), nullable=False), pa.field("v", pa.int8())
    table = field(pa.array([[("a", 1)]], pa.map_(*fields)))
    assert not ArrowSerializer().accepts(table)
    assert not ParquetSerializer().accepts(table)


def test_unregistered_extension_types_are_not_accepted() -> None:
    array = pa.ExtensionArray.from_storage(Unregistered(), pa.array([1]))
    for value in (array, field(array), field(pa.DictionaryArray.from_arrays(pa.array([0]), array))):
        assert not ArrowSerializer().accepts(value)


class Unregistered(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.int64(), "aqueduct.tests.unregistered")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Unregistered:
        return cls()


class TestArrow(SerializerTests):
    serializer = ArrowSerializer()
    values = (*OTHERS.values(), TABLES["plain"], TABLES["everything"], TABLES["other dictionaries"],
              RARE["list of dictionaries"], RARE["run ends"], RARE["dense union"], RARE["tensor"],
              ARRAYS["string_view"], ARRAYS["map"], ARRAYS["list_view"])  # fmt: skip


class TestParquet(SerializerTests):
    serializer = ParquetSerializer()
    values = (PLAIN, OTHERS["batch"], OTHERS["chunked text"], ARRAYS["map"], RARE["dictionary unused"],
              RARE["tensor"], field(ARRAYS["time32 s"]))  # fmt: skip
