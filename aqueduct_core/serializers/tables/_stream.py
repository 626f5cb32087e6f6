"""A pandas DataFrame that is too large for memory, on its way into Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import UnserializableError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from aqueduct_core.abc import JSON, Budget, Sink

__all__ = ["FrameStream"]

_EMPTY = {pa.string(): "", pa.binary(): b""}
_SHOWN = 100  # rows that are kept for the description


class FrameStream:
    """Rows that come as Arrow tables, and are stored as the DataFrame that they would make.

    It can be stored once, since its rows are gone then. What is loaded is a `pandas.DataFrame`.

    Args:
        tables: The rows; all tables have the schema of the first.
        to_frame: Makes the DataFrame of a table. Nulls may change the type of a column, other
            values may not.
        held: What is open for it; left in the end, however it comes.
    """

    def __init__(
        self,
        tables: Iterator[pa.Table],
        to_frame: Callable[[pa.Table], Any],
        held: AbstractContextManager[Any] | None = None,
    ) -> None:
        self._tables = tables
        self._to_frame = to_frame
        self._held = held or nullcontext()
        self._rows = 0
        self._bytes = 0
        self._head: pa.Table | None = None
        self._values: list[Any] = []  # of each column one that isn't null, as an array of one
        self._nulls: list[int] = []
        self._axis: JSON = None
        self._schema: pa.Schema | None = None

    def stored(self, sink: Sink) -> Iterator[pa.Table]:
        """The rows as the DataFrame's table has them; `meta` says what else it takes."""
        from aqueduct_core.serializers.tables import _pandas

        with self._held:
            for table in self._tables:
                self._look_at(table)
                if self._rows == table.num_rows:  # the first
                    frame = self._to_frame(_with_values(self._sample()))
                    physical, meta = _pandas.encode(frame, sink, True)
                    self._schema = table.schema
                    schema, self._axis = physical.schema, meta["columns"]
                if not table.schema.equals(self._schema):
                    raise UnserializableError(
                        f"rows from {self._rows - table.num_rows} on have another schema than the "
                        f"first ones: {table.schema.to_string()}",
                        hint="cast all batches to one schema",
                    )
                arrays = map(_stored, table.columns, schema.types)
                yield pa.table([*arrays], schema.names)

    def meta(self) -> dict[str, JSON]:
        """What `stored` was; to be asked when it is at its end."""
        from aqueduct_core.serializers.tables import _pandas

        sample = self._to_frame(_with_values(self._sample()))
        sample.columns = range(sample.shape[1])  # the names are known, wherever they are kept
        _, meta = _pandas.encode(sample, _Nothing(), True)
        index: Any = {**meta["index"], "range": [0, self._rows, 1]}  # type: ignore[dict-item]  # of a RangeIndex
        return {**meta, "columns": self._axis, "rows": self._rows, "index": index}

    def describe(self, budget: Budget) -> dict[str, JSON]:
        """Schema, size and first rows; to be asked when it is at its end."""
        from aqueduct_core.serializers.tables import _describe

        assert self._head is not None
        head = self._to_frame(pa.concat_tables([self._sample(), self._head]))[2:]
        told = dict(_describe.describe(head.reset_index(drop=True), budget))
        told.pop("statistics", None)  # they would be of the first rows only
        schema: Any = told.get("schema", [])
        known = [
            {**field, "nulls": nulls} for field, nulls in zip(schema, self._nulls, strict=False)
        ]
        return {**told, "schema": known, "rows": self._rows, "bytes": self._bytes}

    def _look_at(self, table: pa.Table) -> None:
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._head is None:
            shown = pa.array(range(min(table.num_rows, _SHOWN)), pa.int64())
            self._head = table.take(shown)  # a slice would keep all of the table
            self._values = [array[:0] for array in self._head.columns]
            self._nulls = [0] * table.num_columns
        for index, array in enumerate(table.columns):
            self._nulls[index] += array.null_count
            if not len(self._values[index]) and array.null_count < len(array):
                place = pc.index(pc.is_valid(array), True).as_py()
                self._values[index] = array.take(pa.array([place]))

    def _sample(self) -> pa.Table:
        """Two rows: a value of each column where it has some, and a null where it has some."""
        assert self._head is not None
        columns = []
        for array, nulls in zip(self._values, self._nulls, strict=True):
            null = pa.chunked_array([pa.nulls(1, array.type)])
            value = array if len(array) else null
            second = null if nulls else value
            columns.append(pa.chunked_array([*value.chunks, *second.chunks], array.type))
        return pa.table(columns, self._head.column_names)


class _Nothing:
    """A sink that is given nothing, since columns of plain types nest nothing."""

    def write(self, *buffers: Buffer, part: str = "data") -> None:
        raise AssertionError(part)

    def open(self, part: str = "data") -> AbstractContextManager[BinaryIO]:
        raise AssertionError(part)

    def nest(self, obj: Any, at: str = "") -> int:
        raise AssertionError(at)


def _with_values(sample: pa.Table) -> pa.Table:
    """The same with a value where all are null: how objects are stored depends on it."""
    columns = [
        pa.chunked_array([pa.array([empty, None], array.type)])
        if array.null_count == 2 and (empty := _EMPTY.get(array.type)) is not None
        else array
        for array in sample.columns
    ]
    return pa.table(columns, sample.column_names)


def _stored(array: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column as that of a DataFrame is stored."""
    if pa.types.is_floating(kind) and array.null_count:
        return array.fill_null(float("nan"))
    return array if array.type == kind else array.cast(kind)
