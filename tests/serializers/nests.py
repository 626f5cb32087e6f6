"""Classes and odd values for the tests of nests."""

from __future__ import annotations

import array
import datetime as dt
import enum
import ipaddress
import math
import re
import struct
import sys
import uuid
import warnings
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pydantic
import pydantic.dataclasses
import pytz
from dateutil import tz

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias
    GREEN = (1, 2)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    A = 1
    B = 2


@dataclass
class Point:
    x: Any
    y: Any = 0

    class Inner(enum.Enum):
        A = "a"


@dataclass(frozen=True, slots=True)
class Frozen:
    a: Any
    b: Any = None


@dataclass(eq=False)
class ById:
    peer: Any = None


@dataclass
class Refuses:
    value: int
    derived: int = field(init=False, default=7)

    def __post_init__(self) -> None:
        raise RuntimeError("no constructor runs when an object is loaded")


@dataclass
class Child(Point):
    z: Any = 1


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class Cached:
    n: int

    @cached_property
    def double(self) -> int:
        return self.n * 2


@dataclass
class Failure(Exception):
    code: int


@dataclass
class Listing(list):  # type: ignore[type-arg]
    label: str = ""


@dataclass
class OwnState:
    x: int

    def __getstate__(self) -> Any:
        return {"x": self.x + 1}


@dataclass
class OwnReduce:
    x: int

    def __reduce__(self) -> Any:
        return OwnReduce, (self.x,)


@pydantic.dataclasses.dataclass
class Checked:
    a: int
    b: list[int] = pydantic.Field(default_factory=list)


class Pair(NamedTuple):
    left: Any
    right: Any = None


Old = namedtuple("Old", "a b")


class Sub(Old):
    """A named tuple with room for attributes."""


class Model(pydantic.BaseModel):
    a: int
    b: list[Any] = []
    _secret: int = pydantic.PrivateAttr(default=3)


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", frozen=True)
    a: Any


class Root(pydantic.RootModel[list[int]]):
    pass


class MyDict(dict):  # type: ignore[type-arg]
    pass


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ()


class Plain:
    def __init__(self, x: Any) -> None:
        self.x = x


class MyZone(dt.tzinfo):
    def utcoffset(self, when: Any) -> dt.timedelta:
        return dt.timedelta(hours=1)


def nan(bits: str) -> float:
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def extended() -> Point:
    point = Point(1, [2])
    point.__dict__["extra"] = "kept"
    return point


def cached() -> Cached:
    value = Cached(4)
    assert value.double == 8
    return value


def unconstructed() -> Refuses:
    value = object.__new__(Refuses)
    value.value, value.derived = 5, 6
    return value


def half_empty() -> Frozen:
    value = object.__new__(Frozen)
    object.__setattr__(value, "a", 1)
    return value


def local_times() -> list[Any]:
    zone = tz.tzlocal()
    return [AMBIGUOUS.replace(tzinfo=zone), AMBIGUOUS.replace(tzinfo=zone, fold=1), tz.tzlocal()]


def secretive() -> Model:
    value = Model(a=1)
    value._secret = 9
    value.b = ["not validated", {1}]
    return value


def unvalidated() -> Model:
    return Model.model_construct(a="not an int")


def _warned_of() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile("[[a]--b]")


BERLIN = ZoneInfo("Europe/Berlin")
AMBIGUOUS = dt.datetime(2023, 10, 29, 2, 30)
ZONES = [
    dt.UTC,
    dt.timezone(dt.timedelta(hours=-3, seconds=5, microseconds=7)),
    dt.timezone(dt.timedelta(0), "zero"),
    dt.timezone(dt.timedelta(hours=1), "\ud800"),
    BERLIN,
    ZoneInfo("UTC"),
    pytz.UTC,
    pytz.FixedOffset(90),
    pytz.timezone("Europe/Berlin"),
    pytz.timezone("Etc/GMT+1"),
    pytz.timezone("Europe/Berlin").localize(dt.datetime(2023, 7, 1)).tzinfo,
    tz.tzutc(),
    tz.tzoffset("X", 3600),
    tz.tzoffset(None, -3600),
    tz.gettz("Europe/Berlin"),
    tz.tzlocal(),
]

SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    10**5000,
    -(10**5000),
    0.0,
    -0.0,
    1e308,
    5e-324,
    0.1,
    math.inf,
    -math.inf,
    math.nan,
    nan("fff8000000000000"),
    nan("7ff8000000000001"),
    "",
    "text",
    "äöü€😀",
    "\x00\x1f\x7f\u2028",
    "\ud800",
    "\ud83d\ude00",
    "$type",
    b"",
    b"\x00\xff",
    bytearray(b"abc"),
    1j,
    complex(-0.0, math.nan),
    complex(math.inf, -0.0),
    Decimal(0),
    Decimal("-0"),
    Decimal("1.00"),
    Decimal("-0E+5"),
    Decimal("1E+999999"),
    Decimal("NaN"),
    Decimal("-NaN12"),
    Decimal("sNaN3"),
    Decimal("-Infinity"),
    Fraction(-1, 3),
    Fraction(10**400, 7),
    uuid.UUID(int=5),
    uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    uuid.SafeUUID.unsafe,
    Path("a/b"),
    Path(),
    PurePosixPath("//net/../x"),
    PurePosixPath("/\udcff"),
    PureWindowsPath("c:\\x"),
    range(0),
    range(10, -5, -3),
    range(10**30, 10**31),
    slice(None),
    slice(1, "a", [2]),
    ...,
    NotImplemented,
    ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_address("fe80::1%eth0"),
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("::/64"),
    ipaddress.ip_interface("10.1.2.3/8"),
    ipaddress.ip_interface("::1/64"),
    re.compile("a(?P<x>b)", re.IGNORECASE | re.MULTILINE),
    re.compile("(?i)é"),
    re.compile(b"\\d", re.LOCALE),
    re.compile("\\w", re.ASCII | re.VERBOSE),
    _warned_of(),
    re.IGNORECASE,
    dt.date(1, 1, 1),
    dt.date(9999, 12, 31),
    dt.datetime(1, 1, 1),
    dt.datetime(2020, 2, 29, 1, 2, 3, 4),
    AMBIGUOUS.replace(fold=1),
    dt.time(0),
    dt.time(23, 59, 59, 999999, fold=1),
    dt.timedelta.max,
    dt.timedelta.min,
    dt.timedelta(days=-1, microseconds=1),
    *ZONES,
    *(AMBIGUOUS.replace(tzinfo=zone, fold=fold) for zone in ZONES for fold in (0, 1)),
    dt.time(1, tzinfo=BERLIN),
    Color.RED,
    Color.CRIMSON,
    Color.GREEN,
    Level.HIGH,
    Word.YES,
    Point.Inner.A,
    Access.READ,
    Access.READ | Access.WRITE,
    Access(0),
    Bits.A | Bits.B,
    Bits(64),
    array.array("i", [1, -2]),
    array.array("d", [math.nan, -0.0, math.inf]),
    array.array("f"),
    array.array("u" if sys.version_info < (3, 13) else "w", "aé"),
]

CONTAINERS: list[Any] = [
    [],
    {},
    (),
    set(),
    frozenset(),
    [1, [2, (3, {4})]],
    ((), ((),)),
    (1,),
    {"a": {"b": [1, None, True]}},
    {"$type": "list"},
    {"a": {"$type": None}},
    {1: "a", "1": "b", True + 1: "c", 2.5: "d", None: "e", (1, (2,)): "f", b"x": "g"},
    {math.nan: 1, float("nan"): 2},
    {"\ud800": 1},
    {"z": 1, "a": 2},
    {frozenset({1, 2}): frozenset({frozenset()})},
    {"a", 1, None, (1, 2), b"x", 2.5},
    {math.nan},
    OrderedDict([("b", 1), ("a", [2])]),
    defaultdict(None, {1: 2}),
    defaultdict(list, a=[1]),
    Counter("abracadabra"),
    Counter({"a": -1, "b": 0, "c": 1.5}),
    deque([1, [2]], maxlen=3),
    deque(),
    ChainMap({"a": 1}, {"b": [2]}),
    ChainMap(),
    SimpleNamespace(a=1, b=[2]),
    Point(1),
    Point(Point((1, 2)), {"k": {3}}),
    Child([1], 2, 3),
    Box(Box(None)),
    Frozen(1, (2, [3])),
    {Frozen(1, 2): Frozen((1,), frozenset({2}))},
    ById([1]),
    extended(),
    cached(),
    unconstructed(),
    local_times(),
    Model.model_construct(),
    Checked(1, [2]),
    half_empty(),
    Pair(1),
    Pair([1], Pair(2, 3)),
    Old(1, (2,)),
    Sub(1, 2),
    {Pair(1, 2): 1},
    Model(a=1),
    Model(a=1, b=[{"x": (1,)}]),
    secretive(),
    unvalidated(),
    Open(a=[1], more={1, 2}, less=None),
    {"frozen": {Open(a=(1,)): 1}},
    Root([1, 2]),
    [Model(a=1), {"nested": Point(Model(a=2))}],
    [math.nan, math.inf, -0.0, 1.0, 1],
    list(range(100)),
    [{"id": i, "name": str(i), "x": i / 7, "tags": ["a"], "none": None} for i in range(100)],
    [[float(i), i] for i in range(50)],
]


def _without_units() -> list[Any]:
    with warnings.catch_warnings():  # NumPy 2.5 deprecates them; there are stored ones all the same
        warnings.simplefilter("ignore")
        return [np.datetime64("NaT"), np.timedelta64(7)]


_FIELDS = np.dtype([("a", "<i4"), ("b", ">f8", (2,))])
NUMPY: list[Any] = [
    *(np.dtype(char).type(1) for char in "?bBhHiIlLqQefdgFDG"),
    np.int64(-(2**63)),
    np.uint64(2**64 - 1),
    np.float16("nan"),
    np.float32("-inf"),
    np.frombuffer(b"\x01\x00\xc0\x7f", "<f4")[0],
    np.float64("-0.0"),
    np.longdouble("1e4000"),
    np.longdouble("nan"),
    np.complex64(complex(math.nan, -0.0)),
    np.clongdouble(1 + 2j),
    np.str_("a\x00b\x00"),
    np.str_("\ud800"),
    np.bytes_(b"a\x00"),
    np.datetime64("2020-01-01", "25s"),
    np.datetime64("NaT", "ns"),
    np.datetime64(-1, "as"),
    np.timedelta64(5, "D"),
    *_without_units(),
    np.void(b"abc"),
    np.void(b""),
    np.zeros(1, _FIELDS)[0],
    np.zeros(1, _FIELDS).view(np.recarray)[0],
    np.dtype("<i4"),
    np.dtype(">M8[us]"),
    _FIELDS,
]

PANDAS: list[Any] = [
    pd.NA,
    pd.NaT,
    pd.Timestamp("2020-01-01 00:00:00.123456789"),
    pd.Timestamp.min,
    pd.Timestamp("0001-01-01").as_unit("s"),
    pd.Timestamp("2020-01-01").as_unit("ms"),
    pd.Timestamp(np.datetime64(2**40, "s")),
    pd.Timestamp(AMBIGUOUS.replace(fold=1)),
    *(
        pd.Timestamp(AMBIGUOUS).tz_localize(zone, ambiguous=early).as_unit(unit)
        for zone in ZONES
        for early in (True, False)
        for unit in ("s", "ns")
    ),
    pd.Timedelta("-1 days +2ns"),
    pd.Timedelta(5, "s").as_unit("s"),
    pd.Period("2020", "Y-MAR"),
    pd.Period("2020-01-01 10:00", "15min"),
    pd.Period("2020-01-01", "W-TUE"),
    pd.Interval(1, 2.5, "both"),
    pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021"), "left"),
    pd.offsets.Week(2, weekday=2),
    pd.offsets.Day(3),
    pd.offsets.MonthEnd(),
    pd.DateOffset(months=1, hour=3),
    pd.Int64Dtype(),
    pd.StringDtype("python"),
    pd.StringDtype(na_value=np.nan),
    pd.DatetimeTZDtype("s", "Europe/Berlin"),
    pd.PeriodDtype("M"),
    pd.IntervalDtype("int64", "left"),
]

# What has no tag: a class that isn't found by its name, or does something of its own.
REFUSED: list[Any] = [
    MyDict(a=1),
    MyInt(1),
    MyStr("a"),
    Plain(1),
    Failure(3),
    Listing([1]),
    OwnState(1),
    OwnReduce(1),
    defaultdict(lambda: 1),
    dt.datetime(2020, 1, 1, tzinfo=MyZone()),
    pd.Timestamp("2020", tz=MyZone()),
    ZoneInfo.no_cache("Europe/Berlin"),
    int,
    len,
    lambda: 1,
    object(),
    iter([]),
    memoryview(b"x"),
    re.compile("a", 0).scanner("a"),
    np.dtype("O"),
    pd.CategoricalDtype(["a"]),
]
