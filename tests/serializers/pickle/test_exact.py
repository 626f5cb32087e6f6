"""Objects come back as they were: state, type, sharing and behaviour."""

from __future__ import annotations

import array
import asyncio
import collections
import ctypes
import dataclasses
import datetime as dt
import fractions
import functools
import io
import itertools
import logging
import math
import operator
import random
import re
import sys
import traceback
import types
import typing
import weakref
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aqueduct_core.store import ArtifactStore
from tests.serializers.pickle.pickles import (
    ArgumentsError,
    Concrete,
    Equal,
    ListSubclass,
    Plain,
    Slots,
    SlotsAndDict,
    Struct,
    WithState,
    Zone,
    again,
    attributes,
    cached,
    chained,
    cyclic,
    dispatching,
    generic,
    in_context,
    local_cached,
    local_class,
    local_enum,
    local_function,
    mapped,
    moved,
    started,
)


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://pickles", allow_pickle=True)


COMPARED: dict[str, Any] = {
    "object": lambda: Plain(a=1, b=[2.5, None], c=Plain(d=np.arange(3))),
    "limits of a float": lambda: Plain(limits=np.finfo("f4")),
    "an interval of a calendar": lambda: [pa.MonthDayNano([1, 2, 3])],
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


def test_a_partial_function_is_stored_alike_each_time(store: ArtifactStore) -> None:
    value = {"f": functools.partial(int, base=2)}
    first = store.put(value, "f")
    assert store.put(value, "f").digest == first.digest
    assert value["f"].__reduce__()[2][3] is None, "nobody has made a __dict__ for it"
