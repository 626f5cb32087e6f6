"""Arrow columns as rows of PostgreSQL's binary COPY.

Each field is its length and its bytes, -1 for NULL. Fields of fixed size are laid out as structs; then one
call joins the pieces of every row. Nothing is done row by row in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import LossyTypeError

__all__ = ["HEAD", "TAIL", "encoded", "is_binary"]

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"
_PIECE = 4 << 20  # bytes of a piece, about
_NULL = -1
_EPOCH = 10_957  # days from 1970 to 2000
_DAY = 86_400_000_000  # microseconds

# Types by oid, of fixed size: how their bytes are, and the Arrow type that has these values.
_FIXED: Mapping[int, tuple[str, pa.DataType]] = {
    16: ("?", pa.bool_()),
    21: (">i2", pa.int16()),
    23: (">i4", pa.int32()),
    20: (">i8", pa.int64()),
    700: (">f4", pa.float32()),
    701: (">f8", pa.float64()),
    1082: (">i4", pa.date32()),
    1083: (">i8", pa.time64("us")),
    1114: (">i8", pa.timestamp("us")),
    1184: (">i8", pa.timestamp("us", "UTC")),
    2950: ("V16", pa.uuid()),
}
_DAYS = -2_440_588  # the first day, 4713 BC, from 1970; the last one is beyond all of Arrow's
_FIRST: Mapping[pa.DataType, int] = {
    pa.date32(): _DAYS,
    pa.timestamp("us"): _DAYS * _DAY,
    pa.timestamp("us", "UTC"): _DAYS * _DAY,
}
_TEXTS = {25, 1043, 114}  # text, varchar, json
_BYTES = 17


def is_binary(kind: pa.DataType, oid: int) -> bool:
    """Whether values of an Arrow type can be sent to a column of this type as bytes."""
    if pa.types.is_null(kind):
        return True
    if oid in _FIXED:
        there = _FIXED[oid][1]
        whole = pa.types.is_integer(there) and pa.types.is_integer(kind)
        real = pa.types.is_floating(there) and pa.types.is_floating(kind)
        return whole or real or bool(kind == there)
    text = oid in _TEXTS and pa.types.is_string(kind)
    return text or (oid == _BYTES and pa.types.is_binary(kind))


def encoded(table: pa.Table, oids: Sequence[int]) -> Iterator[memoryview]:
    """The rows of a table, between `HEAD` and `TAIL`.

    Args:
        table: Columns that `is_binary` takes.
        oids: The types of the columns that they go to.

    Raises:
        LossyTypeError: A value is larger than the column's type.
    """
    columns = map(_cast, table.column_names, table.columns, oids)
    table = pa.table([*columns], table.column_names)
    rows = max(1, int(table.num_rows * _PIECE / max(table.nbytes, 1)))
    for batch in table.to_batches(rows):
        if batch.num_rows:
            yield _rows(batch, oids)


def _rows(batch: pa.RecordBatch, oids: Sequence[int]) -> memoryview:
    struct = _Struct(batch.num_rows)
    struct.add(">i2", batch.num_columns)
    pieces: list[Any] = []
    for array, oid in zip(batch.columns, oids, strict=True):
        if pa.types.is_null(array.type):
            struct.add(">i4", _NULL)
        elif oid not in _FIXED:
            struct.add(">i4", pc.fill_null(pc.binary_length(array), _NULL).to_numpy())
            pieces += [struct.take(), array.cast(pa.binary())]
        else:
            form = _FIXED[oid][0]
            size, values = np.dtype(form).itemsize, _values(array, oid)
            if not array.null_count:
                struct.add(">i4", size)
                struct.add(form, values)
                continue
            there = array.is_valid().to_numpy(zero_copy_only=False)
            struct.add(">i4", np.where(there, size, _NULL))
            alone = _Struct(batch.num_rows)
            alone.add(form, values)
            pieces += [struct.take(), alone.take(array.is_null())]
    if struct.fields:
        pieces.append(struct.take())
    if len(pieces) == 1:
        joined = pieces[0]
    else:
        options: Any = {"null_handling": "replace", "null_replacement": b""}
        joined = pc.binary_join_element_wise(*pieces, b"", **options)
    end = np.frombuffer(joined.buffers()[1], np.int32)[len(joined)]
    return memoryview(joined.buffers()[2])[:end]


class _Struct:
    """Fields of fixed size that follow each other in every row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.fields: list[tuple[str, Any]] = []

    def add(self, form: str, values: Any) -> None:
        """A field: a value for each row, or one for all."""
        self.fields.append((form, values))

    def take(self, nulls: Any = None) -> pa.Array:
        """The rows' bytes as an Arrow array; the struct is empty then."""
        names = [f"f{index}" for index in range(len(self.fields))]
        forms = [form for form, _ in self.fields]
        made = np.empty(self._rows, np.dtype(list(zip(names, forms, strict=True))))
        for name, (_, values) in zip(names, self.fields, strict=True):
            made[name] = values
        self.fields = []
        size = made.dtype.itemsize
        ends = np.arange(self._rows + 1, dtype=np.int32) * np.int32(size)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(made.view(np.uint8))]
        array = pa.Array.from_buffers(pa.binary(), self._rows, buffers)
        return array if nulls is None else pc.if_else(nulls, None, array)


def _values(array: pa.Array, oid: int) -> Any:
    """The values as NumPy's, counted from 2000 if they are moments; anything where they are null."""
    kind = array.type
    if kind == pa.uuid():
        storage = array.storage
        data = storage.buffers()[1]
        start = storage.offset * 16
        return np.frombuffer(data, "V16", len(array), start)
    if pa.types.is_date(kind):
        return array.cast(pa.int32()).fill_null(0).to_numpy() - _EPOCH
    if pa.types.is_timestamp(kind):
        return array.cast(pa.int64()).fill_null(0).to_numpy() - _EPOCH * _DAY
    if pa.types.is_time(kind):
        return array.cast(pa.int64()).fill_null(0).to_numpy()
    if pa.types.is_boolean(kind):
        return array.fill_null(False).to_numpy(zero_copy_only=False)
    return array.fill_null(0).to_numpy()


def _cast(name: str, column: pa.ChunkedArray, oid: int) -> pa.ChunkedArray:
    """A column in the type whose bytes are sent."""
    if pa.types.is_null(column.type) or oid not in _FIXED:
        return column
    kind = _FIXED[oid][1]
    try:
        made = column.cast(kind)
    except pa.ArrowInvalid as error:
        raise LossyTypeError(
            f"a value is out of range for the column's type {kind} ({error})",
            path=f"[{name!r}]",
            hint="give the table's column a larger type",
        ) from error
    if kind in _FIRST:
        earliest = pc.min(made.cast(pa.int32() if kind == pa.date32() else pa.int64())).as_py()
        if earliest is not None and earliest < _FIRST[kind]:
            raise LossyTypeError(
                "a moment lies before 4713 BC, which PostgreSQL can't keep",
                path=f"[{name!r}]",
                hint="leave such rows out, or save the column as text",
            )
    return made
