"""The result of a query: columns that come in chunks, for memory or for a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._frames import frame_of, to_frame, to_pandas
from aqueduct_core.integrations._parts import Part, keep_memory, owned
from aqueduct_core.serializers.tables import FrameStream

__all__ = ["Column", "Result", "arrow_chunks", "as_arrow", "extract", "read"]

STREAMED = 32 << 20  # bytes from which on a result is not collected any more
_LONG = 100_000  # rows from which on memory is given back at once
_OBJECT = 64  # bytes of a Python value, roughly


def as_arrow(chunks: list[Any]) -> Any:
    """Arrow arrays as one column."""
    return pa.chunked_array(chunks)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result.

    Attributes:
        name: Its name, which others may have, too.
        settle: Makes one column of chunks as the driver gives them: an Arrow chunked array, or a
            pandas Series of objects where Arrow has no type. Raises ValueError for a value that
            can't be kept.
        way_out: What to do then.
    """

    name: str
    settle: Callable[[list[Any]], Any] = as_arrow
    way_out: str = "convert the column in the query"


@dataclass(frozen=True, slots=True)
class Result:
    """A result on its way.

    Attributes:
        source: Where it comes from, for errors.
        columns: Its columns.
        chunks: For each chunk of rows what the driver gives of each column, by position. There is
            at least one chunk, which may have no rows.
    """

    source: str
    columns: Sequence[Column]
    chunks: Iterator[list[Any]]


def arrow_chunks(reader: Any) -> Iterator[list[Any]]:
    """What an Arrow record batch reader reads, as chunks; one without rows if there are none."""
    empty = True
    for batch in reader:
        empty = False
        chunk = [owned(array) for array in batch.columns]
        del batch  # before the driver makes the next one
        yield chunk
    if empty:
        yield [pa.array([], kind) for kind in reader.schema.types]


def read(opened: AbstractContextManager[Result]) -> pd.DataFrame:
    """All of a result.

    Args:
        opened: The result; it is closed before the frame is made, which needs the memory.
    """
    keep_memory()
    with opened as result:
        parts = _collected(result, [Part() for _ in result.columns])
    return _frame(result, parts)


def extract(result: Result, held: ExitStack) -> pd.DataFrame | FrameStream:
    """All of it, or a stream if it is large; which of them makes no difference for who loads it.

    Args:
        result: The result.
        held: What is open for it. A stream takes it over, and closes it when it ends.
    """
    keep_memory()
    parts = [Part() for _ in result.columns]
    size = 0
    for chunk in result.chunks:
        size += sum(map(_size, chunk))
        _take(parts, chunk)
        if size >= STREAMED:
            settled = _settled_all(result, parts)
            if settled is None:
                break  # values of mixed types, which only fit into memory
            parts.clear()
            return FrameStream(_tables(result, settled), to_frame, held.pop_all())
    return _frame(result, _collected(result, parts))


def _collected(result: Result, parts: list[Part]) -> list[Part]:
    """The chunks of each column, after those that are there."""
    for chunk in result.chunks:
        _take(parts, chunk)
    return parts


def _take(parts: list[Part], chunk: list[Any]) -> None:
    """Put a chunk where it is kept. It is empty then, so that the driver has its memory for the next one."""
    for part in parts:
        part.add(chunk.pop(0))


def _size(array: Any) -> int:
    return array.nbytes if isinstance(array, pa.Array) else _OBJECT * len(array)


def _frame(result: Result, parts: list[Part]) -> pd.DataFrame:
    columns = [_made(result, column, parts.pop(0).chunks()) for column in result.columns]
    return frame_of([column.name for column in result.columns], columns)


def _made(result: Result, column: Column, chunks: list[Any]) -> Any:
    """A column of the frame; what it is made of is given back before the next one is made."""
    made = to_pandas(_settled(result, column, chunks), takes=True)
    if sum(map(len, chunks)) >= _LONG:
        chunks.clear()
        pa.default_memory_pool().release_unused()
    return made


def _settled(result: Result, column: Column, chunks: list[Any]) -> Any:
    try:
        return column.settle(chunks)
    except ValueError as error:
        raise IntegrationError(
            f"{result.source}: column {column.name!r}: {error}", hint=column.way_out
        ) from error


def _settled_all(result: Result, parts: list[Part]) -> list[Any] | None:
    settled = []
    for column, part in zip(result.columns, parts, strict=True):
        array = _settled(result, column, part.chunks())
        if not isinstance(array, pa.ChunkedArray) or pa.types.is_null(array.type):
            return None
        settled.append(array)
    return settled


def _tables(result: Result, first: list[Any]) -> Iterator[Any]:
    """The rows as tables of one schema, which those that came first have decided."""
    names = [column.name for column in result.columns]
    kinds = [array.type for array in first]
    rows = len(first[0])
    yield pa.table(first, names)
    first.clear()
    for chunk in result.chunks:
        arrays = [
            _widened(result, column, chunk.pop(0), kind, rows)
            for column, kind in zip(result.columns, kinds, strict=True)
        ]
        rows += len(arrays[0])
        yield pa.table(arrays, names)


def _widened(result: Result, column: Column, array: Any, kind: Any, row: int) -> Any:
    """A later chunk in the type of the first ones, if that changes no value."""
    if isinstance(array, pa.Array) and array.null_count == len(array):
        return pa.chunked_array([pa.nulls(len(array), kind)])
    part = Part()
    part.add(array)
    found = _settled(result, column, part.chunks())
    told = "mixed"
    if isinstance(found, pa.ChunkedArray):
        told = str(found.type)
        if found.type == kind:
            return found
        numbers = pa.types.is_decimal(kind) and pa.types.is_decimal(found.type)
        if numbers or (pa.types.is_floating(kind) and pa.types.is_integer(found.type)):
            try:
                return found.cast(kind)
            except pa.ArrowInvalid:
                told = f"larger, or more exact, than {kind}"
    raise IntegrationError(
        f"{result.source}: column {column.name!r}: its values are {told} from row {row} on, and "
        f"{kind} before",
        hint=f"give it one type in the query: CAST({column.name} AS ...)",
    )
