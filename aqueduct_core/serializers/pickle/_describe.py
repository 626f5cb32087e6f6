"""A few words on any object, without running for long or raising."""

from __future__ import annotations

import reprlib
import sys
from contextlib import suppress
from types import MemberDescriptorType
from typing import Any

from aqueduct_core.abc import Budget
from aqueduct_core.serializers.pickle._reasons import attributes_of, class_name

__all__ = ["preview"]

_LARGE = 10_000  # members from which on repr() could take long
_LONG = 1_000_000  # characters, the same
_TEXTS = frozenset({str, bytes, bytearray, range})
_DEPTH = 3


def preview(obj: Any, budget: Budget) -> str:
    """The `repr` of an object, cut; for large ones only what attributes there are."""
    limit = max(40, min(2_000, budget.size // 4))
    own: Any = type(obj).__repr__
    if own is object.__repr__ or _is_large(obj, _DEPTH):
        text = _outline(obj)
    else:
        try:
            text = repr(_asked(obj))
        except Exception as error:  # noqa: BLE001  # any class may have a broken __repr__
            text = f"<{class_name(type(obj))}: repr() raised {type(error).__name__}>"
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text.encode("utf-8", "replace").decode()


def _asked(obj: Any) -> Any:
    """What to ask for its `repr`: of a masked array a view, for to read its fill value is to set it."""
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    return obj.view() if masked is not None and isinstance(obj, masked) and obj.ndim else obj


def _outline(obj: Any) -> str:
    attributes = [*_state(obj).items()][:20]
    inner = ", ".join(
        f"{name}={reprlib.repr(value) if _is_plain(value) else '...'}" for name, value in attributes
    )
    return f"{class_name(type(obj))}({inner})"


def _state(obj: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots included; no code of its class runs for it."""
    found: dict[str, Any] = {}
    for cls in [cls for cls in type(obj).__mro__ if "__slots__" in vars(cls)]:
        for name, member in vars(cls).items():
            if type(member) is MemberDescriptorType:
                with suppress(AttributeError):  # nothing was put into it
                    found[name] = member.__get__(obj)
    return {**found, **attributes_of(obj)}


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str, bytes)


def _is_large(obj: Any, depth: int) -> bool:
    if type(obj) in _TEXTS:
        return len(obj) > _LONG
    if isinstance(obj, (list, tuple, dict, set, frozenset)):
        if len(obj) > _LARGE:
            return True
        members = [*(obj.values() if isinstance(obj, dict) else obj)][:100]
    else:
        members = [*_state(obj).values()][:100]
    if depth == 1:  # most members are here; without a call for each
        return any(len(member) > _LONG for member in members if type(member) in _TEXTS)
    return any(_is_large(member, depth - 1) for member in members)
