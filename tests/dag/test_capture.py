"""What is captured of a function, and what its digest tells apart."""

from __future__ import annotations

import collections
import enum
import functools
import linecache
import logging
import pickle
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from aqueduct_core.dag._capture import Captures
from tests.dag.capturing import again, capture, define, digest

# Functions of every kind


FACTOR = 3


def plain(x: int) -> int:
    return x * FACTOR


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


def noisy(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args) + FACTOR

    return wrapper


@noisy
def decorated(x: int) -> int:
    return x


class Scaler:
    """Multiplies."""

    seen = 0

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, x: int) -> int:
        return self.scale(x)

    def scale(self, x: int) -> int:
        return x * self.by + plain(self.seen)

    @classmethod
    def make(cls, x: int) -> int:
        return cls(2)(x)

    @staticmethod
    def still(x: int) -> int:
        return x


def adder(by: int) -> Callable[[int], int]:
    def add(x: int) -> int:
        return x + by

    return add


@functools.lru_cache(maxsize=8)
def cached(x: int) -> int:
    return x + FACTOR


def uses_cached(x: int) -> int:
    return cached(x)


def makes_a_class(x: int) -> int:
    class Inner:
        factor = FACTOR

        def get(self) -> int:
            return self.factor * x

    return Inner().get()


class Color(enum.Enum):
    RED = 1
    GREEN = 2

    def next(self) -> Color:
        return Color.GREEN if self is Color.RED else Color.RED


class Pair(NamedTuple):
    left: int
    right: int


@dataclass(frozen=True)
class Shape:
    sides: int = 4
    names: tuple[str, ...] = field(default_factory=tuple)


def uses_classes(x: int) -> int:
    shape = Shape(Pair(x, 2).right)
    return shape.sides + Color.RED.next().value + len(shape.names)


log = logging.getLogger("flow")


def logs(x: int) -> int:
    log.debug("%s", x)
    return x


KINDS: dict[str, tuple[Any, int]] = {
    "a function": (plain, 6),
    "a recursive function": (fib, 1),
    "functions that call each other": (even, True),
    "a decorated function": (decorated, 5),
    "a lambda": (lambda x: x + FACTOR, 5),
    "a closure": (adder(40), 42),
    "a partial": (functools.partial(lambda x, y: x - y, y=1), 1),
    "an instance": (Scaler(2), 4),
    "a method": (Scaler(2).scale, 4),
    "a class method": (Scaler.make, 4),
    "a static method": (Scaler.still, 2),
    "a cached function": (uses_cached, 5),
    "a class inside": (makes_a_class, 6),
    "enums, tuples, dataclasses": (uses_classes, 4),
    "a logger": (logs, 2),
    "a builtin": (abs, 2),
    "a function of a package": (np.square, 4),
    "a class of the library": (collections.Counter, None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_callable_is_captured(kind: str) -> None:
    function, expected = KINDS[kind]
    if kind == "a class of the library":
        assert again(function)("a") == {"a": 1}
        return
    assert again(function)(2) == expected
    assert digest(function) == digest(function)


def test_what_is_captured_is_a_copy() -> None:
    table = [1, 2]
    f = define("def f(): return sum(table)", table=table)
    captured = capture(f)
    table.append(3)
    assert captured.pickled.load()() == 3
    assert f() == 6


def test_a_function_of_a_notebook_is_shown() -> None:
    cell = "<ipython-input-7-1a2b>"
    source = "X = 2\ndef f(n):\n    # twice\n    return n * X\n"
    linecache.cache[cell] = (len(source), None, source.splitlines(True), cell)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, cell, "exec"), space)
    assert capture(space["f"]).task["source"] == "def f(n):\n    # twice\n    return n * X\n"
    assert again(space["f"])(4) == 8


def test_a_function_without_source_is_told_by_its_code() -> None:
    one, two = define("def f(x): return x + 1"), define("\n\n# no\ndef f(x):\n  return x + 1")
    assert capture(one).task["source"] is None
    assert digest(one) == digest(two) != digest(define("def f(x): return x + 2"))
    assert again(one)(1) == 2


def test_a_decorated_function_is_shown_as_it_was_written() -> None:
    captured = capture(decorated)
    assert captured.task["source"] == "@noisy\ndef decorated(x: int) -> int:\n    return x\n"
    (helper,) = captured.task["helpers"].items()
    assert helper[0] == "noisy.<locals>.wrapper"
    assert "function(*args) + FACTOR" in helper[1]
    assert captured.task["values"] == {"FACTOR": "3"}


def test_helpers_are_shown_by_name_and_methods_with_their_class() -> None:
    captured = capture(uses_classes)
    made = [name for name in captured.task["values"] if "dataclasses" in name]
    assert not made, "the methods that dataclasses makes are its own business"
    assert sorted(captured.task["helpers"]) == ["Color", "Pair", "Shape"]
    assert captured.task["helpers"]["Pair"].startswith("class Pair(NamedTuple):\n    left: int\n")


def test_a_method_is_shown_with_what_it_calls() -> None:
    captured = capture(Scaler(2).scale)
    assert captured.task["source"] == (
        "def scale(self, x: int) -> int:\n    return x * self.by + plain(self.seen)\n"
    )
    assert sorted(captured.task["helpers"]) == ["Scaler", "plain"]


# What the digest tells apart


def test_the_place_and_name_of_a_function_do_not_matter() -> None:
    other = define("\n\ndef g(x):\n    return x * FACTOR\nf = g", FACTOR=3)
    assert digest(other) == digest(plain)


VALUES: list[tuple[Any, Any]] = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    ("a", b"a"),
    ([1], (1,)),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1, 2}, {1, 3}),
    ({1, 2}, frozenset({1, 2})),
    (Color.RED, Color.GREEN),
    (Shape(3), Shape(4)),
    (Pair(1, 2), (1, 2)),
    (Scaler(1), Scaler(2)),
    (np.arange(3), np.arange(3.0)),
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    ([pd.Series([1])], [pd.Series([2])]),
    ({"f": len}, {"f": max}),
    ({"f": plain}, {"f": fib}),
    (adder(1), adder(2)),
    (functools.partial(plain, 1), functools.partial(plain, 2)),
    (np.random.default_rng(0), np.random.default_rng(1)),
    (int, float),
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_a_captured_value_is_part_of_the_digest(number: int) -> None:
    one, other = (
        [digest(define("def f(): return value", value=item)) for _ in range(2)]
        for item in VALUES[number]
    )
    assert one[0] == one[1]
    assert other[0] == other[1]
    assert one[0] != other[0]


def test_equal_values_have_one_digest_whether_they_share_parts_or_not() -> None:
    part = [1, 2]
    shared, copied = [part, part], [[1, 2], [1, 2]]
    name = "name!"[:4]  # an object of its own
    f = "def f(): return value"
    assert digest(define(f, value=shared)) == digest(define(f, value=copied))
    assert digest(define(f, value=[name, "name"])) == digest(define(f, value=["name", "name"]))


def test_values_that_contain_themselves_are_captured() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    f = define("def f(): return value[1][1][0]", value=ring)
    assert again(f)() == 1
    assert digest(f) == digest(f)


def test_large_changes_of_a_class_are_noticed() -> None:
    source = (
        "class C:\n    x: {kind} = {value}\n    def get(self): return {body}\ndef f(): return C()"
    )
    variants = [("int", 1, "self.x"), ("str", 1, "self.x"), ("int", 2, "self.x"), ("int", 1, "0")]
    digests = {
        digest(define(source.format(kind=kind, value=value, body=body)))
        for kind, value, body in variants
    }
    assert len(digests) == 4


def test_a_class_attribute_that_is_set_later_counts() -> None:
    f = define("class C:\n    limit = 1\ndef f(): return C.limit")
    before = digest(f)
    f.__globals__["C"].limit = 2
    assert digest(f) != before
    assert again(f)() == 2


def test_a_value_that_is_no_small_number_is_not_shown() -> None:
    f = define("def f(): return (a, b, c)", a="hunter2", b=0.5, c=["hunter2"])
    captured = capture(f)
    assert "hunter2" not in str(captured.task)
    assert captured.task["values"]["b"] == "0.5"
    assert captured.task["values"]["a"].startswith("str blake3:")


def test_large_values_are_noted() -> None:
    f = define("def f(): return big", big=np.zeros(2_000_000))
    (note,) = capture(f).notes
    assert "the global 'big' holds 16 MB" in note
    assert not capture(plain).notes


# What its pickle is like


def test_a_function_captured_for_many_operators_is_captured_once() -> None:
    captures = Captures()
    assert captures.of(plain) is captures.of(plain)


def test_the_list_of_modules_that_cloudpickle_takes_by_value_is_as_before() -> None:
    before = cloudpickle.list_registry_pickle_by_value()
    threads = [threading.Thread(target=capture, args=(uses_classes,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloudpickle.list_registry_pickle_by_value() == before


def test_arrays_are_stored_beside_the_pickle() -> None:
    f = define("def f(): return big.sum()", big=np.ones(10_000))
    pickled = capture(f).pickled
    assert [len(buffer) for buffer in pickled.buffers] == [80_000]
    assert len(pickled.head) < 5_000
    assert pickle.loads(pickle.dumps(pickled, 4)).load()() == 10_000


def test_a_function_may_change_an_array_that_it_holds() -> None:
    array = np.zeros(5_000)
    f = define("def f(): big[0] += 1; return big[0]", big=array)
    loaded = again(f)
    assert [loaded(), loaded()] == [1, 2]
    assert array[0] == 0
    array.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        again(f)()


def test_closures_of_one_name_are_numbered() -> None:
    one, two = adder(1), adder(2)
    f = define("def f(x): return one(two(x))", one=one, two=two)
    assert capture(f).task["values"] == {
        f"{__name__}.adder.<locals>.add.by": "1",
        f"{__name__}.adder.<locals>.add.by (2)": "2",
    }


def test_a_module_that_is_used_as_a_whole_goes_without_what_can_not_be_pickled() -> None:
    module = types.ModuleType("tools_of_the_test")
    exec("import threading\nlock = threading.Lock()\ndef double(x): return 2 * x", vars(module))
    f = define("def f(name, x): return getattr(tools, name)(x)", tools=module)
    assert again(f)("double", 2) == 4
    with pytest.raises(AttributeError, match="packaged without 'lock'"):
        again(f)("lock", 2)


def test_of_a_module_only_what_is_used_goes_along() -> None:
    module = types.ModuleType("tools_of_the_test")
    exec("big = bytes(9_000)\nFACTOR = 2\ndef double(x): return FACTOR * x", vars(module))
    f = define("def f(x): return tools.double(x)", tools=module)
    captured = capture(f)
    assert len(captured.pickled.head) < 4_000
    assert captured.task["values"] == {"tools_of_the_test.FACTOR": "2"}
    assert again(f)(4) == 8


def test_annotations_that_mean_nothing_at_run_time_do_no_harm() -> None:
    f = define("def f(x: 'Missing') -> 'pd.Nothing': return x")
    assert again(f)(1) == 1


def test_nothing_of_the_test_module_is_imported_to_load_a_function() -> None:
    pickled = capture(uses_classes).pickled
    module = sys.modules.pop(__name__)
    try:
        assert pickled.load()(2) == 4
        assert __name__ not in sys.modules
    finally:
        sys.modules[__name__] = module
