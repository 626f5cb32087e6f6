"""Values that are typed on the command line: the type of the default says how they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aqueduct_core._offers import offer_parameters
from aqueduct_core.errors import AqueductError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.dag import ParameterSpec

__all__ = ["read_pairs", "read_parameters"]

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def read_pairs(texts: Iterable[str], example: str) -> dict[str, str]:
    """`name=value`, several times.

    Raises:
        ParameterError: A text has no `=`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            # The text isn't repeated: it may be a password that landed in the wrong place.
            raise ParameterError("NAME=VALUE was expected, with a name and a =", hint=example)
        if name in found:
            raise ParameterError(f"{name!r} is given twice", hint="give it once")
        found[name] = value
    return found


def read_parameters(
    texts: Iterable[str], parameters: Mapping[str, ParameterSpec]
) -> dict[str, Any]:
    """Values for parameters of a workflow.

    Args:
        texts: `name=value`, as typed.
        parameters: The workflow's parameters.

    Raises:
        ParameterError: There is no such parameter, or its type can't be read from the text.
    """
    found: dict[str, Any] = {}
    for name, text in read_pairs(texts, "-p month=9").items():
        if name not in parameters:
            raise ParameterError(
                f"no parameter is called {name!r}", hint=offer_parameters(name, parameters)
            )
        found[name] = _read(name, text, parameters[name])
    return found


def _read(name: str, text: str, parameter: ParameterSpec) -> Any:
    if "value" not in parameter.value:
        raise ParameterError(
            f"the parameter {name!r} is a {parameter.type}, which can't be typed",
            hint=f"from Python: client.trigger(flow, parameters={{{name!r}: ...}})",
        )
    from aqueduct_core.serializers import tagged

    try:
        default = tagged.from_json(parameter.value["value"])
    except AqueductError as error:
        raise ParameterError(
            f"the parameter {name!r} has a type that isn't known here: {error.message}",
            hint="run it from Python, where its module is imported",
        ) from error
    kind = type(default)
    read = _READERS.get(kind)
    if read is None:
        raise ParameterError(
            f"the parameter {name!r} is a {kind.__name__}, which can't be typed",
            hint=f"from Python: client.trigger(flow, parameters={{{name!r}: ...}})",
        )
    try:
        return read(text)
    except (ValueError, TypeError, ArithmeticError) as error:
        what = "number" if kind in (int, float) else kind.__name__
        why = "" if what == "number" else f": {error}"
        raise ParameterError(
            f"{text!r} is no {what} for the parameter {name!r}{why}",
            hint=f"the default is {default}",
        ) from error


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("it is neither true nor false")


def _whole(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)  # a number is a number: 9.5 for 9 is no mistake of type


def _anything(text: str) -> Any:
    """JSON where it is JSON, otherwise the text itself: nothing is known about what is meant."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _items(kind: Callable[[list[Any]], Any], text: str) -> Any:
    found = json.loads(text)
    if not isinstance(found, list):
        raise TypeError('a JSON list was expected: \'["a", "b"]\'')
    return kind(found)


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("a JSON object was expected: '{\"a\": 1}'")
    return found


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    bool: _truth,
    int: _whole,
    float: float,
    type(None): _anything,
    bytes: str.encode,
    Decimal: Decimal,
    Fraction: Fraction,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    time: time.fromisoformat,
    timedelta: lambda text: timedelta(seconds=float(text)),
    dict: _object,
    list: partial(_items, list),
    tuple: partial(_items, tuple),
    set: partial(_items, set),
    frozenset: partial(_items, frozenset),
    **dict.fromkeys([Path, type(Path())], Path),
}
