"""Classes and objects that pickle has to keep, and what tells two of them apart."""

from __future__ import annotations

import abc
import ctypes
import datetime as dt
import enum
import functools
import io
import tempfile
import threading
import typing
from typing import Any

import numpy as np
import pydantic

from aqueduct_core.store import ArtifactStore


def again(value: Any, store: ArtifactStore) -> Any:
    ref = store.put(value, serializer="pickle")
    return store.get(ref)


Content = typing.TypeVar("Content")


class Boxed(pydantic.BaseModel, typing.Generic[Content]):
    content: Content


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


class BrokenState:
    def __setstate__(self, state: Any) -> None:
        raise ValueError("no state for me")

    def __init__(self) -> None:
        self.x = 1
