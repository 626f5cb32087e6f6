"""Exceptions with all that they carry, and tracebacks that print the same.

By default Python pickles an exception as its class and the arguments that it was made with, which it
gives to the class again. It forgets cause, context, traceback and what is in slots, and classes whose
`__init__` takes other arguments than those that it hands on come back changed, or not at all.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from types import FunctionType, MemberDescriptorType, TracebackType
from typing import Any

from aqueduct_core.serializers import _rebuild

__all__ = ["reduce_exception", "reduce_traceback"]

_LATE = ("__cause__", "__context__", "__suppress_context__", "__traceback__")
# Attributes that live in C and that the exceptions' own __reduce__ leaves out.
_MEMBERS = ("name", "obj", "path", "name_from")
_FRAMES = 10_000


def reduce_exception(error: BaseException) -> Any:
    """An exception as what makes it, and what it is given once it is there."""
    reduced = error.__reduce_ex__(5)
    if isinstance(reduced, str):
        return reduced
    make, arguments, state, items, pairs, setter = (*reduced, *[None] * 4)[:6]
    extras = dict(_extras(error, state))
    if _is_default(type(error)):
        if _has_own_init(type(error)):
            make, arguments = _rebuild.exception, (type(error), _base(type(error)), arguments)
            setter = _rebuild.exception_attributes if state is vars(error) else None
    elif arguments is not error.args:
        extras["args"] = error.args
    if not extras and make is not _rebuild.exception:
        return reduced
    # Not given to the constructor: causes and contexts can lead back to this exception.
    packed = (state, setter, extras)
    return make, arguments, packed, items, pairs, _rebuild.exception_state


def _extras(error: BaseException, state: Any) -> Iterator[tuple[str, Any]]:
    for name in _LATE:
        value = getattr(error, name)
        if value is not None and value is not False:
            yield name, value
    if error.__cause__ is not None and not error.__suppress_context__:
        yield "__suppress_context__", False  # setting the cause sets this, too
    if "__notes__" in vars(error) and not (isinstance(state, dict) and "__notes__" in state):
        yield "__notes__", error.__notes__
    for name in _slots(type(error)):
        if hasattr(error, name):
            yield name, getattr(error, name)
    if isinstance(error, (AttributeError, NameError, ImportError)):
        for name in _MEMBERS:
            value = getattr(error, name, None)
            if value is not None and name not in vars(error) and _is_member(type(error), name):
                yield name, value


def _slots(cls: type) -> list[str]:
    found: list[str] = copyreg._slotnames(cls)  # type: ignore[attr-defined]  # pickle's own
    return found


def _is_member(cls: type, name: str) -> bool:
    return isinstance(getattr(cls, name, None), MemberDescriptorType)


def _is_default(cls: type) -> bool:
    """Whether Python decides how it is pickled."""
    owner = next(base for base in cls.__mro__ if "__reduce__" in vars(base))
    own: Any = cls
    return owner.__module__ == "builtins" and own.__reduce_ex__ is object.__reduce_ex__


def _has_own_init(cls: type) -> bool:
    """Whether a constructor of somebody's would be given the arguments, which may want others."""
    own: Any = cls
    return type(own.__init__) is FunctionType and own.__new__ is _base(cls).__new__


def _base(cls: type) -> type:
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def reduce_traceback(traceback: TracebackType) -> Any:
    """The places of a traceback, of which one is made that prints the same."""
    entries: list[Any] = []
    step: TracebackType | None = traceback
    while step is not None and len(entries) < _FRAMES:
        entries.append(_entry(step))
        step = step.tb_next
    return _rebuild.traceback, (entries,)


def _entry(step: TracebackType) -> tuple[Any, ...]:
    code = step.tb_frame.f_code
    positions = [*code.co_positions()]
    index = step.tb_lasti // 2
    line, end_line, column, end_column = (
        positions[index] if 0 <= index < len(positions) else (None,) * 4
    )
    first = step.tb_lineno or line or 1
    return (
        code.co_filename,
        code.co_name,
        code.co_qualname,
        str(step.tb_frame.f_globals.get("__name__", "")),
        first,
        max(first, end_line or first),
        column or 0,
        end_column or 0,
    )
