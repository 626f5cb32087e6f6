"""The proof that a pickle can be loaded, before it counts as stored.

Small pickles are loaded back whole. To load all of a large one takes as long as to make it, and the memory
of a copy. But whether an object of a class can be loaded is nearly always a matter of the class: so one of
each class is tried, alone. If that is large itself, since it holds the others, all is loaded once in
the life of the process.
"""

from __future__ import annotations

import io
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.pickle._check import difference
from aqueduct_core.serializers.pickle._pickler import Pickler, Unpickler
from aqueduct_core.serializers.pickle._reasons import class_name, locate, through

__all__ = ["KEPT", "SMALL", "prove"]

SMALL = 1 << 20  # pickles up to this size are always loaded back
KEPT = 64 << 20  # those beyond it never: their copy may not fit into memory
_COPIED = 8 << 20  # buffers up to this size are copied to be loaded, larger ones only if they must
_ALONE = 256 << 10  # how large the pickle of one object may be to be tried alone
_NODES = 10_000  # how many objects of a large pickle are compared
# Models of packages that are pickled every day: not worth the second load.
_PROVEN = "sklearn."
_PROVEN_PARTS = frozenset(
    {"_loss", "abc", "aqueduct_core", "builtins", "copyreg", "numpy", "scipy", "sklearn", "types"}
)
_proved: weakref.WeakSet[type] = (
    weakref.WeakSet()
)  # classes whose objects came back in this process


def prove(obj: Any, head: bytes | None, buffers: Sequence[memoryview], pickler: Pickler) -> None:
    """See whether a pickle brings back what went in.

    Args:
        obj: What was pickled.
        head: The pickle; None if it is larger than `KEPT`.
        buffers: Its buffers.
        pickler: What pickled it.

    Raises:
        UnserializableError: It doesn't load, or as something else.
    """
    proven = str(type(obj).__module__).startswith(_PROVEN)
    if proven and all(module.partition(".")[0] in _PROVEN_PARTS for module in pickler.modules):
        return
    if head is not None and len(head) <= SMALL:
        _check(obj, head, buffers)
        return
    try:
        alone = _is_proved(pickler.firsts)
    except UnserializableError:
        if head is None:
            raise
        alone = False  # where it is in the whole is told below
    if not alone and head is not None:
        _check(obj, head, buffers, nodes=_NODES)
        _proved.update(pickler.firsts)


def _is_proved(firsts: Mapping[type, Any]) -> bool:
    """Whether an object of each class comes back; False if one is too large to be tried alone."""
    all_are = True
    for cls, first in firsts.items():
        if cls in _proved or str(cls.__module__).partition(".")[0] in _PROVEN_PARTS:
            continue
        file, buffers = _Short(), list[Any]()
        try:
            Pickler(file, buffers.append).dump(first)
        except _TooLongError:
            all_are = False
            continue
        _check(first, file.getvalue(), [buffer.raw() for buffer in buffers])
        _proved.add(cls)
    return all_are


class _TooLongError(Exception):
    """A pickle has become larger than it may."""


class _Short(io.BytesIO):
    def write(self, data: Any, /) -> int:
        if self.tell() + memoryview(data).nbytes > _ALONE:
            raise _TooLongError
        return super().write(data)


def _check(obj: Any, head: bytes, buffers: Sequence[memoryview], **limit: int) -> None:
    """Load a pickle back and compare."""
    if sum(buffer.nbytes for buffer in buffers) > _COPIED:
        # As they lie there, for reading only: few classes mind, and those are asked again below.
        try:
            copy = _load(head, [buffer.toreadonly() for buffer in buffers])
            if difference(obj, copy, _reload, **limit) is None:
                return
        except Exception:  # noqa: BLE001, S110  # what it says of copies is what counts
            pass
    try:
        # Copies: what is loaded may write into its buffers.
        copy = _load(head, [bytearray(buffer) for buffer in buffers])
        found = difference(obj, copy, _reload, **limit)
    except Exception as error:
        path, variable, leaf, cause = locate(obj, _fails_to_load, error)
        raise UnserializableError(
            through(variable)
            + f"{class_name(type(leaf))} can be pickled, but its pickle can't be loaded: "
            f"{type(cause).__name__}: {cause}",
            path=path,
            hint="give its class a __reduce__ that returns what its constructor needs",
        ) from error
    if found is not None:
        path, reason = found
        raise UnserializableError(
            f"a pickle would change it: {reason}",
            path=path,
            hint="give its class a __reduce__ that keeps all of it, or register a serializer",
        )


def _load(head: bytes, buffers: Sequence[Any]) -> Any:
    return Unpickler(io.BytesIO(head), buffers, elsewhere=True).load()


def _fails_to_load(obj: Any) -> Exception | None:
    try:
        _reload(obj)
    except Exception as error:  # noqa: BLE001  # it is what we look for
        return error
    return None


def _reload(obj: Any) -> Any:
    file = io.BytesIO()
    Pickler(file).dump(obj)
    file.seek(0)
    return Unpickler(file, elsewhere=True).load()
