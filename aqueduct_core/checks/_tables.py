"""Numbers about tables of pandas, polars and Arrow, the same for all of them.

Missing is what is null or NaN, whatever library the table is of.
"""

from __future__ import annotations

import sys
from typing import Any

from aqueduct_core.errors import ColumnNotFoundError, MissingExtraError, OperatorError

__all__ = ["number_of_missing_values", "number_of_rows", "statistic"]

_LISTED = 20  # columns that a message names
_KINDS = {
    "pandas": ("DataFrame", "Series"),
    "polars": ("DataFrame", "LazyFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch", "Array", "ChunkedArray"),
}


def number_of_rows(table: Any) -> int:
    """How many rows a table has."""
    return len(_table("number_of_rows", table))


def number_of_missing_values(
    table: Any, *, column: str | int | None = None, row: int | None = None
) -> int:
    """How many values are missing in a column, in a row (counted from 0), or in all of a table."""
    what = "number_of_missing_values"
    table = _table(what, table)
    if row is not None and not 0 <= row < len(table):
        raise OperatorError(
            f"{what}(row={row}): the table has {len(table)} rows", hint="rows are counted from 0"
        )
    if row is not None:
        table = _slice(table, row, 1)
    columns = _columns(table) if column is None else [_column(what, table, column)]
    return sum(map(_missing, columns))


def statistic(table: Any, *, name: str, column: str | int) -> Any:
    """`min`, `max`, `mean` or `std` (of a sample) of the values of a column that aren't missing.

    Without any, the result is NaN.
    """
    what = f"{name}({column!r})"
    values = _numbers(what, _column(what, _table(what, table), column))
    pc = _compute(what)
    if len(values) == 0 or (name == "std" and len(values) == 1):
        return float("nan")
    if name == "mean":
        return _mean(values)
    if name == "std":
        return pc.stddev(_as_float(values), ddof=1).as_py()
    return getattr(pc, name)(values).as_py()


def _mean(values: Any) -> float:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(values.type):
        limits = pc.min_max(values).as_py()
        if max(abs(limits["min"]), abs(limits["max"])) * len(values) < 2**63:
            return float(pc.sum(values).as_py() / len(values))  # rounded once, at the very end
    return float(pc.mean(_as_float(values)).as_py())


def _as_float(values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(values, pa.float64(), safe=False)


def _numbers(what: str, column: Any) -> Any:
    """The values of a column that aren't missing, as an Arrow array of numbers."""
    pc = _compute(what)
    import pyarrow as pa

    try:
        if _library(column) == "pandas":
            array = pa.chunked_array([pa.array(column, from_pandas=True)])
        else:
            array = column.to_arrow() if _library(column) == "polars" else column
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise OperatorError(
            f"{what}: the column has values that are no numbers ({error})",
            hint="take a column of numbers, or make it one first",
        ) from error
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    if pa.types.is_float16(array.type):
        array = pc.cast(array, pa.float32())
    types = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(fits(array.type) for fits in types):
        raise OperatorError(
            f"{what}: the column holds {array.type}, not numbers",
            hint="take a column of numbers, or write an @metric of your own",
        )
    return array.filter(pc.invert(pc.is_null(array, nan_is_null=True)))


def _missing(column: Any) -> int:
    library = _library(column)
    if library == "pandas":
        if column.dtype.kind == "f":  # extension types tell NaN from missing
            column = column.astype("float64")
        return int(column.isna().sum())
    if library == "polars":
        return int(column.null_count() + (column.is_nan().sum() if column.dtype.is_float() else 0))
    import pyarrow.compute as pc

    return int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)


def _table(what: str, value: Any) -> Any:
    """A table, with what is lazy collected."""
    kind = type(value).__name__
    library = _library(value)
    if library == "polars" and hasattr(value, "collect"):
        return value.collect()
    if library is None or not (hasattr(value, "columns") or hasattr(value, "num_columns")):
        raise OperatorError(
            f"{what} needs a table, not {kind}",
            hint="call it on an artifact that is a DataFrame or an Arrow table",
        )
    return value


def _names(table: Any) -> list[Any]:
    return list(table.column_names if _library(table) == "pyarrow" else table.columns)


def _columns(table: Any) -> list[Any]:
    """All columns; in pandas several may have one name."""
    if _library(table) == "pandas":
        return [table.iloc[:, place] for place in range(table.shape[1])]
    return [table[name] for name in _names(table)]


def _column(what: str, table: Any, name: str | int) -> Any:
    names = _names(table)
    found = names.count(name)
    if not found:
        listed = ", ".join(repr(item) for item in names[:_LISTED])
        more = ", ..." if len(names) > _LISTED else ""
        raise ColumnNotFoundError(
            f"{what}: the table has no column {name!r}", hint=f"there is: {listed}{more}"
        )
    if found > 1:
        raise OperatorError(
            f"{what}: the table has {found} columns called {name!r}", hint="rename them first"
        )
    return table[name]


def _slice(table: Any, start: int, rows: int) -> Any:
    if _library(table) == "pandas":
        return table.iloc[start : start + rows]
    return table.slice(start, rows)


def _compute(what: str) -> Any:
    try:
        import pyarrow.compute as pc
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "tables", what) from error
    return pc


def _library(value: Any) -> str | None:
    """Which library a table or a column is of."""
    for library, kinds in _KINDS.items():
        module = sys.modules.get(library)
        if module is not None and isinstance(value, tuple(getattr(module, kind) for kind in kinds)):
            return library
    return None
