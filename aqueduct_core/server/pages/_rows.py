"""Rows of a table beyond its preview, a few at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import ColumnNotFoundError, MissingExtraError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.server.pages._cells import cell, decimals_of, fixed
from aqueduct_core.server.pages._reading import Recent
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["rows_between"]

_LONGEST = 200
_KEPT = 64 << 20  # bytes of a table in memory that is kept for the next rows
_INDEX = "__index_level_0__"  # what Arrow calls the index of a frame that has no name
_tables: Recent[Any] = Recent(4)


def rows_between(
    store: ArtifactStore, ref: ArtifactRef, columns: Mapping[str, int], start: int, count: int
) -> list[list[str | None]]:
    """Rows as cells show them, each after its label in the index.

    Args:
        store: Where the table is. It must not trust pickles.
        ref: The table.
        columns: The columns that are wanted, each with the decimals that its preview has.
        start: The first row.
        count: How many rows, at most.

    Raises:
        ColumnNotFoundError: The table has no such column.
    """
    part = _table(store, ref).slice(start, count)
    names = [str(name) for name in part.column_names]
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    missing = next((name for name in columns if name not in places), None)
    if missing is not None:
        raise ColumnNotFoundError(f"there is no column {missing!r}")
    if _INDEX in places:
        labels = [_cell(value) for value in part.column(places[_INDEX]).to_pylist()]
    else:
        labels = [str(start + place) for place in range(part.num_rows)]
    cells = [
        _cells(part.column(places[name]).to_pylist(), decimals)
        for name, decimals in columns.items()
    ]
    return [list(row) for row in zip(labels, *cells, strict=True)]


def _table(store: ArtifactStore, ref: ArtifactRef) -> pa.Table:
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "tables", "More rows than the preview") from error
    if ref.size > _KEPT:
        return store.get(ref, as_=pa.Table)
    return _tables.get((store.url, ref.digest), lambda: store.get(ref, as_=pa.Table))


def _cells(values: Sequence[Any], decimals: int) -> list[str | None]:
    """The cells of a column: at least as exact as its preview, so that they stand in line."""
    decimals = max(decimals, decimals_of(values))
    return [
        fixed(value, decimals)
        if isinstance(value, float) and not math.isnan(value)
        else _cell(value)
        for value in values
    ]


def _cell(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, datetime):
        text = value.isoformat(" ")
    elif isinstance(value, date | time):
        text = value.isoformat()
    elif isinstance(value, bytes):
        text = value.hex(" ")
    else:
        is_plain = isinstance(value, str | bool | int | float)
        text = cell(value) if is_plain else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
