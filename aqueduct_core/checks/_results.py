"""What metrics and checks may return.

Libraries are looked up in `sys.modules` only: no value of theirs exists unless they were imported.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from aqueduct_core.errors import OperatorError

__all__ = ["Verdict", "as_number", "as_verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, and why.

    A check may return one instead of a bool: `return Verdict(False, "3 customers have no email")`.

    Attributes:
        passed: Whether the check passed.
        reason: Why it did not, in a sentence.
    """

    passed: bool
    reason: str | None = None

    def __bool__(self) -> bool:
        return self.passed

    @classmethod
    def of(cls, value: Any) -> Verdict:
        """The verdict that a check's value means: a bool, or a boolean column that is all true.

        Raises:
            OperatorError: It is anything else.
        """
        if isinstance(value, cls):
            return value
        if type(value) is bool:
            return cls(value)
        numpy, pandas, polars = (sys.modules.get(name) for name in ("numpy", "pandas", "polars"))
        if numpy is not None and isinstance(value, numpy.bool_):
            return cls(bool(value))
        if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype == bool:
            return _of_many(value.size, int(value.sum()), 0)
        if pandas is not None and isinstance(value, pandas.Series):
            if pandas.api.types.is_bool_dtype(value.dtype):
                return _of_many(len(value), int(value.sum()), int(value.isna().sum()))
        elif (
            polars is not None
            and isinstance(value, polars.Series)
            and value.dtype == polars.Boolean
        ):
            return _of_many(len(value), int(value.sum() or 0), value.null_count())
        raise OperatorError(
            f"a check returns a bool or a boolean column, not {_told(value)}",
            hint=_advice(value, "the comparison"),
        )


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
    """Whether a check passed; `Verdict.of` also tells why not.

    Raises:
        OperatorError: The value is no verdict.
    """
    return Verdict.of(value).passed


def _of_many(rows: int, true: int, missing: int) -> Verdict:
    """Whether all rows are true; what is missing isn't known to be."""
    if true == rows:
        return Verdict(True)
    said = f", {missing:,} of them missing" if missing else ""
    return Verdict(False, f"{rows - true:,} of {rows:,} rows are not true{said}")


def _told(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    kind = type(value).__name__
    return kind if value is None or dtype is None else f"{kind} of {dtype}"


def _advice(value: Any, what: str) -> str:
    if value is None:
        return f"return {what}: a function without return gives None"
    return f"return {what} itself"
