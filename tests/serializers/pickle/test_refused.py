"""What can't be kept is refused, with its path, the reason and a way out."""

from __future__ import annotations

import collections
import contextvars
import ctypes
import datetime as dt
import functools
import gc
import logging
import queue
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import typing
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aqueduct_core.errors import (
    UnserializableError,
)
from aqueduct_core.store import ArtifactStore
from tests.serializers.pickle.pickles import (
    BrokenState,
    ListSubclass,
    Plain,
    Slots,
    again,
    generic,
)


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://pickles", allow_pickle=True)


def closing_over(conn: Any) -> Any:
    def count() -> Any:
        return conn.execute("select 1")

    return count


def generator() -> Any:
    yield 1


async def coroutine() -> None: ...


def closed(value: Any) -> Any:
    value.close()
    return value


class NeedsArguments:
    def __new__(cls, needed: int) -> Any:
        return super().__new__(cls)


class BrokenReduce:
    def __reduce__(self) -> Any:
        return int, ("x",)


class OtherClass:
    def __reduce__(self) -> Any:
        return int, ("7",)


class RefusesReduce:
    def __reduce__(self) -> Any:
        raise RuntimeError("not today")


class ForgetsSome:
    def __init__(self, x: int = 0) -> None:
        self.x = x

    def __reduce__(self) -> Any:
        return ForgetsSome, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForgetsSome) and other.x == self.x

    __hash__ = None  # type: ignore[assignment]


class ZoneWithArguments(dt.tzinfo):
    def __init__(self, hours: int) -> None:
        self.hours = hours

    def utcoffset(self, when: Any) -> dt.timedelta:
        return dt.timedelta(hours=self.hours)


class Triple(typing.NamedTuple):
    a: int
    b: int = 2
    c: int = 3


class ImageSubclass(Image.Image):
    def __init__(self) -> None:
        super().__init__()
        plain = Image.new("L", (2, 2))
        self.im, self._mode, self._size = plain.im, plain.mode, plain.size


class CounterSubclass(collections.Counter):  # type: ignore[type-arg]
    pass


def with_attribute(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


KEPT = Plain(kept=True)
LOCK = threading.Lock()


REFUSED: dict[str, tuple[Any, str, str]] = {
    "generator": (lambda: generator(), "", "generator"),
    "generator expression": (lambda: Plain(rows=(x for x in [1])), ".rows", "generator"),
    "map over a generator": (lambda: map(str, generator()), "", "generator"),
    "zip over a generator": (lambda: Plain(pairs=zip([1], generator(), strict=False)), ".pairs", "generator"),
    "coroutine": (lambda: Plain(job=with_coroutine()), ".job", "coroutine"),
    "lock": (lambda: Plain(model=Plain(_lock=threading.Lock())), ".model._lock", "lock"),
    "reentrant lock": (lambda: Plain(a=[1, {"b": threading.RLock()}]), ".a[1]['b']", "lock"),
    "in a dict of lists": (lambda: {"a": [0, 1, 2, Plain(fh=opened("rb"))]}, "['a'][3].fh", "open file"),
    "text file": (lambda: opened("r"), "", "open file"),
    "temporary file": (lambda: Plain(f=tempfile.NamedTemporaryFile()), ".f", "open file"),  # noqa: SIM115
    "socket": (lambda: Plain(s=socket.socket()), ".s", "socket"),
    "thread": (lambda: Plain(t=threading.Thread()), ".t", "lock|thread"),
    "thread-local": (lambda: Plain(t=threading.local()), ".t", "thread-local"),
    "event": (threading.Event, "._cond._lock", "lock"),
    "queue": (lambda: Plain(q=queue.Queue()), ".q", "lock"),
    "database": (lambda: Plain(db=sqlite3.connect(":memory:")), ".db", "database connection"),
    "closure": (lambda: closing_over(sqlite3.connect(":memory:")), "", "closure variable 'conn' of count"),
    "closure, deeper": (
        lambda: {"f": closing_over(Plain(inner=[threading.Lock()]))}, "['f']",
        r"closure variable 'conn' of count.inner\[0\]: a lock",
    ),
    "default argument": (lambda: {"f": lambda x=LOCK: x}, "['f']", "default arguments of <lambda>"),
    "bound method": (lambda: Plain(lock=threading.Lock()).method, ".__self__.lock", "lock"),
    "partial": (lambda: functools.partial(generic, threading.Lock()), ".args[0]", "lock"),
    "slot": (lambda: with_attribute(Slots(), b=threading.Lock()), ".b", "lock"),
    "property of a class": (lambda: type("C", (), {"shared": threading.Lock()}), ".shared", "lock"),
    "key": (lambda: Plain(d={threading.Lock(): 1}), ".d.keys", "lock"),
    "set": (lambda: Plain(d={threading.Lock()}), ".d.an_element", "lock"),
    "object array": (lambda: np.array([1, threading.Lock()], object), "[1]", "lock"),
    "subclass of list": (lambda: ListSubclass([1, threading.Lock()]), "[1]", "lock"),
    "exception": (lambda: ValueError("a", threading.Lock()), ".args[1]", "lock"),
    "cause": (lambda: with_attribute(ValueError(), __cause__=ValueError(threading.Lock())), ".__cause__.args[0]", "lock"),
    "weak reference": (lambda: Plain(r=weakref.ref(Plain)), ".r", "weak reference"),
    "weak proxy": (lambda: Plain(r=weakref.proxy(KEPT)), ".r", "weak proxy"),
    "weak set": (lambda: weakref.WeakSet([KEPT]), "", "weak set"),
    "weak dict": (lambda: weakref.WeakValueDictionary(a=KEPT), "", "weak dictionary"),
    "memoryview": (lambda: Plain(m=memoryview(b"abc")), ".m", "memoryview"),
    "frame": (lambda: Plain(f=sys._getframe()), ".f", "frame"),
    "dict iterator": (lambda: Plain(i=iter({1: 2})), ".i", "iterator"),
    "set iterator": (lambda: iter({1}), "", "iterator"),
    "context variable": (lambda: Plain(v=contextvars.ContextVar("v")), ".v", "context variable"),
    "handler": (lambda: Plain(h=logging.StreamHandler()), ".h", "handler|lock"),
    "process": (lambda: Plain(p=finished_process()), ".p", "process|lock"),
    "C pointer": (lambda: Plain(p=ctypes.pointer(ctypes.c_int(3))), ".p", "pointer"),
    "bare object": (object, "", "identity"),
    "too deep": (lambda: functools.reduce(lambda inner, _: Plain(inner=inner), range(300_000), None), "", "too deep"),
    "needs arguments": (lambda: NeedsArguments(1), "", "can't be loaded"),
    "broken __setstate__": (lambda: Plain(x=BrokenState()), ".x", "no state for me"),
    "broken __reduce__": (BrokenReduce, "", "invalid literal"),
    "raising __reduce__": (lambda: [RefusesReduce()], "[0]", "not today"),
    "another class": (OtherClass, "", "OtherClass comes back as int"),
    "another class inside": (lambda: Plain(a=[OtherClass()]), ".a[0]", "OtherClass comes back as int"),
    "forgets some": (lambda: Plain(a=ForgetsSome(3)), ".a", "doesn't equal"),
    "time zone with arguments": (lambda: ZoneWithArguments(3), "", "can't be loaded"),
    "attribute of a Counter": (lambda: with_attribute(CounterSubclass("ab"), unit="m"), "", "'unit' is lost"),
    "temporary folder": (lambda: Plain(t=tempfile.TemporaryDirectory()), ".t._finalizer", "finalizer"),
    "type of the interpreter": (lambda: Plain(f=sys.float_info), ".f", "isn't made by Python code"),
    "the running script": (lambda: Plain(m=sys.modules["__main__"]), ".m", "another module has that name"),
    "what a class consists of": (lambda: Plain(d=vars(Plain)), ".d", "comes back as"),
    "attribute of an image of one's own": (lambda: with_attribute(ImageSubclass(), unit="m"), "", "'unit' is lost"),
    "match": (lambda: Plain(m=re.match("a", "a")), ".m", "a match"),
    "compiled struct": (lambda: [struct.Struct("i")], "[0]", "its state is in C"),
    "sys.flags": (lambda: Plain(f=sys.version_info), ".f", "sys.version_info"),
}  # fmt: skip


def opened(mode: str) -> Any:
    return open(__file__, mode)


def with_coroutine() -> Any:
    found = coroutine()
    weakref.finalize(found, lambda: None)
    return found


def finished_process() -> Any:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.communicate()
    return process


@pytest.fixture(scope="module")
def quick_collections() -> Iterator[None]:
    """Collections look at what the tests have made, and not at all that was there before."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("quick_collections")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_refused(name: str, store: ArtifactStore) -> None:
    make, path, reason = REFUSED[name]
    value = make()
    with pytest.raises(UnserializableError, match=f"(?s){reason}") as caught:
        store.put(value, "refused", serializer="pickle")
    assert caught.value.path.startswith(path) if path else caught.value.path == ""
    assert caught.value.hint
    assert not store.exists("refused")
    del value, caught
    gc.collect()  # files that were never closed complain here, and not in another test


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_attribute(CounterSubclass("ab"), unit="m"),
        lambda: tuple.__new__(Triple, [1]),
        lambda: Plain(a=ForgetsSome(3)),
    ],
)
def test_refused_where_it_is_pickled_with_others(make: Any, store: ArtifactStore) -> None:
    value = make()
    with pytest.raises(UnserializableError) as caught:
        store.put({"a": [Plain(v=value), Plain(v=value)], "b": value})
    assert caught.value.path.startswith("['a'][0]")
    assert caught.value.hint


def test_nothing_is_used_up_by_a_refusal(store: ArtifactStore) -> None:
    rows = (x for x in [1, 2, 3])
    value = zip(rows, iter([1, 2, 3]), strict=True)
    with pytest.raises(UnserializableError):
        store.put(value, serializer="pickle")
    assert [*value] == [(1, 1), (2, 2), (3, 3)]


def test_dicts_that_change_while_they_are_looked_at_are_no_matter(store: ArtifactStore) -> None:
    class Grows:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

        def __getstate__(self) -> Any:
            self.__dict__[f"x{len(self.__dict__)}"] = 1
            return self.__dict__

    again(Grows(), store)
