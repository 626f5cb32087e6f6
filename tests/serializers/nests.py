"""Classes whose instances nests hold, and odd values."""

from __future__ import annotations

import datetime as dt
import enum
import re
import struct
import warnings
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

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


class SlottedModel(pydantic.BaseModel):
    __slots__ = ("extra",)
    a: int = 1


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
