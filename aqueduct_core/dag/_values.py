"""Digests of values that functions refer to: equal for equal values, in every process.

A value is pickled into a hash. On the way everything whose pickle differs from process to process
is replaced: sets by their sorted members, functions, classes and modules by numbers, under which they
are listed, tables and arrays by the digest of their content.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pickle import PickleBuffer
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from blake3 import blake3

from aqueduct_core.digest import digest_of
from aqueduct_core.errors import UnserializableError
from aqueduct_core.registry import default_registry
from aqueduct_core.serializers.pickle._pickler import Pickler

__all__ = ["ValueDigest", "digest_value"]

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, list, dict, tuple})
_CACHED = type(functools.lru_cache(len))
_PLAIN = frozenset({"json", "pickle", "text", "bytes"})  # as good as a pickle: no content digest


@dataclass(slots=True)
class ValueDigest:
    """What is known about a value.

    Attributes:
        digest: The digest of its content, without what it refers to.
        size: Bytes, roughly.
        refs: What it refers to: functions, classes and modules, in order.
    """

    digest: str
    size: int
    refs: list[Any] = field(default_factory=list)


def digest_value(value: Any, special: Callable[[Any], bool]) -> ValueDigest:
    """The digest of a value.

    Args:
        value: Anything that can be pickled.
        special: Whether an object shall be listed in `refs` instead of being looked into.

    Raises:
        Exception: Whatever pickling raises for what can't be pickled.
    """
    try:
        return _digest(value, special, fast=True)
    except ValueError as error:
        # Without a memo equal values have equal pickles, whether their parts are the same objects
        # or copies of each other; a value that contains itself needs one.
        if "cyclic" not in str(error):
            raise
    return _digest(value, special, fast=False)


def _digest(value: Any, special: Callable[[Any], bool], *, fast: bool) -> ValueDigest:
    sink = _Hashing()
    pickler = _Digester(sink, special, sink.take)
    pickler.fast = fast
    pickler.dump(value)
    return ValueDigest("blake3:" + sink.hash.hexdigest(), sink.size, pickler.refs)


class _Hashing:
    """A file that only remembers the digest of what was written."""

    def __init__(self) -> None:
        self.hash = blake3()
        self.size = 0

    def write(self, data: Any) -> int:
        self.hash.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def take(self, buffer: PickleBuffer) -> bool:
        self.write(buffer.raw())
        return False


class _Digester(Pickler):
    def __init__(self, sink: _Hashing, special: Callable[[Any], bool], take: Any) -> None:
        super().__init__(sink, take)
        self._sink = sink
        self._special = special
        self.refs: list[Any] = []

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _ATOMS:
            return None
        if kind is set or kind is frozenset:
            return self._set(obj)
        if self._special(obj) or isinstance(obj, (type, FunctionType, ModuleType)):
            return self._reference(obj)
        if kind is BuiltinFunctionType:
            owner = obj.__self__
            if owner is None or isinstance(owner, ModuleType):
                return f"builtin {obj.__module__}.{obj.__qualname__}"
            return None
        if kind is _CACHED:
            return f"lru_cache {obj.cache_parameters()} {self._reference(obj.__wrapped__)}"
        if isinstance(obj, logging.Logger):
            return "logger"
        return self._content(obj)

    def _reference(self, obj: Any) -> str:
        self.refs.append(obj)
        return f"reference {len(self.refs)}"

    def _set(self, members: Any) -> str:
        if all(type(item) in (str, bytes, int, float, bool, type(None)) for item in members):
            return f"{type(members).__name__} {sorted(map(repr, members))}"
        found = sorted((digest_value(item, self._special) for item in members), key=_order)
        for item in found:
            self.refs += item.refs
        return f"{type(members).__name__} {[(item.digest, len(item.refs)) for item in found]}"

    def _content(self, obj: Any) -> str | None:
        numpy = sys.modules.get("numpy")
        if numpy is not None and type(obj) is numpy.ndarray and not obj.dtype.hasobject:
            return self._array(numpy, obj)
        if not _has_format(type(obj)):
            return None
        from aqueduct_core.store import ArtifactStore

        try:
            # `small` weighs nothing but the size, so the format doesn't depend on the storage.
            ref = ArtifactStore("memory://", policy="small", describe=False).put(obj, "value")
        except UnserializableError:
            return None
        self._sink.size += ref.size
        return f"content {ref.digest}"

    def _array(self, numpy: Any, array: Any) -> str:
        data = numpy.ascontiguousarray(array)
        if array.dtype.names:
            from numpy.lib.recfunctions import repack_fields

            # Between the fields of a structure there can be bytes that nobody has set.
            data = repack_fields(data, recurse=True)
        self._sink.size += data.nbytes
        raw = data.reshape(-1).view(numpy.uint8) if data.nbytes else b""
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        return f"array {array.dtype} {array.shape} {order} {digest_of(raw)}"


def _order(item: ValueDigest) -> str:
    return item.digest


def _has_format(kind: type) -> bool:
    """Whether values of a class are kept in a format of their own rather than in a pickle."""
    if kind.__module__ == "builtins":
        return False
    candidates = default_registry().candidates(kind)
    return bool(candidates) and candidates[0].name not in _PLAIN
