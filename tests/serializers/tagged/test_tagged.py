"""The tagged form: exact, plain where it can be, safe to read."""

from __future__ import annotations

import array
import dataclasses
import json
import random
import sys
from collections import ChainMap, defaultdict, deque
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import (
    AqueductError,
    ConversionError,
    CorruptArtifactError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.tagged import from_json, to_json
from aqueduct_core.testing import assert_identical, strategies
from tests.serializers import nest_values, nests
from tests.serializers.tagged.round_trip import again

VALUES = [*nest_values.SCALARS, *nest_values.CONTAINERS, *nest_values.NUMPY, *nest_values.PANDAS]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values_come_back_identical(number: int) -> None:
    value = VALUES[number]
    assert_identical(again(value), value)
    assert_identical(again([{"x": value}]), [{"x": value}])


@given(strategies.python_values())
def test_nests_come_back_identical(value: Any) -> None:
    assert_identical(again(value), value)


@given(strategies.plain_json())
def test_plain_json_stays_plain(value: Any) -> None:
    if "$type" not in repr(value):
        assert to_json(value) == value


@pytest.mark.parametrize("value", nest_values.REFUSED, ids=lambda value: type(value).__name__)
def test_what_has_no_exact_form_is_refused_with_its_path(value: Any) -> None:
    with pytest.raises(UnserializableError, match="has no exact JSON form"):
        to_json(value)
    with pytest.raises(UnserializableError) as caught:
        to_json({"a": [0, nests.Point(1, (value,))]})
    assert caught.value.path == "['a'][1].y[0]"
    assert "Hint: " in str(caught.value)


def test_what_has_no_form_is_nested_elsewhere() -> None:
    members: list[Any] = []

    def nest(value: Any, path: str) -> int:
        members.append((value, path))
        return len(members) - 1

    odd = nests.Plain(1)
    node = to_json({"a": (1, odd), odd: 2}, nest=nest)
    assert members[0][1] == "['a'][1]"
    assert members[1][1].startswith(".{<tests.serial")
    loaded = from_json(node, nested=lambda index: members[index][0])
    assert loaded["a"] == (1, odd)
    assert loaded[odd] == 2


class TestShared:
    @pytest.mark.parametrize(
        "shared",
        [
            [],
            {},
            {1: 2},
            set(),
            bytearray(b"x"),
            deque([1]),
            defaultdict(list),
            ChainMap({}),
            SimpleNamespace(a=1),
            nests.Point(1),
            nests.ById(),
            nests.Model(a=1),
            array.array("d", [1.0]),
            np.zeros(1, [("a", "i4")])[0],
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_changeable_object_in_two_places_is_one_object(self, shared: Any) -> None:
        value = [shared, {"again": (shared, 1)}]
        loaded = again(value)
        assert loaded[0] is loaded[1]["again"][0]
        assert_identical(loaded, value)

    def test_equal_objects_stay_apart(self) -> None:
        loaded = again([[], [], {}, {}])
        assert len(set(map(id, loaded))) == 4

    def test_repeated_constants_are_no_graph(self) -> None:
        point = (1, 2)
        assert "graph" not in json.dumps(to_json([point, point, "a" * 50, "a" * 50, ()]))

    def test_shared_tuples_do_not_multiply(self) -> None:
        value: Any = [0]
        for _ in range(100):
            value = (value, value)
        node = to_json(value)
        assert len(json.dumps(node)) < 20_000
        loaded = from_json(node)
        while isinstance(loaded, tuple):
            assert loaded[0] is loaded[1]
            loaded = loaded[0]

    def test_members_that_are_shared_are_asked_for_by_one_index(self) -> None:
        odd = nests.Plain(1)
        indices: dict[int, int] = {}
        node = to_json([odd, [odd]], nest=lambda value, _: indices.setdefault(id(value), 4))
        assert node == [{"$type": "member", "index": 4}, [{"$type": "member", "index": 4}]]


class TestCycles:
    def test_a_list_in_itself(self) -> None:
        value: list[Any] = [1]
        value.append(value)
        loaded = again(value)
        assert loaded[1] is loaded
        assert_identical(loaded, value)

    def test_every_container_that_can_change(self) -> None:
        for make in (dict, deque, defaultdict, nests.ById, SimpleNamespace, nests.Point):
            value: Any = make(1) if make is nests.Point else make()
            if isinstance(value, deque):
                value.append([value])
            elif isinstance(value, dict):
                value["me"] = {"inner": value}
            else:
                value.peer = [value]
            assert_identical(again(value), value)

    def test_a_tuple_that_is_in_a_list_in_it(self) -> None:
        inner: list[Any] = []
        value = (inner, 1)
        inner.append(value)
        loaded = again(value)
        assert loaded[0][0] is loaded
        assert_identical(loaded, value)

    def test_tuples_that_are_in_each_others_lists(self) -> None:
        a: list[Any] = []
        b: list[Any] = []
        first, second = (a, "first"), (b, "second")
        a += [second, first]
        b += [first, second]
        value = {"x": (first, (second,)), "y": [a, b]}
        assert_identical(again(value), value)

    def test_a_frozen_parent_whose_child_knows_it(self) -> None:
        children: list[Any] = []
        parent = nests.Frozen("parent", children)
        children.append(nests.Frozen("child", parent))
        loaded = again(parent)
        assert loaded.b[0].b is loaded

    def test_an_object_that_is_a_key_in_itself(self) -> None:
        value = nests.ById()
        value.peer = {value: [value]}
        loaded = again(value)
        assert list(loaded.peer) == [loaded]
        assert loaded.peer[loaded][0] is loaded

    def test_a_cycle_of_unchangeable_objects_is_refused(self) -> None:
        value = nests.Frozen(1)
        object.__setattr__(value, "b", (value,))
        with pytest.raises(UnserializableError, match="contains itself") as caught:
            to_json({"k": value})
        assert caught.value.path.startswith("['k']")

    @given(st.data())
    def test_random_graphs(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 6))
        kinds = data.draw(st.lists(st.sampled_from("ldoD"), min_size=count, max_size=count))
        made: list[Any] = [
            {"l": list, "d": dict, "o": nests.ById, "D": deque}[kind]() for kind in kinds
        ]
        for value in made:
            for key, (target, wrap) in enumerate(
                data.draw(
                    st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 2)), max_size=3)
                )
            ):
                member = made[target]
                member = (member, key) if wrap == 1 else [member] if wrap == 2 else member
                if isinstance(value, dict):
                    value[key] = member
                elif isinstance(value, nests.ById):
                    value.peer = member
                else:
                    value.append(member)
        assert_identical(again(made), made)


class TestDeep:
    @pytest.mark.parametrize("step", ["list", "tuple", "dict", "mixed", "object"])
    def test_ten_thousand_levels(self, step: str) -> None:
        value: Any = [1]
        for level in range(10_000):
            if step == "list" or (step == "mixed" and level % 3 == 0):
                value = [value]
            elif step == "tuple" or (step == "mixed" and level % 3 == 1):
                value = (value,)
            elif step == "object":
                value = nests.Point(value)
            else:
                value = {"a": value}
        loaded = again(value)
        assert_identical(loaded, value)

    def test_the_text_of_deep_nests_is_not_deep(self) -> None:
        value: Any = 1
        for _ in range(1_000):
            value = {1: (value,)}
        depth = deepest = 0
        for char in json.dumps(to_json(value)):
            depth += (char in "[{") - (char in "]}")
            deepest = max(deepest, depth)
        assert deepest < 200  # orjson writes 254 levels and reads 1024

    def test_the_path_to_something_deep_down_is_readable(self) -> None:
        value: Any = {"x": nests.Plain(1)}
        for _ in range(1_000):
            value = [value, 0]
        with pytest.raises(UnserializableError) as caught:
            to_json(value)
        assert caught.value.path.startswith("[0][0]")
        assert caught.value.path.endswith("[0]['x']")
        assert "...961 more..." in caught.value.path

    def test_near_the_end_of_the_stack(self) -> None:
        def descend(levels: int) -> Any:
            return again([[[(1,)]]]) if levels == 0 else descend(levels - 1)

        for room in (60, 100, 150, 250):
            here = len(_frames())
            try:
                assert descend(sys.getrecursionlimit() - here - room) == [[[(1,)]]]
            except (AqueductError, RecursionError):
                # RecursionError may come from json.dumps here, or from descend() itself.
                continue


def _frames() -> list[Any]:
    frame, found = sys._getframe(), []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return found


class TestStable:
    def test_sets_are_stored_in_one_order(self) -> None:
        items = [str(n) for n in range(50)] + [(n, frozenset({n, str(n)})) for n in range(50)]
        texts = set()
        for seed in range(5):
            random.Random(seed).shuffle(items)
            texts.add(json.dumps(to_json(set(items))))
        assert len(texts) == 1

    def test_sets_in_graphs_are_too(self) -> None:
        shared: list[Any] = []
        texts = set()
        for seed in range(5):
            items = [(n, (n,) * 20) for n in range(30)]
            random.Random(seed).shuffle(items)
            texts.add(json.dumps(to_json([shared, shared, set(items)])))
        assert len(texts) == 1


class TestClasses:
    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
        source = (
            "import dataclasses, enum, typing\n"
            "@dataclasses.dataclass\nclass Thing:\n    x: int\n"
            "class Kind(enum.Enum):\n    A = 1\n"
            "class Two(typing.NamedTuple):\n    a: int\n    b: int\n"
            "loaded = True\n"
        )
        (tmp_path / "some_shapes.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        import some_shapes  # type: ignore[import-not-found]

        yield some_shapes
        sys.modules.pop("some_shapes", None)

    def test_nothing_is_imported_unless_trusted(self, module: ModuleType) -> None:
        node = to_json([module.Thing(2)])
        del sys.modules["some_shapes"]
        with pytest.raises(UnsafeArtifactError, match="import some_shapes first"):
            from_json(node)
        assert "some_shapes" not in sys.modules
        assert from_json(node, trusted=True)[0].x == 2

    def test_a_module_that_is_gone(self, module: ModuleType) -> None:
        node = to_json(module.Kind.A)
        text = json.dumps(node).replace("some_shapes", "some_other_shapes")
        with pytest.raises(ConversionError, match="can't be imported"):
            from_json(json.loads(text), trusted=True)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Thing", "Other"),
            ("Thing", "Kind"),
            ("Thing", "loaded"),
            ("Kind", "Thing"),
            ('"A"', '"B"'),
            ("Two", "Thing"),
            ("[1, 2]", "[1]"),
            ('"x": 2', '"y": 2'),
        ],
    )
    def test_a_class_that_changed(self, module: ModuleType, old: str, new: str) -> None:
        text = json.dumps(to_json([module.Thing(2), module.Kind.A, module.Two(1, 2)]))
        with pytest.raises(ConversionError):
            from_json(json.loads(text.replace(old, new)))

    def test_local_classes_and_those_of_main_are_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @dataclasses.dataclass
        class Local:
            x: int

        with pytest.raises(UnserializableError):
            to_json(Local(1))
        Local.__qualname__, Local.__module__ = "Local", "__main__"
        monkeypatch.setattr(sys.modules["__main__"], "Local", Local, raising=False)
        with pytest.raises(UnserializableError):
            to_json(Local(1))
        with pytest.raises(CorruptArtifactError):
            from_json({"$type": "dataclass", "class": "__main__:Local", "fields": {"x": 1}})

    def test_a_class_that_is_hidden_by_another_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        value = nests.Point(1)
        monkeypatch.setattr(nests, "Point", nests.Child)
        with pytest.raises(UnserializableError):
            to_json(value)

    def test_named_tuples_with_attributes_are_refused(self) -> None:
        value = nests.Sub(1, 2)
        value.extra = 1
        with pytest.raises(UnserializableError):
            to_json(value)
