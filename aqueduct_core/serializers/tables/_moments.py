"""Moments with a zone, kept as they are when Python's values become Arrow's.

With `PYARROW_IGNORE_TIMEZONE` in the environment pyarrow takes the hours of any zone for those of UTC.
PySpark asks for it, and to import pandera sets it for the whole process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

__all__ = ["with_moments"]


def with_moments(array: Any, values: Iterable[Any]) -> Any:
    """What pyarrow has made of values, with the moments that these are.

    Args:
        array: An array, also a chunked one.
        values: What it was made of, as values of Python.

    Returns:
        An array of the same type, mostly the same one.

    Raises:
        pyarrow.ArrowInvalid: A moment is in no year that Python knows for UTC.
    """
    if "PYARROW_IGNORE_TIMEZONE" not in os.environ or "tz=" not in str(array.type):
        return array
    return pa.array(map(_in_utc, values), array.type)


def _in_utc(value: Any) -> Any:
    """A value whose moments are told in UTC, where nothing can be ignored."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise pa.ArrowInvalid(f"{value} is in no year that Python knows for UTC") from error
    if isinstance(value, dict):
        return {key: _in_utc(item) for key, item in value.items()}
    return [*map(_in_utc, value)] if isinstance(value, list | tuple) else value
