"""pandas objects as descriptions need them, converting no more than what is looked at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.serializers.array._describe import statistics, statistics_of_all
from aqueduct_core.serializers.tables._describe import (
    MOST_SHOWN,
    ODD,
    arrow_statistics,
    cell,
    shorten,
    text_statistics,
)
from aqueduct_core.serializers.tables._pandas_internals import (
    blocks_of,
    masked_parts,
    plain_array,
)

__all__ = ["PandasView"]

_TEXTS = 2_000
_FEW = 256  # categories
_MANY = 8  # columns of numbers from which it pays to count several at once
_TOGETHER = 100_000  # numbers that are counted at once
_TEXTS_ONLY = frozenset({str, type(None)})
_ARROW = (pd.arrays.ArrowExtensionArray, pd.arrays.ArrowStringArray)
_MASKED = (pd.arrays.BooleanArray, pd.arrays.IntegerArray, pd.arrays.FloatingArray)


class PandasView:
    """A DataFrame, or a Series, Index or array as the one column of a frame."""

    def __init__(self, obj: Any) -> None:
        self._index = getattr(obj, "index", None)
        self._types: dict[int, str] = {}
        self.rows = len(obj)
        if isinstance(obj, pd.DataFrame):
            self.width = obj.shape[1]
            labels = obj.columns if self.width <= MOST_SHOWN else obj.columns[:MOST_SHOWN]
            self.names: Sequence[str] = list(map(str, _labels(labels)))
            self._columns, self.size = self._of_frame(obj)
        else:
            name = getattr(obj, "name", None)
            self.width = 1
            self.names = ["values" if name is None else str(name)]
            values = plain_array(obj.array if isinstance(obj, (pd.Series, pd.Index)) else obj)
            self._columns, self.size = [values], int(values.nbytes)

    def field(self, index: int) -> dict[str, JSON]:
        dtype = self._columns[index].dtype
        # The columns of a block share one dtype, and its name takes longer than anything else here.
        name = self._types.get(id(dtype))
        if name is None:
            told = _numpy_type(dtype) if isinstance(dtype, np.dtype) else _type(dtype)
            name = self._types[id(dtype)] = told
        return {"type": name}

    def statistics(self, columns: range, step: int) -> Iterator[dict[str, JSON] | None]:
        numbers = [index for index in columns if _is_numeric(self._columns[index])]
        if len(numbers) < _MANY:
            numbers = []
        size = max(1, _TOGETHER // (-(-self.rows // step) or 1))
        together: dict[int, dict[str, JSON]] = {}
        for index in columns:
            if numbers and index == numbers[0]:
                chosen, numbers = numbers[:size], numbers[size:]
                samples = [_numbers(self._columns[place], step) for place in chosen]
                together |= dict(zip(chosen, statistics_of_all(samples), strict=True))
            found = together.pop(index, None)
            yield _counted(self._columns[index], step) if found is None else found

    def cells(self, index: int, rows: int) -> list[JSON]:
        return _cells(self._columns[index], rows)

    def extras(self, rows: int) -> dict[str, JSON]:
        index = self._index
        if not isinstance(index, pd.Index) or isinstance(index, pd.RangeIndex):
            return {}
        try:
            return {"index": _told(index[:rows].tolist())}
        except ODD:
            return {}

    def _of_frame(self, frame: pd.DataFrame) -> tuple[list[Any], int]:
        """The first columns as arrays, and the bytes of all: faster than a Series for each."""
        columns: list[Any] = [None] * min(frame.shape[1], MOST_SHOWN)
        size = 0
        for values, where in blocks_of(frame):
            size += int(values.nbytes)
            places = where[:MOST_SHOWN].tolist()
            shown = [place for place in places if place < len(columns)]
            if not isinstance(values, np.ndarray):
                for place in shown:
                    columns[place] = values
                continue
            for row, place in enumerate(places):
                if place < len(columns):
                    columns[place] = values[row]
        return columns, size


def _is_numeric(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "iuf"
    return isinstance(values, (pd.arrays.IntegerArray, pd.arrays.FloatingArray))


def _numbers(values: Any, step: int) -> tuple[Any, Any]:
    """A sample of a column of numbers, and which of them are missing."""
    if isinstance(values, np.ndarray):
        return values[::step], None
    data, mask = masked_parts(values)
    return data[::step], mask[::step]


def _counted(column: Any, step: int) -> dict[str, JSON] | None:
    try:
        return _statistics(column, step)
    except ODD:
        return None


def _statistics(values: Any, step: int) -> dict[str, JSON]:
    if isinstance(values, np.ndarray):
        sample = values[::step]
        if sample.dtype.kind != "O":
            return statistics(sample)
        # What is told of a whole table is exact; only of a sample the sample is enough.
        return _of_objects(sample, len(sample) if step == 1 else _TEXTS)
    if isinstance(values, _MASKED):
        return statistics(*_numbers(values, step))
    if isinstance(values, _ARROW):
        return arrow_statistics(_chunked(values), step)
    if isinstance(values, pd.Categorical):
        return _of_categories(values.codes[::step], values.categories)
    sample = values[::step]
    if isinstance(sample, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)):
        return statistics(sample.asi8.view(f"M8[{sample.unit}]"))
    nulls: dict[str, JSON] = {"nulls": int(np.count_nonzero(sample.isna()))}
    if isinstance(sample.dtype, pd.SparseDtype):
        return statistics(np.asarray(sample))
    try:
        return arrow_statistics(_chunked(pa.array(sample, from_pandas=True))) | nulls
    except ODD:
        return nulls


def _of_categories(codes: Any, categories: pd.Index) -> dict[str, JSON]:
    present = codes[codes >= 0]
    counts = np.bincount(present)
    used = np.flatnonzero(counts)
    names = _names_of(categories, used)
    seen = Counter({str(names[code]): counts.item(code) for code in names})
    return {"nulls": len(codes) - len(present), **text_statistics(seen)}


def _names_of(categories: pd.Index, used: Any) -> dict[int, Any]:
    """The categories at some places; all if they are few, which is quicker than to pick."""
    if len(categories) <= _FEW:
        names = _labels(categories)
        return {code: names[code] for code in used.tolist()}
    return dict(zip(used.tolist(), categories.take(used).tolist(), strict=True))


def _labels(index: pd.Index) -> list[Any]:
    """What an index holds; texts of Arrow without all that pandas does around them."""
    # A MultiIndex has no array.
    if type(index) is pd.Index and type(index.array) is pd.arrays.ArrowStringArray:
        texts = _chunked(index.array)
        if not texts.null_count:
            return list(texts.to_pylist())
    return list(index.tolist())


def _of_objects(values: Any, most: int) -> dict[str, JSON]:
    nulls = int(np.count_nonzero(pd.isna(values)))
    texts = [value for value in values[:most].tolist() if type(value) is str]
    found: dict[str, JSON] = {"nulls": nulls}
    return (
        found | text_statistics(Counter(texts))
        if len(texts) >= min(len(values), most) / 2
        else found
    )


def _chunked(values: Any) -> pa.ChunkedArray:
    found = values.__arrow_array__() if isinstance(values, _ARROW) else values
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def _cells(values: Any, rows: int) -> list[JSON]:
    if isinstance(values, _ARROW):
        return _told(_chunked(values).slice(0, rows).to_pylist())
    if isinstance(values, pd.Categorical):
        codes = values.codes[:rows]
        used = np.unique(codes[codes >= 0])
        names = _names_of(values.categories, used)
        return _told([names.get(code) for code in codes.tolist()])
    if isinstance(values, _MASKED):
        data, mask = masked_parts(values)
        shown = _told(data[:rows].tolist())
        return [
            None if gone else value for value, gone in zip(shown, mask[:rows].tolist(), strict=True)
        ]
    first = values[:rows]
    if isinstance(first, np.ndarray) and first.dtype.kind == "M":
        return [None if text == "NaT" else text for text in np.datetime_as_string(first).tolist()]
    if isinstance(first, np.ndarray) and first.dtype.kind == "m":
        return [None if np.isnat(value) else str(value) for value in first]
    cells: list[JSON] = first.tolist()
    if isinstance(first, np.ndarray) and _are_plain(first, cells):
        return cells
    return _told(cells)


def _are_plain(values: np.ndarray[Any, Any], cells: list[Any]) -> bool:
    """Whether JSON takes the numbers of an array as they are."""
    if values.dtype.kind == "f":
        return all(map(math.isfinite, cells))
    return values.dtype.kind in "bi"


def _told(values: list[Any]) -> list[JSON]:
    if _TEXTS_ONLY.issuperset(map(type, values)):
        return [None if value is None else shorten(value) for value in values]
    return [None if value is pd.NA or value is pd.NaT else cell(value) for value in values]


@lru_cache(maxsize=256)
def _numpy_type(dtype: np.dtype[Any]) -> str:
    return shorten(str(dtype))


def _type(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        # Its own text prints the categories.
        count = 0 if dtype.categories is None else len(dtype.categories)
        return f"category[{count}]"
    return shorten(str(dtype))
