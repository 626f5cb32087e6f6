"""Columns of Python objects: typed where all cells are of one type, JSON text where they are plain.

`"cells"` in a spec says how they are stored:

| cells | physical column |
|---|---|
| `null` | nothing but missing values |
| `str`, `int`, `float`, `bool`, `bytes`, `date`, `datetime`, `time`, `timedelta`, `uuid` | of that type |
| `decimal` | decimals of one scale, or text |
| `scalar` | NumPy scalars of one dtype (`items`) |
| `list`, `tuple` | lists of cells (`items` is their spec) |
| `ndarray` | lists of numbers (`items` is their spec) |
| `json` | tagged JSON, one text per cell |
| `nested` | none: the cells are stored as a list of their own |

Missing values are null in the column. `"missing"` names the one object that stands for all of them, or
several (`None`, NaN, `NA`, `NaT`), with an array of their own that tells which null is which.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers import tagged
from aqueduct_core.serializers._jsontext import has_utf8
from aqueduct_core.serializers.tables._pandas_context import Encoded, Writer

__all__ = ["encode_cells"]

_MISSING_TYPES: dict[type, str] = {type(None): "none", type(pd.NA): "na", type(pd.NaT): "nat"}
_SCALARS = frozenset({str, int, bool, float})
_DEEPEST = 8  # typed lists inside lists; beyond, JSON does it
_NAN_BITS = struct.pack("<d", np.nan)

_UNFIT = (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError)
"""What Arrow raises for values that its type can't hold: then another form is tried."""


def encode_cells(cells: list[Any], out: Writer, at: str, depth: int = 0) -> Encoded:
    """The physical column and the spec of Python objects."""
    types = set(map(type, cells))
    missing = [name for kind, name in _MISSING_TYPES.items() if kind in types]
    present = types.difference(_MISSING_TYPES)
    if float in present and (missing or len(present) > 1) and _all_plain_nan(cells):
        present.discard(float)
        missing.append("nan")
    found = None
    if not present:
        found = Encoded(pa.nulls(len(cells)), {"cells": "null"})
    elif len(present) == 1:
        found = _typed(cells, next(iter(present)), missing, out, at, depth)
    if found is None:
        found = _json(cells, types, missing, out, at)
    if found.array is None or not missing:
        return found
    return Encoded(found.array, {**found.spec, "missing": _which(cells, missing, out, at)})  # type: ignore[dict-item]  # specs are dicts here


def _all_plain_nan(cells: list[Any]) -> bool:
    """Whether all floats among the cells are the NaN that `np.nan` is, bit for bit."""
    floats = [cell for cell in cells if type(cell) is float]
    if any(map(float.__eq__, floats, floats)):
        return False
    return np.array(floats).tobytes() == _NAN_BITS * len(floats)


def _which(cells: list[Any], missing: list[str], out: Writer, at: str) -> JSON:
    if len(missing) == 1:
        return missing[0]
    kinds = {**_MISSING_TYPES, float: "nan"} if "nan" in missing else _MISSING_TYPES
    order = [kind for kind, name in kinds.items() if name in missing]
    codes = [order.index(kind) for kind in map(type, cells) if kind in kinds]
    names: list[JSON] = [kinds[kind] for kind in order]
    nested = out.nest(np.array(codes, np.uint8), f"{at}.missing")
    return {"kinds": names, "codes": nested}


# --- cells of one type


def _typed(
    cells: list[Any], kind: type, missing: list[str], out: Writer, at: str, depth: int
) -> Encoded | None:
    """Cells that are all of one type, or missing; None if their column couldn't hold them exactly."""
    build = _BUILDERS.get(kind)
    if build is None:
        if missing or not issubclass(kind, np.generic):
            return None
        return _scalars(cells, out, at)
    if missing and missing != ["none"]:
        absent = tuple(_MISSING_TYPES) + ((float,) if "nan" in missing else ())
        cells = [None if type(cell) in absent else cell for cell in cells]
    try:
        return build(cells, bool(missing), out, at, depth)
    except _UNFIT:
        return None


def _simple(name: str, arrow: pa.DataType) -> Callable[..., Encoded]:
    def build(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded:
        return Encoded(pa.array(cells, arrow, from_pandas=False), {"cells": name})

    return build


def _clocked(name: str, arrow: pa.DataType) -> Callable[..., Encoded | None]:
    """Datetimes and times: those with a zone or a fold can't be told as numbers."""

    def build(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded | None:
        there = [cell for cell in cells if cell is not None] if missing else cells
        if set(map(attrgetter("tzinfo"), there)) != {None} or any(map(attrgetter("fold"), there)):
            return None
        return Encoded(pa.array(cells, arrow, from_pandas=False), {"cells": name})

    return build


def _uuids(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded | None:
    there = [cell for cell in cells if cell is not None] if missing else cells
    if set(map(attrgetter("is_safe"), there)) != {uuid.SafeUUID.unknown}:
        return None
    values = [None if cell is None else cell.bytes for cell in cells]
    return Encoded(pa.array(values, pa.binary(16)), {"cells": "uuid"})


def _decimals(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded:
    there = [cell.as_tuple() for cell in cells if cell is not None]
    exponents = {number.exponent for number in there}
    exponent = exponents.pop() if len(exponents) == 1 else None
    # Arrow's decimals have one scale and no negative zero, NaN or infinity.
    if type(exponent) is int and -38 <= exponent <= 0:
        digits = max(len(number.digits) for number in there)
        if digits <= 38 and not any(n.sign and n.digits == (0,) for n in there):
            arrow = pa.decimal128(38, -exponent)
            return Encoded(pa.array(cells, arrow, from_pandas=False), {"cells": "decimal"})
    texts = [None if cell is None else str(cell) for cell in cells]
    if any(Decimal(t).as_tuple() != n for t, n in zip(filter(None, texts), there, strict=True)):
        raise ValueError("a decimal that its text doesn't tell")
    return Encoded(pa.array(texts, pa.large_string()), {"cells": "decimal"})


def _lists(
    name: str,
) -> Callable[..., Encoded | None]:
    def build(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded | None:
        if depth >= _DEEPEST:
            return None
        if name == "list" and _are_shared(cells):
            return None
        flat = list(chain.from_iterable(cell for cell in cells if cell is not None))
        types = set(map(type, flat)).difference(_MISSING_TYPES)
        if not (len(types) < 2 and (types <= _BUILDERS.keys())):
            return None
        items = encode_cells(flat, out, at, depth + 1)
        if items.array is None or _cells_of(items) == "json":
            return None
        array = _list_array(cells, items.array)
        return Encoded(array, {"cells": name, "items": items.spec})

    return build


def _arrays(cells: list[Any], missing: bool, out: Writer, at: str, depth: int) -> Encoded | None:
    there = [cell for cell in cells if cell is not None] if missing else cells
    dtypes = set(map(attrgetter("dtype"), there))
    if _are_shared(there) or len(dtypes) != 1 or set(map(attrgetter("ndim"), there)) != {1}:
        return None
    dtype = dtypes.pop()
    if dtype.kind not in "biufcmM" or dtype.metadata or not dtype.isnative:
        return None
    # Equal dtypes can be two of C's types of one size.
    if {cell.dtype.num for cell in there} != {dtype.num}:
        return None
    if not all(cell.flags.writeable for cell in there):
        return None
    from aqueduct_core.serializers.tables._pandas_columns import encode_array

    items = encode_array(np.concatenate(there), out, at)
    if items.array is None:
        return None
    return Encoded(_list_array(cells, items.array), {"cells": "ndarray", "items": items.spec})


def _scalars(cells: list[Any], out: Writer, at: str) -> Encoded | None:
    """NumPy scalars of one dtype."""
    dtypes = set(map(attrgetter("dtype"), cells))
    dtype = dtypes.pop()
    if dtypes or dtype.kind not in "biufcmM":
        return None
    from aqueduct_core.serializers.tables._pandas_columns import encode_array

    values = np.array(cells, dtype)
    if any(map(lambda a, b: type(a) is not type(b), values, cells)):  # longlong is not long
        return None
    items = encode_array(values, out, at)
    if items.array is None:
        return None
    return Encoded(items.array, {"cells": "scalar", "items": items.spec})


def _are_shared(cells: list[Any]) -> bool:
    """Whether a cell stands in two places: then its changes show in both."""
    there = [id(cell) for cell in cells if cell is not None]
    return len(set(there)) < len(there)


def _list_array(cells: list[Any], items: Any) -> pa.Array:
    absent = np.fromiter((cell is None for cell in cells), bool, len(cells))
    ends = accumulate((0 if cell is None else len(cell) for cell in cells), initial=0)
    offsets = pa.array(np.fromiter(ends, np.int64, len(cells) + 1))
    mask = pa.array(absent) if absent.any() else None
    return pa.LargeListArray.from_arrays(offsets, items, mask=mask)


def _cells_of(encoded: Encoded) -> Any:
    return encoded.spec.get("cells") if isinstance(encoded.spec, dict) else None


_BUILDERS: dict[type, Callable[..., Encoded | None]] = {
    str: _simple("str", pa.large_string()),
    int: _simple("int", pa.int64()),
    bool: _simple("bool", pa.bool_()),
    float: _simple("float", pa.float64()),
    bytes: _simple("bytes", pa.large_binary()),
    dt.date: _simple("date", pa.date32()),
    dt.timedelta: _simple("timedelta", pa.duration("us")),
    dt.datetime: _clocked("datetime", pa.timestamp("us")),
    dt.time: _clocked("time", pa.time64("us")),
    uuid.UUID: _uuids,
    Decimal: _decimals,
    list: _lists("list"),
    tuple: _lists("tuple"),
    np.ndarray: _arrays,
}


# --- cells of several types


def _json(cells: list[Any], types: set[type], missing: list[str], out: Writer, at: str) -> Encoded:
    absent = {kind for kind, name in _MISSING_TYPES.items() if name in missing}
    if "nan" in missing:
        absent.add(float)
    there = [cell for cell in cells if type(cell) not in absent] if absent else cells
    texts = _scalar_texts(there) if types - absent <= _SCALARS else None
    if texts is None:
        texts = _tagged_texts(there)
    if texts is None:
        # The list's own error, if there is one, names the cell.
        return Encoded(None, {"cells": "nested", **_nest_list(cells, out, at)})
    column: Sequence[str | None] = texts
    if absent:
        each = iter(texts)
        column = [None if type(cell) in absent else next(each) for cell in cells]
    return Encoded(pa.array(column, pa.large_string()), {"cells": "json"})


def _tagged_texts(cells: list[Any]) -> list[str] | None:
    """Tagged JSON texts; None if a cell has no such form, or cells share what can change."""
    try:
        nodes = tagged.to_json(cells)
        if not isinstance(nodes, list):  # a graph: each cell alone wouldn't tell what they share
            return None
        return [json.dumps(node, allow_nan=False, check_circular=False) for node in nodes]
    except (UnserializableError, ValueError):
        return None


def _nest_list(cells: list[Any], out: Writer, at: str) -> dict[str, JSON]:
    return dict(out.nest(cells, at))  # type: ignore[arg-type]  # the form is a dict


def _scalar_texts(cells: list[Any]) -> list[str] | None:
    """JSON texts made in one go; None if a cell is a float or a text that JSON hasn't."""
    try:
        # A line break can't occur inside of a text, where it would be written as an escape.
        text = json.dumps(cells, ensure_ascii=False, allow_nan=False, separators=("\n", ":"))
    except ValueError:
        return None
    # As escapes, two halves of a surrogate pair would be read as the character that they aren't.
    return text[1:-1].split("\n") if has_utf8(text) else None
