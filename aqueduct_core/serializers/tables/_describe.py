"""What people see of a table: its schema, statistics of its columns and its first rows.

Bounded on purpose: at most 50 columns get statistics, of 10,000 evenly spaced rows if there are more,
and none after the time is up. Cells that JSON can't hold are told as text.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.abc import JSON, Budget
from aqueduct_core.serializers.array import _describe as arrays
from aqueduct_core.serializers.tables._libraries import adapter_of

__all__ = [
    "MOST_SHOWN",
    "ODD",
    "ArrowView",
    "View",
    "arrow_statistics",
    "describe",
    "shorten",
    "text_statistics",
]

ODD = (
    *(ArithmeticError, AttributeError, LookupError, NotImplementedError, OSError, RecursionError),
    *(TypeError, ValueError, pa.ArrowException),
)
"""What a library may raise over a value that it can't count, order or print."""

MOST_SHOWN = 128
"""Columns beyond these are only counted."""
_MOST_COLUMNS = 50
_MOST_ROWS = 10_000
_ROWS_PER_SECOND = 500_000
_TEXTS = 2_000
_RUNS = 40
_TOP = 5
_LONGEST = 80


class View(Protocol):
    """One table as the description needs it."""

    rows: int
    size: int
    width: int
    names: Sequence[str]  # of the first `MOST_SHOWN` columns

    def field(self, index: int) -> dict[str, JSON]:
        """The type of a column and, if they are counted at no cost, its nulls."""
        ...

    def statistics(self, columns: range, step: int) -> Iterator[dict[str, JSON] | None]:
        """The statistics of every `step`-th value of columns, as they are asked for; None: unknown."""
        ...

    def cells(self, index: int, rows: int) -> list[JSON]:
        """The first values of a column, as a preview tells them."""
        ...

    def extras(self, rows: int) -> dict[str, JSON]:
        """What else a preview of this library shows."""
        ...


def describe(obj: Any, budget: Budget) -> dict[str, JSON]:
    """The description of a table, series or column of any library, as plain JSON."""
    with np.errstate(all="ignore"):
        return _described(_view(obj), budget)


def _view(obj: Any) -> View:
    library, adapter = adapter_of(type(obj))
    if library == "pandas":
        from aqueduct_core.serializers.tables._describe_pandas import PandasView

        return PandasView(obj)
    if library == "polars":
        return ArrowView(*adapter.shown(obj, MOST_SHOWN))
    return ArrowView(adapter.arrow_of(obj))


def _described(view: View, budget: Budget) -> dict[str, JSON]:
    # Processor time of this thread: on a busy machine a table is to be told as on an idle one.
    until = time.thread_time() + budget.seconds
    width = len(view.names)
    shown = range(min(width, max(1, budget.size // 128)))
    schema = [{"name": shorten(view.names[index]), **view.field(index)} for index in shown]
    found: dict[str, JSON] = {"columns": view.width, "bytes": view.size, "schema": schema}
    if view.rows < 0:  # not known without running what makes it
        return found
    found["rows"] = view.rows
    found["preview"] = _preview(view, budget)
    most = min(_MOST_ROWS, max(200, int(budget.seconds * _ROWS_PER_SECOND)))
    step = -(-view.rows // most) or 1
    statistics: dict[str, JSON] = {}
    counting = view.statistics(range(min(width, _MOST_COLUMNS, max(1, budget.size // 320))), step)
    for index, counted in enumerate(counting):
        if counted is not None:
            if "nulls" in schema[index]:
                counted["nulls"] = schema[index]["nulls"]
            elif step == 1 and "nulls" in counted:
                schema[index]["nulls"] = counted["nulls"]
            statistics.setdefault(shorten(view.names[index]), counted)
        if time.thread_time() > until:
            break
    found["statistics"] = statistics
    if step > 1:
        found["sampled"] = -(-view.rows // step)
    return found


def _preview(view: View, budget: Budget) -> JSON:
    rows = min(view.rows, budget.rows)
    room = max(1, budget.size // (2 * 20 * max(1, rows)))  # half of it, at some 20 bytes a cell
    width = min(len(view.names), _MOST_COLUMNS, room)
    columns = []
    for index in range(width):
        try:
            columns.append(view.cells(index, rows))
        except ODD:
            columns.append(["?"] * rows)
    return {
        "columns": [shorten(name) for name in view.names[:width]],
        "rows": [list(row) for row in zip(*columns, strict=True)],
        **view.extras(rows),
    }


def cell(value: Any) -> JSON:
    """One value of a preview."""
    if value is None or type(value) is bool:
        return value
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if type(value) is bytes:
        value = value[:_LONGEST]
    try:
        return shorten(str(value))
    except ODD:
        return f"<{type(value).__name__}>"


def shorten(text: str) -> str:
    """A text short enough for a cell, and sayable in UTF-8."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


class ArrowView:
    """A table of pyarrow, or of polars as Arrow sees it.

    Args:
        table: The table.
        types: What its library calls the types of the first columns; `None`: Arrow's own names.
        shape: The rows and columns, if the table doesn't have all of them.
        size: Its bytes.
    """

    def __init__(
        self,
        table: pa.Table,
        types: dict[str, str] | None = None,
        shape: tuple[int, int] | None = None,
        size: int | None = None,
    ) -> None:
        self.rows: int
        self.width: int
        self.rows, self.width = shape or table.shape
        self._table = table
        self._types = types
        self.names = (table.schema.names if types is None else list(types))[:MOST_SHOWN]
        if types is None:
            self._places: Sequence[int] = range(table.num_columns)
        else:
            places = {name: index for index, name in enumerate(table.schema.names)}
            self._places = [places.get(name, -1) for name in types]
        self.size = int(table.nbytes) if size is None else size

    def field(self, index: int) -> dict[str, JSON]:
        place = self._places[index]
        name = str(self._table.schema.field(place).type) if place >= 0 else ""
        if self._types is not None:
            name = self._types[self.names[index]]
        found: dict[str, JSON] = {"type": shorten(name)}
        if place >= 0:
            found["nulls"] = self._table.column(place).null_count
        return found

    def statistics(self, columns: range, step: int) -> Iterator[dict[str, JSON] | None]:
        for index in columns:
            place = self._places[index]
            try:
                yield arrow_statistics(self._table.column(place), step) if place >= 0 else {}
            except ODD:
                yield None

    def cells(self, index: int, rows: int) -> list[JSON]:
        place = self._places[index]
        if place < 0:
            return ["…"] * rows
        return [cell(value) for value in self._table.column(place).slice(0, rows).to_pylist()]

    def extras(self, rows: int) -> dict[str, JSON]:
        return {}


def arrow_statistics(column: pa.ChunkedArray, step: int = 1) -> dict[str, JSON]:
    """The statistics of one in `step` values of an Arrow column."""
    sample = _thinned(column, step)
    kind = sample.type
    if pa.types.is_dictionary(kind):
        sample = sample.cast(kind.value_type)
        kind = kind.value_type
    nulls: dict[str, JSON] = {"nulls": sample.null_count}
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        # What is told of a whole table is exact; only of a sample the sample is enough.
        thinner = 1 if step == 1 else -(-len(sample) // _TEXTS) or 1
        return nulls | _of_texts(_thinned(sample, thinner))
    present = sample.drop_null() if sample.null_count else sample
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        found = arrays.statistics(_vector(present))
        return {**found, "nulls": sample.null_count}
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_duration(kind):
        found = arrays.statistics(_vector(present))
        return {**found, "nulls": sample.null_count}
    if types.is_time(kind) or types.is_decimal(kind):
        least = pc.min_max(present).as_py()
        if len(present):
            return {**nulls, "min": str(least["min"]), "max": str(least["max"])}
        return nulls
    return nulls


def _of_texts(column: pa.ChunkedArray) -> dict[str, JSON]:
    """The same as `text_statistics`, without a Python object for each text."""
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if column.null_count:
        column = column.drop_null()
    if not len(column):
        return {}
    counted = (column.chunk(0) if column.num_chunks == 1 else column).value_counts()
    texts, counts = counted.field(0), counted.field(1).to_numpy()
    order = np.argsort(-counts, kind="stable")[:_TOP].tolist()
    top: list[JSON] = [[shorten(texts[place].as_py()), counts.item(place)] for place in order]
    least, most = pc.min_max(texts).values()
    ends = {"min": shorten(least.as_py()), "max": shorten(most.as_py())}
    return {**ends, "distinct": len(texts), "top": top}


def text_statistics(counts: Counter[str]) -> dict[str, JSON]:
    """The range and the most frequent of some texts."""
    if not counts:
        return {}
    top: list[JSON] = [[shorten(text), count] for text, count in counts.most_common(_TOP)]
    found: dict[str, JSON] = {"min": shorten(min(counts)), "max": shorten(max(counts))}
    return {**found, "distinct": len(counts), "top": top}


def _thinned(column: pa.ChunkedArray, step: int) -> pa.ChunkedArray:
    """One in `step` values, as evenly spaced runs: views and unions can be cut, but not picked from."""
    if step == 1:
        return column
    run = max(1, len(column) // (step * _RUNS))
    starts = [(len(column) - run) * index // (_RUNS - 1) for index in range(_RUNS)]
    chunks = [chunk for start in starts for chunk in column.slice(start, run).chunks]
    return pa.chunked_array(chunks, column.type)


def _vector(column: pa.ChunkedArray) -> Any:
    return column.to_numpy()
