"""Metrics and checks that come with this package.

They are known by name and arguments: a spec shows what they do, and whoever runs one makes the
function from that, without a pickle.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aqueduct_core.checks import _tables
from aqueduct_core.checks._results import Verdict, as_number
from aqueduct_core.errors import NotFoundError, OperatorError

__all__ = ["BOUNDS", "SYSTEM_METRICS", "preset"]

SYSTEM_METRICS = ("runtime", "max_memory")
BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "lower": (">=", operator.ge),
    "upper": ("<=", operator.le),
    "equal": ("==", operator.eq),
    "not_equal": ("!=", operator.ne),
}


def preset(name: str, **arguments: Any) -> Callable[..., Any]:
    """The function of a metric or check that comes with this package.

    Metrics take a table: `number_of_rows()`, `number_of_missing_values(column=, row=)`,
    `min(column)`, `max(column)`, `mean(column)`, `std(column)`. `bound(lower=, upper=, equal=,
    not_equal=)` takes a number, and returns a `Verdict`. `system_metric(metric)` takes the
    *result* of the operator that made the artifact, not the artifact: anything with the attributes
    `seconds` and `peak_memory`, as in `result.json`.

    Args:
        name: Its name.
        **arguments: Its arguments.

    Raises:
        NotFoundError: There is none of this name.
    """
    if name not in _FUNCTIONS:
        raise NotFoundError(
            f"there is no preset {name!r}",
            hint=f"there is: {', '.join(_FUNCTIONS)}; a newer aqueduct-core may have more",
        )
    return partial(_FUNCTIONS[name], **arguments)


def _system_metric(result: Any, *, metric: str) -> Any:
    if metric == "runtime":
        return result.seconds["run"]
    if result.peak_memory is None:
        raise OperatorError(
            f"nobody measured the memory of {result.name!r}",
            hint="engines that run operators in processes of their own do",
        )
    return result.peak_memory


def _bound(value: Any, **bounds: Any) -> Verdict:
    number = as_number(value)
    if math.isnan(number):
        return Verdict(False, "it is not a number (NaN)")
    for name, limit in bounds.items():
        sign, holds = BOUNDS[name]
        if not holds(number, limit):
            return Verdict(False, f"{number} is not {sign} {limit}")
    return Verdict(True)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "number_of_rows": _tables.number_of_rows,
    "number_of_missing_values": _tables.number_of_missing_values,
    "min": partial(_tables.statistic, name="min"),
    "max": partial(_tables.statistic, name="max"),
    "mean": partial(_tables.statistic, name="mean"),
    "std": partial(_tables.statistic, name="std"),
    "bound": _bound,
    "system_metric": _system_metric,
}
