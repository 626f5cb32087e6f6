"""Which rows are wanted: `[("country", "==", "US"), ("year", ">=", 2025)]`.

A list of conditions that must all hold; or a list of such lists, of which one must. A missing value
meets no condition but `("x", "==", None)`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from aqueduct_core.errors import GraphError, IntegrationError, UnserializableError
from aqueduct_core.serializers import tagged

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["Condition", "Rows", "columns_of", "expression", "read_rows", "remaining", "rows_spec"]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATORS = (*_COMPARE, "=", "in", "not in")
_EXAMPLE = 'rows=[("country", "==", "US"), ("year", ">=", 2025)]'


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column must be.

    Attributes:
        column: Its name.
        operator: One of `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`.
        value: What it is compared with.
    """

    column: str
    operator: str
    value: Any


Rows: TypeAlias = "tuple[tuple[Condition, ...], ...]"  # one of them must hold: all conditions in it


def rows_spec(rows: Any, take: Callable[[Any], str | None]) -> list[list[dict[str, JSON]]]:
    """Conditions as plain JSON, for the spec of a workflow.

    Args:
        rows: As the user wrote them.
        take: Returns the name under which the value will come, if it is an artifact.

    Raises:
        GraphError: They aren't conditions.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise GraphError(f"rows={rows!r} are no conditions", hint=_EXAMPLE)
    if isinstance(rows[0], tuple):
        rows = [rows]
    found = []
    for group in rows:
        if not isinstance(group, list | tuple) or not group:
            raise GraphError(f"{group!r} in rows= is no list of conditions", hint=_EXAMPLE)
        found.append([_condition_spec(item, take) for item in group])
    return found


def read_rows(spec: Any, given: Mapping[str, Any]) -> Rows | None:
    """The conditions that `rows_spec` wrote, with the values that artifacts have now."""
    if spec is None:
        return None
    return tuple(
        tuple(
            Condition(
                item["column"],
                item["operator"],
                given[item["input"]] if "input" in item else tagged.from_json(item["value"]),
            )
            for item in group
        )
        for group in spec
    )


def columns_of(rows: Rows | None) -> tuple[str, ...]:
    """The columns that conditions look at."""
    return tuple(dict.fromkeys(item.column for group in rows or () for item in group))


def remaining(rows: Rows | None, known: Mapping[str, Any]) -> Rows | None:
    """What is left to look at in a file whose partition columns have these values.

    Returns:
        No conditions (None) if all rows are wanted; `()` if none is.
    """
    if rows is None:
        return None
    left = [
        tuple(item for item in group if item.column not in known)
        for group in rows
        if all(_holds(item, known[item.column]) for item in group if item.column in known)
    ]
    return None if any(not group for group in left) else tuple(left)


def expression(rows: Rows, types: Mapping[str, Any]) -> Any:
    """Conditions as Arrow takes them.

    Args:
        rows: The conditions.
        types: The Arrow types of the columns.
    """
    import pyarrow.compute as pc

    whole = pc.scalar(False)
    for number, group in enumerate(rows):
        part = None
        for item in group:
            test = _test(item, types[item.column])
            part = test if part is None else part & test
        whole = part if number == 0 else whole | part
    return whole


def _condition_spec(item: Any, take: Callable[[Any], str | None]) -> dict[str, JSON]:
    if not isinstance(item, tuple) or len(item) != 3 or not isinstance(item[0], str):
        raise GraphError(f"{item!r} in rows= is no condition", hint=_EXAMPLE)
    column, how, value = item
    if how not in _OPERATORS:
        raise GraphError(f"rows= has no operator {how!r}", hint=f"one of {', '.join(_OPERATORS)}")
    known: dict[str, JSON] = {"column": column, "operator": "==" if how == "=" else how}
    name = take(value)
    if name is not None:
        return known | {"input": name}
    _check_value(column, str(known["operator"]), value)
    try:
        return known | {"value": tagged.to_json(value)}
    except UnserializableError as error:
        raise GraphError(
            f"rows= compares {column!r} with {value!r}, which can't be written down",
            hint="compare with numbers, text, dates and times",
        ) from error


def _check_value(column: str, how: str, value: Any) -> None:
    several = isinstance(value, list | tuple | set | frozenset)
    if several != (how in ("in", "not in")):
        raise GraphError(
            f"rows= compares {column!r} with {value!r} by {how!r}",
            hint="'in' and 'not in' take a list, the others a single value",
        )
    if value is None and how not in ("==", "!="):
        raise GraphError(
            f"rows= asks whether {column!r} is {how} None", hint="None goes with == and != only"
        )


def _holds(item: Condition, value: Any) -> bool:
    """Whether the value of a partition meets a condition."""
    if item.value is None:
        return (value is None) == (item.operator == "==")
    if value is None:
        return False
    try:
        if item.operator in ("in", "not in"):
            return (value in set(item.value)) == (item.operator == "in")
        if isinstance(value, str) != isinstance(item.value, str):
            raise TypeError
        return bool(_COMPARE[item.operator](value, item.value))
    except TypeError as error:
        raise IntegrationError(
            f"rows= compares the partition column {item.column!r}, which is {value!r}, with "
            f"{item.value!r}",
            hint="compare with a number where all partitions are numbers, else with text",
        ) from error


def _test(item: Condition, kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.field(item.column)
    if item.value is None:
        missing = column.is_null()
        return missing if item.operator == "==" else ~missing
    if item.operator in ("in", "not in"):
        wanted = pa.array([_like(value, kind) for value in item.value])
        found = column.isin(wanted)
        return found if item.operator == "in" else ~found & column.is_valid()
    return _COMPARE[item.operator](column, pc.scalar(_like(item.value, kind)))


def _like(value: Any, kind: Any) -> Any:
    """A value as an Arrow scalar that a column of some type can be compared with."""
    import pyarrow as pa

    from aqueduct_core.serializers.tables._moments import with_moments

    found = with_moments(pa.array([value]), [value])[0]
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    moment = types.is_temporal(kind)
    if moment and types.is_string(found.type):
        return found.cast(kind)
    return found
