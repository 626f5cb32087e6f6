"""What metrics and checks may return.

Libraries are looked up in `sys.modules` only: no value of theirs exists unless they were imported.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

from aqueduct_core.errors import OperatorError

__all__ = ["as_number", "as_verdict"]


def as_number(value: Any) -> Any:
    """A metric's value, as it is, if it is a number.

    Raises:
        OperatorError: It is none.
    """
    numpy = sys.modules.get("numpy")
    if type(value) in (int, float, Decimal, Fraction):
        return value
    if numpy is not None and isinstance(value, (numpy.integer, numpy.floating)):
        return value
    raise OperatorError(
        f"a metric returns a number, not {_told(value)}", hint=_advice(value, "the number")
    )


def as_verdict(value: Any) -> bool:
    """Whether a check passed: it returned True, or a boolean column that is true everywhere.

    Raises:
        OperatorError: It returned anything else.
    """
    if type(value) is bool:
        return value
    numpy, pandas, polars = (sys.modules.get(name) for name in ("numpy", "pandas", "polars"))
    if numpy is not None and isinstance(value, numpy.bool_):
        return bool(value)
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype == bool:
        return bool(value.all())
    if pandas is not None and isinstance(value, pandas.Series):
        if pandas.api.types.is_bool_dtype(value.dtype):
            # What is missing isn't known to be true.
            return not value.isna().any() and bool(value.all())
    elif polars is not None and isinstance(value, polars.Series) and value.dtype == polars.Boolean:
        return value.null_count() == 0 and bool(value.all())
    raise OperatorError(
        f"a check returns a bool or a boolean column, not {_told(value)}",
        hint=_advice(value, "the comparison"),
    )


def _told(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    kind = type(value).__name__
    return kind if value is None or dtype is None else f"{kind} of {dtype}"


def _advice(value: Any, what: str) -> str:
    if value is None:
        return f"return {what}: a function without return gives None"
    return f"return {what} itself"
