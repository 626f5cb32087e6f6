"""pandas objects through both containers: exactly, or refused."""

from __future__ import annotations

import socket
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import ConversionError, UnserializableError
from aqueduct_core.serializers.tables import ArrowSerializer, ParquetSerializer, _pandas
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers.tables.pandas_cases import FRAMES, PANDAS_2, ROUND, mixed_frame
from tests.serializers.tables.pandas_cells import OBJECTS, series_of_objects
from tests.serializers.tables.pandas_extension import Money, MoneyArray
from tests.serializers.tables.test_pandas_hostile import Box

SERIALIZERS = {"arrow": ArrowSerializer(), "parquet": ParquetSerializer()}
# Cells that no format of ours can tell: they are pickled, and that is said.
UNSAFE = ["ndarray, objects", "str subclass", "objects type", "labels enumlike"]
if PANDAS_2:  # there, columns of text don't turn subclasses of str into str
    UNSAFE.append("every series")


def made(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated frequencies are still met
        return ROUND[name]()


def returned(value: Any, serializer: str, *, unsafe: bool = False) -> Any:
    store = ArtifactStore("memory://", policy="fast", allow_pickle=unsafe)
    return store.get(store.put(value, serializer=serializer))


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("name", ROUND)
def test_it_comes_back_identical(name: str, serializer: str) -> None:
    value = made(name)
    if not SERIALIZERS[serializer].accepts(value):
        assert serializer == "parquet"
        pytest.skip("Parquet has no such type")
    assert_identical(returned(value, serializer, unsafe=any(n in name for n in UNSAFE)), value)


@pytest.mark.parametrize("policy", ["fast", "balanced", "small"])
@pytest.mark.parametrize(
    "name", ["mixed", "mixed, indexed", "every series", "no rows", "wide", "attrs"]
)
def test_every_policy_keeps_frames(name: str, policy: str) -> None:
    store = ArtifactStore("memory://", policy=policy, allow_pickle=True)
    frame = FRAMES[name]()
    assert_identical(store.get(store.put(frame)), frame)


PLAIN = [cell for cells in OBJECTS.values() for cell in cells if not isinstance(cell, pd.DataFrame)]


@given(st.lists(st.sampled_from(PLAIN), max_size=6))
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_cells_of_any_mix_keep_their_types(serializer: str, cells: list[Any]) -> None:
    value = series_of_objects(*cells)
    assert_identical(returned(value, serializer, unsafe=True), value)


TYPED = ["str", "int", "float", "bool", "bytes", "date", "datetime", "time", "timedelta", "UUID"]


@pytest.mark.parametrize(
    "name", [*TYPED, "Decimal", "list", "tuple", "ndarray", "str, nan", "int, None"]
)
def test_cells_of_one_type_are_typed_columns(name: str) -> None:
    table, meta = _pandas.encode(series_of_objects(*OBJECTS[name]), Sink(), True)
    assert table.num_columns == 1
    assert meta["values"]["cells"] == name.partition(",")[0].lower()


class Sink:
    """Counts what is stored beside the table."""

    def __init__(self) -> None:
        self.nested: list[tuple[Any, str]] = []

    def nest(self, obj: Any, at: str = "") -> int:
        self.nested.append((obj, at))
        return len(self.nested) - 1


def test_usual_frames_need_nothing_beside_the_table() -> None:
    sink = Sink()
    frame = mixed_frame().drop(columns="o").set_index(["text", "when"])
    _pandas.encode(frame, sink, False)
    assert not sink.nested


def test_sparse_columns_share_what_is_beside_the_table() -> None:
    sink = Sink()
    frame = pd.get_dummies(pd.Series([str(i % 40) for i in range(50)]), sparse=True)
    _pandas.encode(frame, sink, False)
    assert len(sink.nested) == 2
    assert_identical(returned(frame, "arrow"), frame)


# --- what isn't ours


class Frame(pd.DataFrame):
    """Somebody's own class."""


class Column(pd.Series):
    """Somebody's own class."""


@pytest.mark.parametrize(
    "value",
    [
        Frame({"a": [1]}),
        Column([1]),
        pd.Series(MoneyArray(np.array([1.5]))),
        pd.DataFrame({"a": MoneyArray(np.array([1.5]))}),
        pd.Index(MoneyArray(np.array([1.5]))),
        pd.DataFrame({"a": [1]}, index=pd.Index(MoneyArray(np.array([1.5])))),
        pd.Series(pd.Categorical([Money(1.5)], pd.Index(MoneyArray(np.array([1.5]))))),
        MoneyArray(np.array([1.5])),
        pd.date_range("2020", periods=4).array.reshape(2, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_foreign_classes_and_dtypes_are_left_to_pickle(value: Any) -> None:
    assert not any(serializer.accepts(value) for serializer in SERIALIZERS.values())


@pytest.mark.parametrize(
    "value", [pd.DataFrame({"a": [1]}), pd.Series([1]), pd.Index([1]), pd.array([1])]
)
def test_the_usual_ones_are_taken(value: Any) -> None:
    assert all(serializer.accepts(value) for serializer in SERIALIZERS.values())


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_what_cannot_be_kept_is_named(serializer: str) -> None:
    store = ArtifactStore("memory://", policy="fast", allow_pickle=True)
    with socket.socket() as open_socket:
        frame = pd.DataFrame({"price": [1.5, 2.5], "link": series_of_objects("a", open_socket)})
        with pytest.raises(UnserializableError, match=r"\['link'\]\[1\]"):
            store.put(frame, serializer=serializer)
        frame = pd.DataFrame({"price": [1.5]}).set_axis(series_of_objects(open_socket), axis=0)
        with pytest.raises(UnserializableError, match=r"\.index\[0\]"):
            store.put(frame, serializer=serializer)
        frame = pd.DataFrame({"price": [1.5]})
        frame.attrs = {"from": open_socket}
        with pytest.raises(UnserializableError, match=r"\.attrs\['from'\]"):
            store.put(frame, serializer=serializer)
        levels = pd.MultiIndex.from_arrays([[1], series_of_objects(open_socket)])
        with pytest.raises(UnserializableError, match=r"\.index\.levels\[1\]\[0\]"):
            store.put(pd.DataFrame({"a": [1]}, index=levels), serializer=serializer)


def test_unsafe_cells_make_the_artifact_unsafe() -> None:
    store = ArtifactStore("memory://", policy="fast")
    with pytest.raises(UnserializableError, match=r"\['a'\]"):
        store.put(pd.DataFrame({"a": series_of_objects(int)}))


# --- some of the columns


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    "name", [name for name, make in FRAMES.items() if make().columns.nlevels == 1]
)
def test_columns_can_be_chosen(name: str, serializer: str) -> None:
    frame = FRAMES[name]()
    if not len(frame.columns) or not SERIALIZERS[serializer].accepts(frame):
        pytest.skip("there is nothing to choose from")
    if PANDAS_2 and name == "big-endian":
        pytest.skip("pandas itself can't choose from them")
    store = ArtifactStore("memory://", policy="fast", allow_pickle=True)
    ref = store.put(frame, serializer=serializer)
    labels = [
        label for label in frame.columns.unique()[::-2] if label == label and not callable(label)
    ]
    places = [i for label in labels for i, other in enumerate(frame.columns) if _same(label, other)]
    wanted = frame.iloc[:, places]
    if labels and type(frame.columns) in (pd.Index, pd.RangeIndex):
        found = store.get(ref, columns=labels)
        found.columns = wanted.columns  # pandas itself may give a selection another class
        assert_identical(found, wanted)
    with pytest.raises(KeyError, match=r"'no such column'.*there are"):
        _pandas.select(store.manifest(ref).content.meta, ["no such column"])


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def test_columns_of_several_levels_are_chosen_by_tuples() -> None:
    store = ArtifactStore("memory://", policy="fast")
    frame = FRAMES["labels multi"]()
    found = store.get(store.put(frame), columns=[("b", 1), ("a", 2)])
    assert found.columns.tolist() == [("b", 1), ("a", 2)]
    assert found.columns.names == ["x", 0]
    assert_identical(found[("a", 2)].array, frame[("a", 2)].array)


def test_a_series_has_no_columns() -> None:
    _, meta = _pandas.encode(pd.Series([1]), Sink(), False)
    with pytest.raises(KeyError, match="series has no columns"):
        _pandas.select(meta, ["a"])


# --- other tools


def test_pandas_itself_reads_the_parquet_file() -> None:
    store = ArtifactStore("memory://", policy="small")
    frame = mixed_frame().drop(columns=["o", "n"]).set_index("when")
    ref = store.put(frame, serializer="parquet")
    found = pd.read_parquet(store.open(ref))
    found["kind"] = found["kind"].astype(frame["kind"].dtype)
    pd.testing.assert_frame_equal(found, frame, check_freq=False)
    numbered = pd.DataFrame(np.eye(2), index=pd.RangeIndex(2, 6, 2, name="r"))
    found = pd.read_parquet(store.open(store.put(numbered, serializer="parquet")))
    pd.testing.assert_frame_equal(found, numbered, check_column_type=False)


def test_polars_reads_the_arrow_file() -> None:
    store = ArtifactStore("memory://", policy="fast")
    frame = mixed_frame().drop(columns=["o", "n"])
    found = pl.read_ipc(store.open(store.put(frame, serializer="arrow")))
    assert found["text"].to_list() == ["a", None, "", "ä"]
    assert found["kind"].to_list() == ["a", "b", None, "a"]
    assert found["when"].null_count() == 1
    assert found["flag"].to_list() == [1, 0, 1, 1]


@pytest.mark.parametrize("name", [n for n in ROUND if not n.startswith("array")])
def test_every_value_has_a_plain_arrow_table(name: str) -> None:
    value = made(name)
    table = _pandas.arrow_of(value)
    assert isinstance(table, pa.Table)
    if len(value.shape) == 1 or value.shape[1]:
        assert table.num_rows == len(value)


def test_a_table_keeps_the_index_for_pandas() -> None:
    frame = mixed_frame().set_index("text")
    found = _pandas.from_arrow(_pandas.arrow_of(frame.drop(columns="o")), pd.DataFrame)
    assert found.index.name == "text"
    pd.testing.assert_series_equal(found["f"], frame["f"])


def test_a_table_of_one_column_is_a_series() -> None:
    series = pd.Series([1, 2], name="n", index=["a", "b"])
    assert_identical(_pandas.from_arrow(_pandas.arrow_of(series), pd.Series), series)
    with pytest.raises(ConversionError, match="2 columns"):
        _pandas.from_arrow(pa.table({"a": [1], "b": [2]}), pd.Series)
    with pytest.raises(ConversionError, match="Index"):
        _pandas.from_arrow(pa.table({"a": [1]}), pd.Index)


def test_values_that_arrow_lacks_are_shown_as_well_as_can_be() -> None:
    frame = pd.DataFrame({"z": [1 + 2j], "o": series_of_objects((1, "a")), "n": [1]})
    frame["s"] = pd.arrays.SparseArray([0])
    row = _pandas.arrow_of(frame).to_pylist()[0]
    assert row == {"z": {"real": 1.0, "imag": 2.0}, "o": "(1, 'a')", "n": 1, "s": 0}


def test_doubled_labels_get_names_of_their_own() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a.1", "a"])
    assert _pandas.arrow_of(frame).column_names == ["a", "a.1", "a.2"]


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_batches_are_those_of_the_plain_table(serializer: str) -> None:
    for frame in (mixed_frame(), mixed_frame()[["i", "text", "n", "zoned"]]):
        box = Box()
        box.meta = SERIALIZERS[serializer].dump(frame, box)
        found = list(SERIALIZERS[serializer].iter_batches(box, rows=3))
        assert [batch.num_rows for batch in found] == [3, 1]
        table = pa.Table.from_batches(found)
        assert table.to_pylist() == _pandas.arrow_of(frame).to_pylist()
