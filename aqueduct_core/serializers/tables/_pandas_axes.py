"""The column labels of a frame: how they are told, and what the physical columns are named.

| form | labels |
|---|---|
| `{"names": [...], "dtype": spec}` | unique text; the physical columns have these very names |
| `{"range": [start, stop, step]}` | a `RangeIndex`; the columns are named `"0"`, `"1"`, ... |
| `{"labels": [tagged...], "nested": i, "physical": [...]}` | any other index, stored as an object of its own |

`name` is tagged, in the first two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from aqueduct_core.abc import JSON
from aqueduct_core.errors import ColumnNotFoundError, CorruptArtifactError, UnserializableError
from aqueduct_core.serializers import tagged
from aqueduct_core.serializers._jsontext import has_utf8
from aqueduct_core.serializers.tables._pandas_context import Reader, Writer
from aqueduct_core.serializers.tables._pandas_dtypes import text_dtype, text_form

__all__ = ["axis_to_json", "labels_of", "locate", "physical_names", "to_index", "unique_names"]

_SHOWN = 50
_MOST = 10_000_000  # columns; more than memory could hold the names of


def axis_to_json(columns: pd.Index, out: Writer) -> dict[str, JSON]:
    """The form of a frame's column labels."""
    labels = columns.tolist()
    if type(columns) is pd.RangeIndex:
        spec: dict[str, JSON] = {"range": [columns.start, columns.stop, columns.step]}
    elif type(columns) is pd.Index and _are_names(labels):
        spec = {"names": labels, "dtype": _text_dtype(columns.dtype)}
        if spec["dtype"] is None:
            return _nested_axis(columns, labels, out)
    else:
        return _nested_axis(columns, labels, out)
    if columns.name is not None:
        spec["name"] = out.plain(columns.name, ".columns.name")
    return spec


def _are_names(labels: list[Any]) -> bool:
    if not set(map(type, labels)) <= {str} or len(set(labels)) != len(labels):
        return False
    text = "".join(labels)
    # A lone surrogate has no place in a schema, and at a NUL other tools would end the name.
    return has_utf8(text) and "\0" not in text


def _text_dtype(dtype: Any) -> JSON:
    if dtype == np.dtype(object):
        return "object"
    if type(dtype) is pd.StringDtype:
        return text_form(dtype)
    return None


def _nested_axis(columns: pd.Index, labels: list[Any], out: Writer) -> dict[str, JSON]:
    told: list[JSON] = []
    for label in labels:
        try:
            told.append(tagged.to_json(label))
        except UnserializableError:
            told.append(None)  # it can be loaded with the others, only not asked for
    nested: Any = out.nest(columns, ".columns")
    return {**nested, "labels": told, "physical": unique_names(labels)}


def unique_names(labels: Sequence[Any]) -> list[str]:
    """Text for labels of any kind, made different where it isn't."""
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        text = str(label).encode("utf-8", "replace").decode().replace("\0", "")
        name, number = text, 0
        while name in taken:
            number += 1
            name = f"{text}.{number}"
        taken.add(name)
        names.append(name)
    return names


def physical_names(spec: Any) -> list[str]:
    """The names of a frame's physical columns."""
    if "names" in spec:
        return list(spec["names"])
    if "range" in spec:
        return [str(label) for label in _range_of(spec)]
    return list(spec["physical"])


def _range_of(spec: Any) -> range:
    found = range(*spec["range"])
    if len(found) > _MOST:
        raise CorruptArtifactError(f"a frame can't have {len(found)} columns")
    return found


def to_index(spec: Any, source: Reader, places: Sequence[int] | None) -> pd.Index:
    """The column labels, or those at some places."""
    if "nested" in spec:
        columns = source.nested(spec)
        if not isinstance(columns, pd.Index):
            raise CorruptArtifactError("the column labels are no index")
        return columns if places is None else columns.take(np.asarray(places, np.intp))
    name = source.plain(spec["name"]) if "name" in spec else None
    if "range" in spec:
        columns = pd.RangeIndex(*spec["range"], name=name)
        return columns if places is None else columns.take(np.asarray(places, np.intp))
    names = spec["names"] if places is None else [spec["names"][place] for place in places]
    dtype: Any = object
    if spec["dtype"] != "object":
        dtype = text_dtype(spec["dtype"])
    return pd.Index(names, dtype=dtype, name=name)


def labels_of(spec: Any) -> list[Any]:
    """The labels that columns can be asked for by; those that can't are None."""
    if "names" in spec:
        return list(spec["names"])
    if "range" in spec:
        return list(_range_of(spec))
    return [node if type(node) is str else tagged.from_json(node) for node in spec["labels"]]


def locate(spec: Any, columns: Sequence[Any]) -> list[int]:
    """The places of the columns with these labels; a label that is there twice gives both.

    Raises:
        ColumnNotFoundError: A label isn't there.
    """
    places: dict[Any, list[int]] = {}
    for place, label in enumerate(labels_of(spec)):
        places.setdefault(label, []).append(place)
    found: list[int] = []
    for label in columns:
        if label not in places:
            there = ", ".join(map(repr, list(places)[:_SHOWN]))
            more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            raise ColumnNotFoundError(f"no column {label!r}; there are {there or 'none'}{more}")
        found += places[label]
    return found
