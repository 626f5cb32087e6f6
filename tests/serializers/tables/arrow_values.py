"""One array of every Arrow type, and tables, batches and chunks of every odd shape."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import numpy as np
import pyarrow as pa

NAN = float("nan")
INTEGERS = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
)
UNITS = ("s", "ms", "us", "ns")
ZONES = (None, "UTC", "Europe/Berlin", "+01:30", "")


def coded(indices: list[Any], entries: Any, kind: Any = None, *, ordered: bool = False) -> Any:
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, kind or pa.int32()), pa.array(entries), ordered=ordered
    )


def wrapped(kind: Any, storage: Any) -> Any:
    return pa.ExtensionArray.from_storage(kind, storage)


TEXT = ["z", None, "", "ä€😀", "a" * 40]
BYTES = [b"z", None, b"", b"\xff\x00" * 20]
PAIRS = [[("a", 1), ("b", None)], None, []]

FLAT: dict[str, Any] = {
    **{str(kind): pa.array([1, None, 0, 100], kind) for kind in INTEGERS},
    "uint64 max": pa.array([2**64 - 1, None], pa.uint64()),
    "null": pa.nulls(3),
    "bool": pa.array([True, None, False]),
    "float16": pa.array([np.float16(1.5), None, np.float16("nan")], pa.float16()),
    "float32": pa.array([1.5, None, -0.0, NAN, float("-inf")], pa.float32()),
    "float64": pa.array([1.5, None, -0.0, NAN, 5e-324]),
    "string": pa.array(TEXT),
    "large_string": pa.array(TEXT, pa.large_string()),
    "string_view": pa.array(TEXT, pa.string_view()),
    "binary": pa.array(BYTES),
    "large_binary": pa.array(BYTES, pa.large_binary()),
    "binary_view": pa.array(BYTES, pa.binary_view()),
    "fixed_size_binary": pa.array([b"ab", None], pa.binary(2)),
    "fixed_size_binary 0": pa.array([b"", None], pa.binary(0)),
    "date32": pa.array([1, None, -(2**31), 2**31 - 1], pa.date32()),
    "date64": pa.array([86_400_000, None], pa.date64()),
    "date64 odd": pa.array([86_400_001, None], pa.int64()).view(pa.date64()),
    "time32 s": pa.array([86_399, None], pa.time32("s")),
    "time32 s odd": pa.array([90_000, None], pa.int32()).view(pa.time32("s")),
    "time32 ms": pa.array([1, None], pa.time32("ms")),
    "time64 us": pa.array([1, None], pa.time64("us")),
    "time64 ns": pa.array([1, None], pa.time64("ns")),
    **{
        f"timestamp {unit} {zone}": pa.array([1, None, -1, 2**40], pa.timestamp(unit, zone))
        for unit in UNITS
        for zone in ZONES
    },
    "timestamp s far": pa.array([2**60, None], pa.timestamp("s")),
    **{f"duration {unit}": pa.array([1, None, -(2**62)], pa.duration(unit)) for unit in UNITS},
    "month_day_nano": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "decimal32": pa.array([D("1.2"), None], pa.decimal32(5, 1)),
    "decimal64": pa.array([D("1.2"), None], pa.decimal64(15, 1)),
    "decimal128": pa.array([D("1.2"), None], pa.decimal128(38, 1)),
    "decimal128 negative": pa.array([D(1200), None], pa.decimal128(10, -2)),
    "decimal256": pa.array([D("1.2"), None], pa.decimal256(76, 1)),
}
ITEM = pa.field("item", pa.int8(), nullable=False)
NESTED: dict[str, Any] = {
    "list": pa.array([[1], None, [], [None]]),
    "list required": pa.array([[1], None, []], pa.list_(ITEM)),
    "list named": pa.array([[1], None], pa.list_(pa.field("x", pa.int8(), metadata={"k": "v"}))),
    "large_list": pa.array([["a"], None, []], pa.large_list(pa.string())),
    "fixed_size_list": pa.array([[1, 2], None, [None, 3]], pa.list_(pa.int8(), 2)),
    "fixed_size_list 0": pa.array([[], None], pa.list_(pa.int8(), 0)),
    "list_view": pa.array([[1, 2], None, [3]], pa.list_view(pa.int8())),
    "large_list_view": pa.array([["a"], None], pa.large_list_view(pa.string())),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "struct empty": pa.array([{}, None], pa.struct([])),
    "struct of nulls": pa.array([{"n": None}], pa.struct([("n", pa.null())])),
    "list of struct of list": pa.array([[{"a": [1]}], None, [None], [{"a": None}]]),
    "fixed list of structs": pa.array(
        [[{"a": 1}, {"a": 2}], None], pa.list_(pa.struct([("a", pa.int8())]), 2)
    ),
    "map": pa.array(PAIRS, pa.map_(pa.string(), pa.int8())),
    "map sorted": pa.array(PAIRS, pa.map_(pa.string(), pa.int8(), keys_sorted=True)),
    "map of lists": pa.array([[("a", [1])], None], pa.map_(pa.string(), pa.list_(pa.int8()))),
    "list of maps": pa.array([PAIRS, None], pa.list_(pa.map_(pa.string(), pa.int8()))),
}
RARE: dict[str, Any] = {
    "dictionary": coded([1, None, 0, 1], ["z", "a"]),
    "dictionary unused": coded([0, None, 3], ["z", "a", "q", "b"]),
    "dictionary int8 ordered": coded([0, None, 1], ["z", "a"], pa.int8(), ordered=True),
    "dictionary uint32": coded([0, None, 1], ["z", "a"], pa.uint32()),
    "dictionary large": coded([0, None, 1], pa.array(["z", "a"], pa.large_string())),
    "dictionary view": coded([0, None, 1], pa.array(["z", "a"], pa.string_view())),
    "dictionary of ints": coded([0, None, 1], [5, 6]),
    "dictionary of floats": coded([0, None, 1], [NAN, -0.0]),
    "dictionary with null": coded([0, None, 1], [None, "q"]),
    "dictionary with twins": coded([0, None, 1], ["q", "q"]),
    "dictionary all null": coded([None, None], pa.array([], pa.string())),
    "dictionary no rows": coded([0], ["kept", "too"]).slice(0, 0),
    "list of dictionaries": pa.ListArray.from_arrays([0, 2, 3], coded([0, 1, 0], ["z", "a"])),
    "struct of dictionary": pa.StructArray.from_arrays([coded([0, 1], ["z", "a"])], ["d"]),
    "dictionary of structs": coded([0, None], pa.array([{"a": 1}])),
    "run ends": pa.RunEndEncodedArray.from_arrays([2, 4], ["a", None]),
    "sparse union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "dense union": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()),
        pa.array([0, 0, 1], pa.int32()),
        [pa.array([1, 2]), pa.array(["a"])],
        ["i", "s"],
        [0, 1],
    ),
    "uuid": pa.array([b"0" * 16, None], pa.uuid()),
    "json": pa.array(["1", None], pa.json_()),
    "bool8": wrapped(pa.bool8(), pa.array([1, 0, None], pa.int8())),
    "opaque": wrapped(pa.opaque(pa.int8(), "x", "y"), pa.array([1], pa.int8())),
    "tensor": wrapped(
        pa.fixed_shape_tensor(pa.int32(), [2], dim_names=["x"]),
        pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
    ),
}
ARRAYS = FLAT | NESTED | RARE


def field(array: Any, **options: Any) -> Any:
    return pa.table([array], schema=pa.schema([pa.field("x", array.type, **options)]))


PLAIN = pa.table({"a": [1, None, 3], "b": ["x", None, "z"]})
TABLES: dict[str, Any] = {
    "plain": PLAIN,
    "no rows": PLAIN.slice(0, 0),
    "slice": PLAIN.slice(1, 1),
    "no columns": pa.table({}),
    "rows but no columns": PLAIN.select([]),
    "no chunks": pa.table({"a": pa.chunked_array([], pa.int64())}),
    "two chunks": pa.concat_tables([PLAIN, PLAIN.slice(1)]),
    "uneven chunks": pa.table(
        {"a": pa.chunked_array([[1], [2, 3]]), "b": pa.chunked_array([[1, 2], [3]])}
    ),
    "empty chunks": pa.table({"a": pa.chunked_array([[], [1], []], pa.int64())}),
    "twin names": pa.table([pa.array([1]), pa.array(["a"])], names=["a", "a"]),
    "odd names": pa.table(
        [pa.array([i]) for i in range(7)], names=["", ".", "a.b", "a", "ä\n", "`", "\0"]
    ),
    "dotted names": pa.table({"a": [{"b": 1}], "a.b": ["x"]}),
    "metadata": PLAIN.replace_schema_metadata({b"\xff\x00": b"\xfe", "a": "b", "": ""}),
    "arrow's own key": PLAIN.replace_schema_metadata({"ARROW:schema": "me", "pandas": "{}"}),
    "field metadata": field(pa.array([1]), metadata={b"\xff": b"\x00", "PARQUET:field_id": "7"}),
    "required": field(pa.array([1, 2]), nullable=False),
    "required with null": field(pa.array([1, None]), nullable=False),
    "required dictionary": field(coded([0, 1], ["z", "a"]), nullable=False),
    "other dictionaries": pa.table(
        {"d": pa.chunked_array([coded([0, 1], ["a", "b"]), coded([1, 0], ["c", "b"])])}
    ),
    "growing dictionary": pa.table(
        {"d": pa.chunked_array([coded([0], ["a"]), coded([1], ["a", "b"])])}
    ),
    "other dictionaries deep": pa.table(
        {
            "d": pa.chunked_array(
                [
                    pa.ListArray.from_arrays([0, 1], coded([0], ["a"])),
                    pa.ListArray.from_arrays([0, 1], coded([0], ["b"])),
                ]
            )
        }
    ),
    "everything": pa.table(
        {
            name: array.slice(0, 2)
            for name, array in (FLAT | NESTED).items()
            if len(array) > 1 and "odd" not in name
        }
    ),
    "wide": pa.table({f"c{index}": pa.array([index, None]) for index in range(300)}),
}
CHUNKED = pa.chunked_array([pa.array([1, 2]), pa.array([], pa.int64()), pa.nulls(1, pa.int64())])
OTHERS: dict[str, Any] = {
    "batch": PLAIN.to_batches()[0],
    "batch without rows": PLAIN.to_batches()[0].slice(0, 0),
    "batch without columns": PLAIN.to_batches()[0].select([]),
    "batch with dictionary": pa.record_batch({"d": coded([1, None], ["z", "a", "q"])}),
    "batch twin names": pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
    "batch metadata": PLAIN.to_batches()[0].replace_schema_metadata({"a": "b"}),
    "chunked": CHUNKED,
    "chunked once": pa.chunked_array([[1, 2]]),
    "chunked never": pa.chunked_array([], pa.string()),
    "chunked empty": pa.chunked_array([[]], pa.string()),
    "chunked dictionaries": pa.chunked_array([coded([0], ["a"]), coded([0], ["b"])]),
    "chunked text": pa.chunked_array([["a", None], ["b"], []]),
    "array slice": pa.array(TEXT).slice(1, 3),
    "array of bits, slice": pa.array([True, False, None] * 5).slice(3, 7),
    "array of lists, slice": pa.array([[1], [2, 3], None, [4]]).slice(1, 2),
    "array of structs, slice": pa.array([{"a": 1}, None, {"a": 3}]).slice(1, 2),
    "array of views, slice": pa.array(["x" * 50] * 9, pa.string_view()).slice(2, 3),
    "array of nothing": pa.array([], pa.int8()),
    "schema": TABLES["metadata"].schema,
    "schema of nothing": pa.schema([]),
    "schema of what Arrow makes no empty arrays of": pa.schema(
        [
            pa.field("u", RARE["sparse union"].type, metadata={"k": "v"}),
            pa.field("r", pa.list_(RARE["run ends"].type), nullable=False),
            pa.field("e", pa.list_(pa.uuid())),
        ]
    ),
    "scalar": pa.scalar(5, pa.int8()),
    "scalar of nothing": pa.scalar(None, pa.string()),
    "scalar struct": pa.scalar({"a": [1.5, NAN]}),
}
