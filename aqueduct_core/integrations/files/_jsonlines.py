"""JSON: one document a file, or one row a line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations._frames import frame_of
from aqueduct_core.integrations.files._frames import arrow_of, frame_from, is_table
from aqueduct_core.integrations.files._source import SourceFile

_SIMPLE = {str, bool, int, type(None)}
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

__all__ = [
    "parsed_lines",
    "read_document",
    "read_lines",
    "table_of_lines",
    "write_document",
    "write_lines",
]


def read_document(file: SourceFile) -> Any:
    """The value that a JSON file holds."""
    try:
        return _decoder(file.content().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        raise IntegrationError(
            f"{file.name} is more than one document of JSON: {error}",
            hint='format="jsonl" reads one object a line, as a table',
        ) from error


def read_lines(file: SourceFile) -> list[dict[str, Any]]:
    """The objects in the lines of a file."""
    return parsed_lines(file, file.content().decode("utf-8-sig"), 1)


def parsed_lines(file: SourceFile, text: str, first: int) -> list[dict[str, Any]]:
    """The objects in some lines of a file.

    Args:
        file: The file.
        text: The lines.
        first: The number of the first of them.
    """
    found = []
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip():
            continue
        try:
            row = _decoder(line)
        except ValueError as error:
            raise IntegrationError(
                f"{file.name}, line {number}: {error}",
                hint="each line of a .jsonl file is one JSON object",
            ) from error
        if not isinstance(row, dict):
            raise IntegrationError(
                f"{file.name}, line {number}: this is no JSON object but {row!r:.40}",
                hint='each line of a .jsonl file is one JSON object; format="json" reads one document',
            )
        found.append(row)
    return found


def table_of_lines(
    rows: Sequence[dict[str, Any]],
    chosen: Sequence[str] | None,
    keep: Callable[[pa.Table], Sequence[int]] | None,
    looked_at: Sequence[str],
) -> pd.DataFrame:
    """Rows as a DataFrame. Objects and lists in them stay what they are.

    Args:
        rows: What `read_lines` gave.
        chosen: The columns; all by default.
        keep: Says which rows to keep, from a table of the columns `looked_at`.
        looked_at: The columns that rows are chosen by.
    """
    kept = None
    if keep is not None:
        table = pa.table([_column(rows, name) for name in looked_at], names=list(looked_at))
        kept = keep(table)
    names = list(dict.fromkeys(name for row in rows for name in row)) if chosen is None else chosen
    if not names:
        return pd.DataFrame(index=pd.RangeIndex(len(rows)))
    return frame_of(names, [_series(rows, name, kept) for name in names])


def write_document(value: Any) -> list[Any]:
    """A value as a JSON document; a table as a list of its rows.

    Raises:
        LossyTypeError: JSON has no such value.
    """
    if is_table(value):
        value = _rows(value)
    else:
        _check(value, "")
    return [_encode(value).encode(), b"\n"]


def write_lines(value: Any) -> list[Any]:
    """A table as one JSON object a line.

    Raises:
        LossyTypeError: JSON has no such value.
    """
    return ["".join([f"{_encode(row)}\n" for row in _rows(value)]).encode()]


def _rows(value: Any) -> list[dict[str, Any]]:
    """The rows of a table, all of whose cells JSON can hold."""
    if not is_table(value):
        raise LossyTypeError(
            f"a {type(value).__name__} has no rows that could be lines",
            hint='save a table, or the value as one document with format="json"',
        )
    if isinstance(value, pd.DataFrame):
        names, columns = [*value.columns], _columns_of_pandas(value)
    else:
        table = arrow_of(value, index=False)
        names, columns = table.column_names, [column.to_pylist() for column in table.columns]
    for name, cells in zip(names, columns, strict=True):
        _check({name: None}, "")
        if not _all_simple(cells):
            for number, cell in enumerate(cells):
                _check(cell, f"[{number}][{name!r}]")
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _all_simple(cells: list[Any]) -> bool:
    """Whether JSON holds all of them as they are, told in less time than by looking into each."""
    kinds = {type(cell) for cell in cells}
    if float not in kinds:
        return kinds <= _SIMPLE
    finite = all(math.isfinite(cell) for cell in cells if type(cell) is float)
    return finite and kinds <= _SIMPLE | {float}


def _columns_of_pandas(frame: pd.DataFrame) -> list[list[Any]]:
    counted = pd.RangeIndex(len(frame))
    if not frame.index.equals(counted) or frame.index.names != [None]:
        raise LossyTypeError(
            "the index of the DataFrame is more than the numbers of its rows",
            hint="frame.reset_index() makes it a column; reset_index(drop=True) drops it",
        )
    if not frame.columns.is_unique:
        raise LossyTypeError("two columns have one name", hint="rename one: frame.columns = [...]")
    return [[_plain(cell) for cell in frame.iloc[:, at].tolist()] for at in range(frame.shape[1])]


def _plain(cell: Any) -> Any:
    """A cell of pandas as JSON means it: what marks a missing value is null."""
    if cell is pd.NA or cell is pd.NaT or (type(cell) is float and math.isnan(cell)):
        return None
    return cell


def _check(value: Any, path: str) -> None:
    """Refuse what JSON would change, or can't hold."""
    if value is None or type(value) in (str, bool, int):
        return
    if type(value) is float and math.isfinite(value):
        return
    if type(value) is list:
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]")
        return
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise LossyTypeError(
                    f"a key of JSON is text, and {key!r} is {type(key).__name__}",
                    path=path,
                    hint="turn the keys into text before it is saved",
                )
            _check(item, f"{path}[{key!r}]")
        return
    raise LossyTypeError(
        f"JSON can't hold {value!r:.60}, which is {type(value).__name__}",
        path=path,
        hint="turn it into text or a number before it is saved, or save a table as Parquet",
    )


def _column(rows: Sequence[dict[str, Any]], name: str) -> pa.Array:
    try:
        return pa.array([row.get(name) for row in rows])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TypeError(f"the column {name!r} has values of several types: {error}") from error


def _series(rows: Sequence[dict[str, Any]], name: str, kept: Sequence[int] | None) -> pd.Series:
    """A column, whose type all rows decide, also those that are not kept."""
    values = [row.get(name) for row in rows]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= {str, bool}):
        with suppress(pa.ArrowInvalid, OverflowError, UnicodeError):  # integers beyond 64 bits
            array = pa.array(values)
            if kept is not None:
                array = array.take(pa.array(kept, pa.int64()))
            return frame_from(pa.table({"x": array}))["x"]
    if kept is not None:
        values = [values[index] for index in kept]
    return pd.Series(values, dtype=object)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is beyond what a float can hold")
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_refuse)


def _decoder(text: str) -> Any:
    return _decode.decode(text)
