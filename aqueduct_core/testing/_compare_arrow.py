"""Strict comparison of pyarrow's and polars' objects: types with all names and metadata, bits of floats.

How a table is cut into chunks is nobody's business; what an array's dictionary holds is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from aqueduct_core.testing._compare import Pairs, by_content, require

__all__ = ["arrow", "polars"]


def arrow(path: str, a: Any, b: Any) -> Pairs:
    """Objects of pyarrow."""
    import pyarrow as pa

    if isinstance(a, pa.Schema | pa.Field | pa.DataType):
        require(a.equals(b, check_metadata=True), path, "schema", a, b)
    elif isinstance(a, pa.Table | pa.RecordBatch):
        yield path + ".schema", a.schema, b.schema
        require(a.num_rows == b.num_rows, path, "rows", a.num_rows, b.num_rows)
        for position, name in enumerate(b.schema.names):
            yield f"{path}[{name!r}]", a.column(position), b.column(position)
    elif isinstance(a, pa.ChunkedArray):
        yield path + ".type", a.type, b.type
        require(len(a) == len(b), path, "length", len(a), len(b))
        yield from _chunks(path, a, b)
    elif isinstance(a, pa.Array):
        yield path + ".type", a.type, b.type
        require(len(a) == len(b), path, "length", len(a), len(b))
        yield from _arrays(path, a, b)
    elif isinstance(a, pa.Scalar):
        yield path, pa.repeat(a, 1), pa.repeat(b, 1)
    else:
        yield from by_content(path, a, b)


def _chunks(path: str, a: Any, b: Any) -> Pairs:
    import pyarrow as pa

    ends = [{*accumulate(map(len, column.chunks))} - {0} for column in (a, b)]
    if pa.types.is_dictionary(a.type) and ends[0] != ends[1]:
        yield (
            path,
            a.to_pylist(),
            b.to_pylist(),
        )  # pieces of a chunk have the dictionary of all of it
        return
    cuts = sorted(ends[0] | ends[1])
    for index, (left, right) in enumerate(zip(_cut(a, cuts), _cut(b, cuts), strict=True)):
        yield f"{path}.chunk({index})", left, right


def _cut(column: Any, ends: list[int]) -> Iterator[Any]:
    """The arrays of a column, each up to the next of these ends; Arrow can't put all types together."""
    start, wanted = 0, iter(ends)
    for chunk in column.chunks:
        done = 0
        while done < len(chunk):
            end = next(wanted) - start
            yield chunk.slice(done, end - done)
            done = end
        start += len(chunk)


def _arrays(path: str, a: Any, b: Any) -> Pairs:
    import pyarrow as pa

    kind = b.type
    if pa.types.is_dictionary(kind):
        yield path + ".dictionary", a.dictionary, b.dictionary
        yield path + ".indices", a.indices, b.indices
        return
    if pa.types.is_floating(kind):  # equal NaNs differ for Arrow, zeros of either sign are equal
        kind = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[kind.bit_width]
        a, b = a.view(kind), b.view(kind)
    if not a.equals(b) or _holds_floats(kind):
        yield path, a.to_pylist(), b.to_pylist()


def _holds_floats(kind: Any) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _holds_floats(kind.storage_type)
    return pa.types.is_floating(kind) or any(
        _holds_floats(kind.field(index).type) for index in range(kind.num_fields)
    )


def polars(path: str, a: Any, b: Any) -> Pairs:
    """Objects of polars."""
    import polars as pl

    if isinstance(a, pl.LazyFrame):
        yield path, a.collect(), b.collect()
    elif isinstance(a, pl.DataFrame):
        require(a.shape == b.shape, path, "shape", a.shape, b.shape)
        require(a.schema == b.schema, path, "schema", a.schema, b.schema)
        for left, right in zip(a.get_columns(), b.get_columns(), strict=True):
            yield f"{path}[{right.name!r}]", left, right
    elif isinstance(a, pl.Series):
        require(a.name == b.name, path, "name", a.name, b.name)
        require(a.dtype == b.dtype, path, "dtype", a.dtype, b.dtype)
        require(len(a) == len(b), path, "length", len(a), len(b))
        for flag in ("SORTED_ASC", "SORTED_DESC"):  # others are hints that nobody can set
            require(a.flags.get(flag) == b.flags.get(flag), path, flag, a.flags, b.flags)
        yield from _series(path, a, b)
    else:
        yield from by_content(path, a, b)


def _series(path: str, a: Any, b: Any) -> Pairs:
    import polars as pl

    if b.dtype.is_float():
        bits = {pl.Float16: pl.UInt16, pl.Float32: pl.UInt32, pl.Float64: pl.UInt64}
        for kind, whole in bits.items():
            if b.dtype == kind:
                a, b = a.reinterpret(dtype=whole), b.reinterpret(dtype=whole)
    nested = b.dtype.is_nested() and "Float" in str(b.dtype)
    if b.dtype == pl.Object or nested or not a.equals(b, check_dtypes=True, null_equal=True):
        yield path, a.to_list(), b.to_list()
