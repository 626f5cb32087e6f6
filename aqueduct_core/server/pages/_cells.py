"""Values as the cells of tables show them: as exact as there is room for, and in line with each other."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aqueduct_core.server.pages._words import number

__all__ = ["cell", "column_texts", "days_text", "decimals_of", "ends_text", "fixed"]

_DECIMALS = 6
_LEAST, _MOST = 1e-5, 1e15  # what is told with decimals; other numbers with a power of ten
_MOMENTS = ("datetime", "timestamp", "Datetime")
_SPANS = ("timedelta", "duration", "Duration")
_MIDNIGHT = re.compile(r"[T ]00:00:00(\.0+)?$")
_FRACTION = re.compile(r"(:\d\d)\.0+(?=$|[Z+-])")
_SPAN = re.compile(r"(-?\d+) (nano|micro|milli|)seconds?")
# As pandas, Arrow and polars write types: `datetime64[us, Europe/Paris]`, `timestamp[us, tz=+05:30]`,
# `Datetime(time_unit='us', time_zone='UTC')`.
_ZONE = re.compile(r"(?:time_zone='|\[\w+, (?:tz=)?)([^'\]]+)")
_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):(\d\d)")
_PLAIN = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d+)?")
_PER_SECOND = {"nano": 1e9, "micro": 1e6, "milli": 1e3, "": 1.0}


def cell(value: Any) -> str:
    """A value as a cell shows it that stands alone."""
    if value is None:
        return ""
    if isinstance(value, bool | str | int):
        return str(value)
    if isinstance(value, float):
        return number(value) if abs(value) >= 1e-4 or value == 0 else f"{value:.3e}"
    return json.dumps(value, ensure_ascii=False)


def decimals_of(values: Iterable[Any]) -> int:
    """How many decimals tell floats as they are, at most six."""
    most = 0
    for value in values:
        if isinstance(value, float) and _LEAST <= abs(value) < _MOST:
            exponent = Decimal(repr(value)).normalize().as_tuple().exponent
            most = max(most, -exponent if isinstance(exponent, int) else 0)
    return min(most, _DECIMALS)


def fixed(value: float, decimals: int) -> str:
    """A float with so many decimals; one that would be nothing by that, or endless, with a power of ten."""
    if not math.isfinite(value):
        return number(value)
    if value and not _LEAST <= abs(value) < _MOST:
        return f"{value:.6g}"
    return f"{value:.{decimals}f}"


def column_texts(values: Sequence[Any], kind: str) -> list[str | None]:
    """The cells of a column; None where there is no value.

    Args:
        values: Its values, as a description tells them.
        kind: Its type.
    """
    if any(isinstance(value, float) for value in values):
        decimals = decimals_of(values)
        return [
            fixed(value, decimals) if isinstance(value, float) else _text(value) for value in values
        ]
    texts = [_text(value) for value in values]
    if kind.startswith(_MOMENTS):
        return _short_moments(texts)
    if kind.startswith(_SPANS):
        return [text and _short_span(text) for text in texts]
    return texts


def ends_text(value: Any, kind: str) -> Any:
    """The least or largest value of a column, shorter where it is a moment or a duration."""
    if not isinstance(value, str):
        return value
    if kind.startswith(_MOMENTS):
        return _short_moments([_in_zone(value, kind)])[0]
    return _short_span(value) if kind.startswith(_SPANS) else value


def days_text(least: Any, most: Any, kind: str) -> str | None:
    """From which day to which the moments of a column are, where it is one of moments."""
    if not (kind.startswith(_MOMENTS) and isinstance(least, str) and isinstance(most, str)):
        return None
    first, last = least[:10], most[:10]
    return first if first == last else f"{first} – {last}"


def _text(value: Any) -> str | None:
    return None if value is None else cell(value)


def _short_moments(texts: Sequence[str | None]) -> list[str | None]:
    """Leave out of moments what is zero in all of them."""
    has_time = not all(_MIDNIGHT.search(text) for text in texts if text is not None)
    found: list[str | None] = []
    for text in texts:
        if text is not None:
            short = _FRACTION.sub(r"\1", text)
            text = short.replace("T", " ") if has_time else _MIDNIGHT.sub("", text)
        found.append(text)
    return found


def _in_zone(text: str, kind: str) -> str:
    """A moment that is told in UTC, as the column has it whose type names a time zone."""
    named, found = _ZONE.search(kind), _PLAIN.fullmatch(text)
    if named is None or found is None:
        return text
    try:
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC).astimezone(_zone(named[1]))
    except (LookupError, ValueError, OSError, OverflowError):
        return f"{text}+00:00"  # of a zone that nobody knows here
    plain, offset = moment.isoformat()[:19], moment.isoformat()[19:]
    return f"{plain}{found[2] or ''}{offset}"


def _zone(name: str) -> tzinfo:
    fixed = _OFFSET.fullmatch(name)
    if fixed is None:
        return ZoneInfo(name)
    offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
    return timezone(-offset if fixed[1] == "-" else offset)


def _short_span(text: str) -> str:
    """`3600000000 microseconds` as `1:00:00`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return text
    try:
        return str(timedelta(seconds=int(found[1]) / _PER_SECOND[found[2]]))
    except OverflowError:
        return text
