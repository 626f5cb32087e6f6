"""Frames of polars as Arrow tables and back, uncopied where polars can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from aqueduct_core.serializers.tables._polars_codes import categories, dictionaries

__all__ = ["NEWEST", "OLDEST", "as_arrow", "frame_of", "inner", "only", "own_frame_of"]

OLDEST, NEWEST = pl.CompatLevel.oldest(), pl.CompatLevel.newest()
_TEXTS: set[type] = {pl.String, pl.Binary}
_CODED: set[type] = {pl.Categorical, pl.Enum}


def as_arrow(frame: pl.DataFrame) -> pa.Table:
    """A frame as a table: text as views, at any depth, and categories as dictionaries."""
    if not frame.width:
        return frame.to_arrow(compat_level=OLDEST)
    leaves = {name: _leaves(dtype) for name, dtype in frame.schema.items()}
    found: dict[str, pa.ChunkedArray] = {}
    for name, dtype in frame.schema.items():
        if type(dtype) is pl.Categorical:
            column = dictionaries(frame.get_column(name))
            found |= {} if column is None else {name: column}
    fields = list(only(frame, list(found)).clear().to_arrow(compat_level=OLDEST).schema)
    texts = [name for name in leaves if leaves[name] & _TEXTS and not leaves[name] & _CODED]
    # Of these, each chunk would bring a dictionary of its own.
    joined = [name for name in leaves if pl.Categorical in leaves[name] and name not in found]
    others = [name for name in leaves if name not in {*found, *texts, *joined}]
    for part, level in (
        (only(frame, texts), NEWEST),
        (only(frame, joined).rechunk(), OLDEST),
        (only(frame, others), OLDEST),
    ):
        if part.width:
            table = part.to_arrow(compat_level=level)
            fields += table.schema
            found |= dict(zip(table.schema.names, table.columns, strict=True))
    ordered = {field.name: field for field in fields}
    schema = pa.schema([ordered[name] for name in leaves])
    return pa.Table.from_arrays([found[name] for name in leaves], schema=schema)


def only(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Some columns. To `select`, a name such as "*" or "^a$" would be a pattern."""
    return frame[list(names)] if names else pl.DataFrame()


def frame_of(table: pa.Table) -> pl.DataFrame:
    """The frame of a table."""
    if not table.num_columns:
        return pl.DataFrame(height=table.num_rows)
    names = table.schema.names
    if "" in names:  # polars would make up a name for it
        table = table.rename_columns([str(index) for index in range(table.num_columns)])
    frame = _imported(table)
    if frame.columns != names:
        frame.columns = names
    return frame


def _imported(table: pa.Table) -> pl.DataFrame:
    if table.num_columns > 1 and any(map(_holds_fixed, table.schema.types)):
        # Columns whose chunks differ are cut for polars, and it can't read all pieces of such lists.
        parts = [_imported(table.select([index])) for index in range(table.num_columns)]
        return pl.DataFrame([part.to_series() for part in parts])
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _holds_fixed(kind: pa.DataType) -> bool:
    """Whether there are lists of a fixed size in a type."""
    if pa.types.is_fixed_size_list(kind):
        return True
    return any(_holds_fixed(kind.field(index).type) for index in range(kind.num_fields))


def own_frame_of(table: pa.Table, base: memoryview | None) -> pl.DataFrame:
    """Like `frame_of`, of a table that is nobody else's, so that codes can stay where they lie."""
    coded = {
        index
        for index, column in enumerate(table.columns)
        if pa.types.is_dictionary(column.type)
        and not any(chunk.dictionary.null_count for chunk in column.chunks)
    }
    if not coded:
        return frame_of(table)
    dtypes = frame_of(table.slice(0, 0)).dtypes
    made = {
        index: categories(table.column(index), dtypes[index], base)
        for index in coded
        if type(dtypes[index]) in _CODED
    }
    for index in made:  # what stands there for now is made of nothing, and goes
        table = table.set_column(index, table.schema.names[index], pa.nulls(table.num_rows))
    frame = frame_of(table)
    for index, series in made.items():
        frame.replace_column(index, series.alias(frame.columns[index]))
    return frame


def _leaves(dtype: Any) -> set[type]:
    """The classes of the dtypes that a dtype is made of in the end."""
    within = inner(dtype)
    return set().union(*map(_leaves, within)) if within else {type(dtype)}


def inner(dtype: Any) -> list[Any]:
    """The dtypes that a nested one is made of."""
    if isinstance(dtype, pl.Struct):
        return [field.dtype for field in dtype.fields]
    if isinstance(dtype, pl.Map):
        return [dtype.key, dtype.value]
    return [dtype.inner] if isinstance(dtype, (pl.List, pl.Array)) else []
