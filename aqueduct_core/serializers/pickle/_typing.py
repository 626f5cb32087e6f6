"""What type hints are made of, where whoever loads the pickle doesn't find it under its name.

cloudpickle gives type variables an id of chance, and knows neither the other type parameters nor
aliases; those of a script would be looked for in the `__main__` of another process. From Python 3.14 on
it loses the annotations of classes, and fails at functions with annotations for type checkers alone.
"""

from __future__ import annotations

import functools
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FunctionType
from typing import Any

import cloudpickle

from aqueduct_core.serializers import _rebuild

__all__ = [
    "ALIAS",
    "HINTS",
    "PARAMETERS",
    "annotated",
    "reduce_alias",
    "reduce_class",
    "reduce_forward",
    "reduce_parameter",
]

_WITH_SETTER = 6  # members of what a class by value is reduced to
PARAMETERS = (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple)
ALIAS: Any = getattr(typing, "TypeAliasType", None)  # since Python 3.12
HINTS: frozenset[Any] = frozenset([*PARAMETERS, ALIAS])


def reduce_parameter(parameter: Any) -> Any:
    """A type parameter: by name where that says it, else with what it was made of."""
    name, module = parameter.__name__, parameter.__module__
    if _is_found(parameter):
        return name
    constraints = getattr(parameter, "__constraints__", ())
    settings = dict(_settings(parameter))
    return _rebuild.type_parameter, (type(parameter).__name__, name, module, constraints, settings)


def reduce_alias(alias: Any, boxes: dict[int, list[Any]]) -> Any:
    """What a `type` statement made.

    Args:
        alias: The alias.
        boxes: Of this pickle. An alias may name itself, and lists are known before they are full.
    """
    if _is_found(alias):
        return alias.__name__
    box = boxes.get(id(alias))
    if box is None:
        boxes[id(alias)] = box = []
        with suppress(NameError):  # for type checkers alone
            box.append(alias.__value__)
    return _rebuild.type_alias, (alias.__name__, alias.__module__, box, alias.__type_params__)


def reduce_class(cls: type, reduced: Any) -> Any:
    """Put the annotations of a class where cloudpickle leaves them out."""
    if sys.version_info < (3, 14) or type(reduced) is not tuple or len(reduced) < _WITH_SETTER:
        return reduced  # by name, or one of the few that are made by a call
    attributes = reduced[2][0]
    found = _annotations(cls)
    if found:
        attributes.pop("__annotations_cache__", None)
        attributes["__annotations__"] = found
    return reduced


def reduce_forward(reference: Any) -> Any:
    """A name that could not be looked up, without all that it could be looked up in."""
    known = (reference.__forward_is_argument__, reference.__forward_is_class__)
    return _rebuild.forward_reference, (reference.__forward_arg__, *known)


def annotated(function: FunctionType) -> FunctionType | None:
    """A copy of a function with texts for annotations, if they can't be computed."""
    try:
        function.__annotations__  # noqa: B018 - from 3.14 on they are computed now
    except Exception:  # noqa: BLE001 - they are for type checkers: no reason to fail
        copy = FunctionType(
            function.__code__,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        functools.update_wrapper(copy, function, ("__module__", "__qualname__", "__doc__"))
        del copy.__wrapped__  # type: ignore[attr-defined]  # it was set just now
        copy.__kwdefaults__ = function.__kwdefaults__
        copy.__annotations__ = _annotations(function)
        return copy
    return None


def _annotations(obj: Any) -> dict[str, Any]:
    """Those of a class or function, as texts if they can't be computed."""
    if sys.version_info >= (3, 14):
        import annotationlib

        try:
            return annotationlib.get_annotations(obj)
        except Exception:  # noqa: BLE001 - names that only type checkers know, and what is done with them
            return annotationlib.get_annotations(obj, format=annotationlib.Format.STRING)
    return dict(obj.__annotations__)


def _settings(parameter: Any) -> Iterator[tuple[str, Any]]:
    for name in ("covariant", "contravariant", "infer_variance"):
        if getattr(parameter, f"__{name}__", False):
            yield name, True
    with suppress(NameError):  # in Python 3.12 and newer it is computed now
        bound = getattr(parameter, "__bound__", None)
        if bound is not None:
            yield "bound", bound
    has_default: Callable[[], bool] = getattr(parameter, "has_default", bool)
    with suppress(NameError):
        if has_default():
            yield "default", parameter.__default__


def _is_found(obj: Any) -> bool:
    """Whether another process finds it in its module."""
    module = obj.__module__
    if module == "__main__" or module in cloudpickle.list_registry_pickle_by_value():
        return False
    return getattr(sys.modules.get(module), obj.__name__, None) is obj
