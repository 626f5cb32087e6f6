"""What columns of text are: a column gets a type only if all of its values say the same.

Integers are what can be written as the same text again: `007` and a serial number of 20 digits stay
text. Values may come in pieces, and nothing of them is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Guess", "typed"]

Column: TypeAlias = "pa.Array | pa.ChunkedArray"

_LOOKED_AT = 50  # values that are looked at before a pattern is tried on a whole piece
_FEW = 500
_DIGITS = 10**15  # integers below it are floats, too, where other values have a point
_FLOAT = (
    r"^(-?((0|[1-9][0-9]*)?\.[0-9]+|(0|[1-9][0-9]*)\.)([eE][+-]?[0-9]{1,3})?|-?[0-9][eE][+-]?[0-9]{1,3}"
    r"|0|-?[1-9][0-9]{0,14}|nan|-?inf)$"
)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = rf"{_DAY}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,9}})?"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_MICROSECONDS = 26  # characters of a moment that has as many digits
_FINE = r"\.[0-9]{7,9}"
_NANOSECONDS = 9_223_372_036_854_775  # microseconds from 1970 that nanoseconds reach
_OTHERS: Sequence[tuple[str, pa.DataType]] = (
    ("^(true|false)$", pa.bool_()),
    ("^(True|False)$", pa.bool_()),
    (f"^{_DAY}$", pa.date32()),
    (f"^{_MOMENT}$", pa.timestamp("us")),
    (f"^{_MOMENT}{_ZONE}$", pa.timestamp("us", "UTC")),
)


class Guess:
    """The type of a column of which all pieces have been looked at."""

    def __init__(self) -> None:
        self._kind: pa.DataType | None = None  # None as long as there are no values
        self._pattern = ""  # what all values match, if it is none of numbers
        self._most = 0  # the largest integer, or the moment that is the farthest from 1970
        self._is_fine = False

    @property
    def kind(self) -> pa.DataType:
        """The type of all values so far."""
        if self._kind is None or self._kind == pa.string():
            return pa.string()
        if self._is_fine:
            fits = self._most <= _NANOSECONDS
            return pa.timestamp("ns", self._kind.tz) if fits else pa.string()
        return self._kind

    def look(self, column: Column) -> None:
        """Look at more values.

        Args:
            column: Text; nulls say nothing.
        """
        if self._kind == pa.string() or column.null_count == len(column):
            return
        if self._kind is None:
            first = column.drop_null().slice(0, _LOOKED_AT)
            kind = self._tried(first) and self._tried(column)
        else:
            kind = self._tried(column)
        self._kind = pa.string() if kind is None else kind

    def _tried(self, column: Column) -> pa.DataType | None:
        """The type of all values so far, with these; None if that is none."""
        known = self._kind
        if known in (None, pa.int64()):
            if self._are_integers(column):
                return pa.int64()
            if known is not None and self._most >= _DIGITS:
                return None
        if known in (None, pa.int64(), pa.float64()):
            if _all(column, _FLOAT):
                return pa.float64() if _cast(column, pa.float64()) is not None else None
            if known is not None:
                return None
        for pattern, kind in _OTHERS:
            if self._pattern in ("", pattern) and _all(column, pattern):
                self._pattern = pattern
                return kind if self._holds(column, kind) else None
        return None

    def _are_integers(self, column: Column) -> bool:
        """Whether they are, told by writing them again: quicker than by a pattern."""
        found = _cast(column, pa.int64())
        if found is None or not pc.all(pc.equal(found.cast(pa.string()), column)).as_py():
            return False
        ends = pc.min_max(found).as_py()
        self._most = max(self._most, -ends["min"], ends["max"])
        return True

    def _holds(self, column: Column, kind: pa.DataType) -> bool:
        """Whether a type has all of these values; the 30th of February isn't one."""
        if pa.types.is_boolean(kind):
            return True
        if pa.types.is_timestamp(kind) and _is_fine(column, kind):
            self._is_fine = True
            kind = pa.timestamp("ns", kind.tz)
        found = _cast(column, kind)
        if found is not None and pa.types.is_timestamp(kind):
            ends = pc.min_max(found.cast(pa.int64())).as_py()
            each = 1000 if kind.unit == "ns" else 1
            self._most = max(self._most, -ends["min"] // each, ends["max"] // each)
        return found is not None


def typed(column: Column, kind: pa.DataType) -> Column:
    """A column of text as the type that a `Guess` has found."""
    if kind == pa.bool_():
        return pc.equal(pc.utf8_lower(column), "true")
    return column if kind == column.type else column.cast(kind)


def _all(column: Column, pattern: str) -> bool:
    if len(column) <= _FEW:  # Arrow would take longer to read the pattern
        return all(re.search(pattern, value) for value in column.to_pylist() if value is not None)
    return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _cast(column: Column, kind: pa.DataType) -> Column | None:
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        return None


def _is_fine(column: Column, kind: pa.DataType) -> bool:
    """Whether a moment has more than six digits below the second; most are too short for that."""
    longest = pc.max(pc.binary_length(column)).as_py()
    if longest <= _MICROSECONDS + (kind.tz is not None):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _FINE)).as_py())
