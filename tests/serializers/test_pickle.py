"""Any object: kept exactly, or refused with the path, the reason and a way out."""

from __future__ import annotations

import abc
import array
import asyncio
import collections
import contextvars
import ctypes
import dataclasses
import datetime as dt
import enum
import fractions
import functools
import io
import itertools
import json
import logging
import math
import operator
import pickle
import queue
import random
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import traceback
import types
import typing
import weakref
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from aqueduct_core.abc import Budget
from aqueduct_core.errors import (
    CorruptArtifactError,
    IncompatibleEnvironmentError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.pickle import PickleSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://pickles", allow_pickle=True)


def again(value: Any, store: ArtifactStore) -> Any:
    ref = store.put(value, serializer="pickle")
    return store.get(ref)


# --- classes to store ----------------------------------------------------------------------------


class Plain:
    shared: typing.ClassVar[list[int]] = [1, 2]

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def method(self) -> Any:
        return self.__dict__


class Slots:
    __slots__ = ("__hidden", "a", "b")

    def __init__(self) -> None:
        self.a = 1
        self.__hidden = [2]

    def hidden(self) -> Any:
        return self.__hidden


class SlotsAndDict(Slots):
    pass


class WithState:
    def __init__(self) -> None:
        self.value = 7
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        return {"value": self.value}

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()


class Equal(WithState):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]


class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self) -> int: ...


class Concrete(Abstract):
    def f(self) -> int:
        return 3


class Struct(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


class Zone(dt.tzinfo):
    def utcoffset(self, when: Any) -> dt.timedelta:
        return dt.timedelta(hours=3)

    def dst(self, when: Any) -> None:
        return None


class ListSubclass(list):  # type: ignore[type-arg]
    pass


class ArgumentsError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.extra = [code]


def generic(x: int, *, y: int = 2) -> int:
    return x + y


@functools.lru_cache(maxsize=3)
def cached(x: int) -> int:
    return x + 1


def local_class() -> Any:
    class Local:
        registry: typing.ClassVar[dict[str, int]] = {"a": 1}

        def __init__(self, x: Any) -> None:
            self.x = x

        def double(self) -> Any:
            return self.x * 2

        @property
        def prop(self) -> Any:
            return self.x

        @staticmethod
        def static() -> int:
            return 4

        @classmethod
        def make(cls) -> Any:
            return cls(5)

    return Local


def local_cached() -> Any:
    class Local:
        @functools.cached_property
        def c(self) -> list[int]:
            return [1]

    return Local()


def dispatching() -> Any:
    @functools.singledispatch
    def f(x: Any) -> str:
        return "any"

    f.register(int, lambda x: "int")
    return f


def local_function() -> Any:
    memory = [1]

    def remember(x: int, y: int = 3, *, z: int = 4) -> list[int]:
        memory.append(x + y + z)
        return memory

    remember.tag = "t"  # type: ignore[attr-defined]
    return remember


def local_enum() -> Any:
    class Colour(enum.Enum):
        RED = 1
        BLUE = (2, "b")

    return Colour.BLUE


def chained() -> Exception:
    try:
        try:
            int("x")
        except ValueError as inner:
            raise ArgumentsError(3, "bad") from inner
    except ArgumentsError as outer:
        outer.add_note("a note")
        return outer
    raise AssertionError


def in_context() -> Exception:
    try:
        try:
            {}["a"]
        except KeyError:
            raise RuntimeError("while handling")  # noqa: B904
    except RuntimeError as error:
        return error
    raise AssertionError


def cyclic() -> Any:
    value = Plain(name="a")
    value.me = value
    value.list = [value]
    return value


def moved(stream: Any) -> Any:
    stream.write(b"abcdef" if isinstance(stream, io.BytesIO) else "abcdef")
    stream.seek(2)
    return stream


def mapped() -> Any:
    with tempfile.NamedTemporaryFile() as file:
        return np.memmap(file, "f4", shape=(3,))


def started(iterator: Any) -> Any:
    next(iterator)
    return iterator


def attributes(value: Any) -> Any:
    """What tells two objects of these tests apart."""
    if isinstance(value, BaseException):
        return (type(value), attributes(value.args), attributes(vars(value)), attributes(value.__cause__),
                attributes(value.__context__), value.__suppress_context__)  # fmt: skip
    if isinstance(value, (list, tuple)):
        return (type(value), [attributes(item) for item in value])
    if isinstance(value, np.ndarray):
        return (type(value), value.dtype, value.shape, value.tolist())
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return (type(value), {k: attributes(v) for k, v in vars(value).items() if v is not value})
    return (type(value), repr(value))


COMPARED: dict[str, Any] = {
    "object": lambda: Plain(a=1, b=[2.5, None], c=Plain(d=np.arange(3))),
    "dynamic attributes": lambda: Plain(**{"not an identifier": 1}),
    "array.array": lambda: array.array("d", [1.5, math.inf]),
    "pattern": lambda: re.compile(r"a(?P<x>b)", re.IGNORECASE | re.VERBOSE),
    "partial": lambda: functools.partial(generic, 1, y=5),
    "itemgetter": lambda: operator.itemgetter(1, "a"),
    "mappingproxy": lambda: types.MappingProxyType({"a": 1}),
    "namespace": lambda: types.SimpleNamespace(a=1, b=types.SimpleNamespace(c=(2,))),
    "generic alias": lambda: dict[str, list[int]],
    "typing generic": lambda: typing.Mapping[str, typing.Optional[int]],  # noqa: UP045
    "union": lambda: int | str,
    "struct": lambda: bytes(Struct(3, 0.5)) and collections.UserDict({"a": 1}),
    "Counter": lambda: collections.Counter("abca"),
    "OrderedDict": lambda: collections.OrderedDict(b=1, a=2),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "deque": lambda: collections.deque([1, 2], maxlen=3),
    "ChainMap": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
    "fraction": lambda: fractions.Fraction(1, 3),
    "user list": lambda: collections.UserList([1]),
    "subclass of list": lambda: ListSubclass([1, "a"]),
    "object array": lambda: np.array([1, "a", None, (1, 2)], object),
    "object array, Fortran": lambda: np.asfortranarray(np.array([[1, "a"], [None, 2.5]], object)),
    "structured with objects": lambda: np.array([(1, "x")], [("a", "i4"), ("b", "O")]),
    "read-only array": lambda: np.frombuffer(b"abcdefgh", np.uint8),
    "exception": lambda: ValueError("a", 1),
    "exception with arguments": lambda: ArgumentsError(1, "x"),
    "exception group": lambda: ExceptionGroup("g", [ValueError(1), TypeError("x")]),
    "OSError": lambda: OSError(2, "gone", "file.txt"),
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    "key error": lambda: KeyError(("a", 1)),
    "SystemExit": lambda: SystemExit(3),
    "StopIteration": lambda: StopIteration([1]),
    "chained exception": chained,
    "exception in a context": in_context,
    "mask and all": lambda: Plain(m=np.ma.array([1, 2], mask=[0, 1], fill_value=9)),
    "range iterator": lambda: range(3).__class__(5),
}


@pytest.mark.parametrize("name", COMPARED)
def test_exact(name: str, store: ArtifactStore) -> None:
    value = COMPARED[name]()
    before = attributes(value)
    back = again(value, store)
    assert attributes(back) == before
    assert attributes(value) == before, "saving changed the value"


TOLD: dict[str, tuple[Any, Any]] = {
    "slots": (Slots, lambda v: (v.a, v.hidden(), hasattr(v, "b"))),
    "slots and dict": (SlotsAndDict, lambda v: (v.a, v.hidden(), vars(v))),
    "own state": (WithState, lambda v: (v.value, type(v.lock))),
    "own state and ==": (Equal, lambda v: v.value),
    "abc": (Concrete, lambda v: v.f()),
    "ctypes": (lambda: Struct(3, 0.5), lambda v: (v.x, v.y)),
    "time zone": (Zone, lambda v: v.utcoffset(None)),
    "a time in it": (lambda: dt.datetime(2024, 1, 1, tzinfo=Zone()), lambda v: v.isoformat()),
    "function": (lambda: generic, lambda v: v is generic),
    "builtin": (lambda: len, lambda v: v is len),
    "class": (lambda: Plain, lambda v: v is Plain),
    "class of a function": (local_class, lambda v: (v(2).double(), v(3).prop, v.registry,
                                                    v.static(), v.make().x)),
    "object of it": (lambda: local_class()(np.arange(3)), lambda v: v.double().tolist()),
    "enum of a function": (local_enum, lambda v: (v.name, v.value, type(v).__name__, next(iter(type(v))).name)),
    "dataclass of a function": (
        lambda: dataclasses.make_dataclass("D", [("x", int), ("y", list)])(1, [2]),
        lambda v: (v.x, v.y, repr(v), dataclasses.asdict(v)),
    ),
    "namedtuple of a function": (lambda: collections.namedtuple("N", "a b")(1, 2),
                                 lambda v: (v.a, v._asdict(), repr(v))),
    "closure": (local_function, lambda v: (v(1), v(1, 2, z=3), v.tag, v.__defaults__, v.__kwdefaults__)),
    "lambda": (lambda: lambda x, y=2: x * y, lambda v: v(4)),
    "recursive lambda": (lambda: (lambda f: f)(math.factorial), lambda v: v(5)),
    "method": (lambda: Plain(a=1).method, lambda v: v()),
    "bound builtin": (lambda: [1, 2].append, lambda v: (v(3), v.__self__)),
    "property": (lambda: property(operator.attrgetter("a"), doc="d"),
                 lambda v: (v.fget(Plain(a=3)), v.__doc__)),
    "static method": (lambda: staticmethod(generic), lambda v: v.__func__(1)),
    "lru_cache": (lambda: cached, lambda v: v is cached),
    "module": (lambda: math, lambda v: v is math),
    "type variable": (lambda: typing.TypeVar("T", bound=int), lambda v: (v.__name__, v.__bound__)),
    "BytesIO": (lambda: moved(io.BytesIO()), lambda v: (v.tell(), v.read(), v.getvalue())),
    "StringIO": (lambda: moved(io.StringIO()), lambda v: (v.tell(), v.read(), v.getvalue())),
    "random": (lambda: random.Random(3), lambda v: [v.random() for _ in range(3)]),
    "np.random": (lambda: np.random.default_rng(3), lambda v: v.random(3).tolist()),
    "RandomState": (lambda: np.random.RandomState(3), lambda v: v.rand(3).tolist()),
    "list iterator": (lambda: started(iter([1, 2, 3])), list),
    "tuple iterator": (lambda: started(iter((1, 2, 3))), list),
    "range iterator": (lambda: started(iter(range(5))), list),
    "string iterator": (lambda: started(iter("abc")), list),
    "deque iterator": (lambda: started(iter(collections.deque([1, 2, 3]))), list),
    "zip": (lambda: started(zip([1, 2, 3], "abc", strict=False)), list),
    "map": (lambda: started(map(str, [1, 2, 3])), list),
    "filter": (lambda: started(filter(None, [1, 0, 2, 3])), list),
    "enumerate": (lambda: started(enumerate("abc")), list),
    "reversed": (lambda: started(reversed([1, 2, 3])), list),
    "callable iterator": (lambda: iter(functools.partial(int, 3), 4), next),
    "exhausted": (lambda: iter([]), list),
    "logger": (lambda: logging.getLogger("a.b"), lambda v: v is logging.getLogger("a.b")),
    "asyncio lock": (asyncio.Lock, lambda v: v.locked()),
    "lru_cache of a function": (
        lambda: functools.lru_cache(maxsize=7, typed=True)(lambda x: x + 1),
        lambda v: (v(1), v.cache_parameters(), v.cache_info().maxsize),
    ),
    "cached_property": (local_cached, lambda v: (v.c, vars(v), type(v).c.attrname)),
    "array of C": (lambda: (ctypes.c_int * 3)(1, 2, 3), lambda v: v[:]),
    "arrays in a namespace": (lambda: types.SimpleNamespace(a=np.arange(3), b=np.ones(2)), repr),
    "dtype metadata": (lambda: Plain(a=np.ones(2, np.dtype("f8", metadata={"u": "m"}))),
                       lambda v: dict(v.a.dtype.metadata)),
    "long long": (lambda: Plain(a=np.ones(2, "q"), b=np.dtype("Q")),
                  lambda v: (v.a.dtype.char, v.b.char)),
    "transposed": (lambda: Plain(a=np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0)),
                   lambda v: v.a.tolist()),
    "dispatching function": (dispatching, lambda v: (v(1), v("a"))),
    "empty weak set": (weakref.WeakSet, len),
    "dict views": (lambda: {"a": 1}.keys(), list),
    "deep, but not too deep": (
        lambda: functools.reduce(lambda inner, _: Plain(inner=inner), range(50), None),
        lambda v: v.inner.inner.inner is not None,
    ),
    "sys.stderr": (lambda: Plain(stream=sys.__stderr__ if sys.__stderr__ is sys.stderr else None), vars),
    "memmap": (lambda: Plain(m=mapped()),
               lambda v: (type(v.m), v.m.tolist())),
    "nomask": (lambda: Plain(m=np.ma.array([1, 2], hard_mask=True)),
               lambda v: (v.m._mask is np.ma.nomask, v.m.hardmask, v.m.tolist())),
    "chararray": (lambda: np.array(["a"]).view(type(np.char.array(["a"]))), lambda v: v.tolist()),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.filterwarnings("ignore:.*chararray:DeprecationWarning")
def test_behaves_the_same(name: str, store: ArtifactStore) -> None:
    make, tell = TOLD[name]
    value = make()
    back = again(value, store)
    assert type(back) is type(value)
    found = tell(back)
    assert repr(found) == repr(tell(value))  # which also shows that saving used nothing up


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python gave up pickling itertools")
@pytest.mark.parametrize(
    "make",
    [
        lambda: itertools.count(5, 2),
        lambda: itertools.cycle([1, 2, 3]),
        lambda: itertools.chain([1, 2], [3, 4, 5, 6]),
        lambda: itertools.islice(range(100), 3, 90, 4),
        lambda: itertools.accumulate([1, 2, 3, 4, 5]),
        lambda: itertools.product([1, 2], "abc"),
        lambda: itertools.permutations([1, 2, 3]),
        lambda: itertools.repeat(3, 9),
        lambda: itertools.zip_longest([1, 2, 3], "abcdef"),
    ],
)
def test_itertools_go_on_where_they_were(make: Any, store: ArtifactStore) -> None:
    value = started(make())
    back = again(value, store)
    assert [*itertools.islice(back, 4)] == [*itertools.islice(value, 4)]


def test_tracebacks_print_the_same(store: ArtifactStore) -> None:
    for error in (chained(), in_context()):
        back = again(error, store)
        assert traceback.format_exception(back) == traceback.format_exception(error)
        assert back.__notes__ if hasattr(error, "__notes__") else True


def test_exceptions_that_lead_to_each_other(store: ArtifactStore) -> None:
    first, second = ValueError(1), TypeError(2)
    first.__cause__, second.__context__ = second, first
    back = again(first, store)
    assert back.__cause__.__context__ is back
    hidden = KeyError(3)
    hidden.__context__, hidden.__suppress_context__ = second, True
    assert again(hidden, store).__suppress_context__ is True


def test_cycles(store: ArtifactStore) -> None:
    back = again(cyclic(), store)
    assert back.me is back
    assert back.list == [back]


def test_attribute_errors_keep_their_names(store: ArtifactStore) -> None:
    for code in ("Plain().missing", "missing_name", "import missing_module"):
        with pytest.raises(Exception) as caught:
            exec(code)
        back = again(caught.value, store)
        assert back.name == caught.value.name
        assert str(back) == str(caught.value)


# --- refused -------------------------------------------------------------------------------------


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


class NoReload(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} {b}")


class NeedsArguments:
    def __new__(cls, needed: int) -> Any:
        return super().__new__(cls)


class BrokenState:
    def __setstate__(self, state: Any) -> None:
        raise ValueError("no state for me")

    def __init__(self) -> None:
        self.x = 1


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


class SlottedError(Exception):
    __slots__ = ("detail",)


class ArraySubclass(np.ndarray):
    pass


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
    "too deep": (lambda: functools.reduce(lambda inner, _: Plain(inner=inner), range(10_000), None), "", "too deep"),
    "exception that can't be made again": (lambda: NoReload(1, 2), "", "can't be loaded.*missing 1 required"),
    "in an attribute": (lambda: Plain(errors=[NoReload(1, 2)]), ".errors[0]", "can't be loaded"),
    "needs arguments": (lambda: NeedsArguments(1), "", "can't be loaded"),
    "broken __setstate__": (lambda: Plain(x=BrokenState()), ".x", "no state for me"),
    "broken __reduce__": (BrokenReduce, "", "invalid literal"),
    "raising __reduce__": (lambda: [RefusesReduce()], "[0]", "not today"),
    "another class": (OtherClass, "", "OtherClass comes back as int"),
    "another class inside": (lambda: Plain(a=[OtherClass()]), ".a[0]", "OtherClass comes back as int"),
    "forgets some": (lambda: Plain(a=ForgetsSome(3)), ".a", "doesn't equal"),
    "time zone with arguments": (lambda: ZoneWithArguments(3), "", "can't be loaded"),
    "slot of an exception": (lambda: with_attribute(SlottedError("x"), detail=3), "", "'detail' is lost"),
    "attribute of an array": (lambda: with_attribute(np.zeros(2).view(ArraySubclass), unit="m"), "", "'unit' would be lost"),
    "attribute of a large array": (lambda: [with_attribute(np.zeros(2_000_000).view(ArraySubclass), unit="m")], "[0]", "'unit' would be lost"),
    "attribute of a Counter": (lambda: with_attribute(CounterSubclass("ab"), unit="m"), "", "'unit' is lost"),
    "finfo": (lambda: np.finfo(float), "", "can't be loaded"),
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


@pytest.mark.parametrize("name", REFUSED)
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


# --- classes of the running program --------------------------------------------------------------


def test_saving_and_loading_leave_the_programs_own_classes_alone(store: ArtifactStore) -> None:
    cls = local_class()
    method, registry = cls.__dict__["double"], cls.registry
    ref = store.put(cls(3), serializer="pickle")
    cls.registry["b"] = 2
    back = store.get(ref)
    assert type(back) is cls
    assert cls.__dict__["double"] is method
    assert cls.registry is registry == {"a": 1, "b": 2}


def test_another_process_gets_all_of_it(tmp_path: Path) -> None:
    script = tmp_path / "save.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, enum, dataclasses, functools, typing
            import numpy as np
            from aqueduct_core import ArtifactStore

            FACTOR = 10

            @functools.lru_cache
            def slow(x):
                return x * FACTOR

            UserId = typing.NewType("UserId", int)

            class Colour(enum.Enum):
                RED = 1

            @dataclasses.dataclass
            class Model:
                weights: np.ndarray
                colour: Colour
                def predict(self, x):
                    return float(self.weights.sum() * x * FACTOR)

            model = Model(np.ones(10_000), Colour.RED)
            store = ArtifactStore(sys.argv[1], allow_pickle=True)
            store.put({"m": model, "f": model.predict, "e": None}["m"], "model", serializer="pickle")
            store.put(model.predict, "method", serializer="pickle")
            store.put(slow, "slow", serializer="pickle")
            try:
                store.put([UserId], "id", serializer="pickle")
            except TypeError as error:
                assert "[0]" in str(error) and "no other process" in str(error), error
            else:
                raise AssertionError("another process could not load this")
            """
        )
    )
    subprocess.run([sys.executable, script, tmp_path / "store"], check=True, timeout=60)
    store = ArtifactStore(tmp_path / "store", allow_pickle=True)
    model = store.get("model")
    assert model.predict(2) == 200_000
    assert type(model).__name__ == "Model"
    assert model.colour.name == "RED"
    assert model.weights.flags.writeable
    assert store.get("method")(1) == 100_000
    assert store.get("slow")(3) == 30


# --- buffers -------------------------------------------------------------------------------------


def test_arrays_inside_are_mapped_and_writable(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    value = Plain(
        a=np.arange(100_000.0),
        b=np.asfortranarray(np.ones((300, 70))),
        c=np.arange(3),
        d=np.frombuffer(bytes(10_000), np.uint8),
        e=bytearray(b"x" * 10_000),
    )
    value.a_again = value.a
    store.put(value, "x", serializer="pickle")
    assert {*store.manifest("x").content.parts} == {"data", "buffers"}
    assert len(store.open("x").read()) < 40_000
    back = store.get("x")
    for name in "abcd":
        original, found = getattr(value, name), getattr(back, name)
        assert np.array_equal(original, found)
        assert found.flags.f_contiguous == original.flags.f_contiguous
        assert found.flags.writeable == original.flags.writeable
    assert back.a.ctypes.data % 64 == 0
    assert back.b.ctypes.data % 64 == 0
    assert not back.a.flags.owndata
    assert back.a_again is back.a
    back.a[0] = -1.0
    assert store.get("x").a[0] == 0.0
    assert value.e == back.e


def test_nothing_is_copied_on_the_way_out() -> None:
    value = Plain(a=np.arange(100_000.0), b=np.ones((300, 70)).T)
    seen: dict[str, list[Any]] = {}

    class Sink:
        def write(self, *buffers: Any, part: str = "data") -> None:
            seen.setdefault(part, []).extend(buffers)

    meta = PickleSerializer().dump(value, Sink())  # type: ignore[arg-type]
    arrays = [b for b in seen["buffers"] if memoryview(b).nbytes > 100]
    assert np.shares_memory(np.frombuffer(arrays[0], "f8"), value.a)
    assert np.shares_memory(np.frombuffer(arrays[1], "f8"), value.b)
    assert json.loads(json.dumps(meta))["buffers"] == [[800_000, False], [168_000, False]]


def test_large_pickles_are_streamed(store: ArtifactStore) -> None:
    value = Plain(text=["x" * 50 + str(i) for i in range(60_000)], blob=b"y" * 3_000_000)
    back = again(value, store)
    assert vars(back) == vars(value)


def test_an_error_late_in_a_large_pickle_stores_nothing(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    value = Plain(text=["x" * 50 + str(i) for i in range(60_000)], last=threading.Lock())
    with pytest.raises(UnserializableError, match="lock") as caught:
        store.put(value, "x", serializer="pickle")
    assert caught.value.path == ".last"
    assert [*store.list()] == []


def test_models_of_scikit_learn(store: ArtifactStore) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    x = np.random.default_rng(1).random((300, 5))
    forest = ensemble.RandomForestClassifier(5, random_state=1).fit(x, x[:, 0] > 0.5)
    ref = store.put(forest, serializer="pickle")
    back = store.get(ref)
    assert np.array_equal(back.predict_proba(x), forest.predict_proba(x))
    meta = store.manifest(ref).content.meta
    assert meta["packages"]["sklearn"] == sys.modules["sklearn"].__version__
    assert meta["class"].endswith("RandomForestClassifier")


def test_images_and_frames_inside_objects(store: ArtifactStore) -> None:
    pd = pytest.importorskip("pandas")
    image = pytest.importorskip("PIL.Image").new("RGB", (4, 3), (1, 2, 3))
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2024", periods=2, freq="D"))
    frame.attrs["unit"] = "m"
    back = again(Plain(image=image, frame=frame), store)
    assert back.image == image
    pd.testing.assert_frame_equal(back.frame, frame, check_freq=True)
    assert back.frame.attrs == {"unit": "m"}


class TestConformance(SerializerTests):
    serializer = PickleSerializer()
    values = (
        types.SimpleNamespace(a=np.arange(5_000), b="x"),
        np.array([1, None, "a"], object),
        collections.Counter("abca"),
        functools.lru_cache,
    )


# --- loading -------------------------------------------------------------------------------------


def test_unsafe(store: ArtifactStore) -> None:
    ref = store.put(Plain(a=1), "unsafe", serializer="pickle")
    with pytest.raises(UnsafeArtifactError):
        ArtifactStore(store.storage).get(ref)


class Double:
    version = 1
    trusted = True

    def __init__(self, data: bytes, meta: Any, buffers: bytes = b"") -> None:
        self.meta = meta
        self._parts = {"data": data, "buffers": buffers}

    def view(self, part: str = "data") -> memoryview:
        return memoryview(bytearray(self._parts[part]))

    def open(self, part: str = "data") -> Any:
        return io.BytesIO(self._parts[part])


META = {"class": "acme.Model", "python": "3.11.1", "packages": {"acme": "1.2", "numpy": "1.0"}}


def load(data: bytes, meta: Any = META, buffers: bytes = b"") -> Any:
    return PickleSerializer().load(Double(data, meta, buffers))  # type: ignore[arg-type]


def test_a_missing_module_is_named_with_what_to_install() -> None:
    with pytest.raises(IncompatibleEnvironmentError) as caught:
        load(b"cacme.models\nModel\n.")
    text = str(caught.value)
    assert "acme.Model" in text
    assert "'acme'" in text
    assert "Python 3.11.1" in text
    assert "install acme==1.2" in text
    assert isinstance(caught.value, ImportError)


def test_a_missing_class_is_named_with_the_versions() -> None:
    with pytest.raises(IncompatibleEnvironmentError) as caught:
        load(b"cnumpy\nGone\n.")
    assert "Gone" in str(caught.value)
    assert "numpy==1.0" in str(caught.value)


def test_a_changed_class_is_an_error_of_ours() -> None:
    data = pickle.dumps(Plain()).replace(b"Plain", b"NeedsArguments"[:5])
    broken = pickle.dumps(BrokenState())
    for content in (data, broken):
        with pytest.raises(IncompatibleEnvironmentError, match=r"acme\.Model"):
            load(content)


def test_code_of_another_python_is_not_run(store: ArtifactStore) -> None:
    ref = store.put(lambda: 1, serializer="pickle")
    meta = dict(store.manifest(ref).content.meta)
    assert meta["code"] == sys.implementation.cache_tag
    data = store.open(ref).read()
    assert load(data, meta)() == 1
    with pytest.raises(IncompatibleEnvironmentError, match=r"code for Python 3\.\d"):
        load(data, {**meta, "code": "cpython-299"})
    assert "code" not in store.manifest(store.put(generic, serializer="pickle")).content.meta


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x05", b"garbage", pickle.dumps([1, 2])[:-2]])
def test_damaged(data: bytes) -> None:
    with pytest.raises((CorruptArtifactError, IncompatibleEnvironmentError)):
        load(data)


@pytest.mark.parametrize(
    "lengths", [[[800_000, False]], [[-1, False]], [["x", False]], [[1]], [1], 5, [[10, False]] * 2]
)
def test_damaged_buffers(lengths: Any) -> None:
    buffers: list[Any] = []
    data = pickle.dumps(np.arange(10.0), 5, buffer_callback=buffers.append)
    with pytest.raises((CorruptArtifactError, IncompatibleEnvironmentError, TypeError, ValueError)):
        load(data, {**META, "buffers": lengths}, bytes(11))


# --- descriptions --------------------------------------------------------------------------------


class BrokenRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "value",
    [
        BrokenRepr(),
        Plain(a=1, b=BrokenRepr(), c="\ud800" * 500),
        [1] * 1_000_000,
        ValueError("x" * 100_000),
        generic,
        type,
        cloudpickle,
    ],
    ids=lambda value: type(value).__name__,
)
def test_description(value: Any) -> None:
    found = PickleSerializer().describe(value, Budget())
    assert len(json.dumps(found)) < 10_000
    assert found["class"]
