"""The serializer for nests: plain JSON, tags, arrays, members."""

from __future__ import annotations

import dataclasses
import enum
import gc
import json
import math
import sys
import threading
import uuid
from collections import OrderedDict, deque
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.abc import Budget
from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    MemberNotFoundError,
    UnserializableError,
)
from aqueduct_core.registry import Registry
from aqueduct_core.serializers import _json_plain, _jsontext
from aqueduct_core.serializers.json import JsonSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical, strategies
from tests.serializers import nests


def plain_text(value: Any) -> bytes | None:
    pieces = _json_plain.plain_text(value)
    return None if pieces is None else b"".join(pieces)


ARRAYS = [
    {"a": np.arange(3), "b": [np.ones((2, 3), order="F"), np.array(5.0)], "n": 1},
    [np.zeros((0, 3)), np.array([], "f4"), np.array(["a", "bc"]), np.array([True])],
    [
        np.array(["2020-01-01"], "M8[D]"),
        np.arange(3, dtype=">i2"),
        np.array([b"x"]),
        np.ones(2, "c8"),
    ],
    {(1,): np.arange(6).reshape(2, 3), "strided": np.arange(10)[::2]},
    (np.arange(20_000), np.arange(20_000.0).reshape(100, 200).T, np.arange(200_000)),
    [b"short", b"x" * 1000, b"x" * 1000, b"y" * 70_000],
    [np.array([1], "q"), np.zeros(2, [("a", "i4")]), np.array([1], "g")],
    {"frame": pd.DataFrame({"a": [1, 2]}), "series": pd.Series([1.5], name="s"), "text": "é" * 9},
    [np.arange(3), np.arange(200_000), np.array([1], "g"), np.arange(3)[::2]],
    {"a": np.arange(3), "b": np.arange(200_000), "c": np.array([1], "g"), "d": np.arange(3)[::2]},
    nests.Point(np.arange(2), {nests.Color.RED: pd.Index([1])}),
]


class TestJsonSerializer(SerializerTests):
    serializer = JsonSerializer()
    values = (
        *(value for value in nests.SCALARS if not isinstance(value, str | bytes | bytearray)),
        *nests.CONTAINERS,
        *nests.NUMPY[::3],
        *nests.PANDAS[::7],
        *ARRAYS,
    )

    # All these values, each damaged dozens of times, take minutes; some of each kind do.
    def test_damaged_parts_are_noticed(self, store: ArtifactStore, tmp_path: Any) -> None:
        few = type("Few", (TestJsonSerializer,), {"values": (*self.values[::41], *ARRAYS[:2])})()
        super(TestJsonSerializer, few).test_damaged_parts_are_noticed(store, tmp_path)

    def test_hostile_bytes_never_crash_hang_or_run_code(
        self, tmp_path: Any, registry: Registry
    ) -> None:
        few = type("Few", (TestJsonSerializer,), {"values": (*self.values[::5], *ARRAYS)})()
        super(TestJsonSerializer, few).test_hostile_bytes_never_crash_hang_or_run_code(
            tmp_path, registry
        )


@pytest.fixture
def store() -> ArtifactStore:
    """A store that keeps nothing but what has a format."""
    return ArtifactStore("memory://json")


def again(store: ArtifactStore, value: Any) -> Any:
    return store.get(store.put(value, "k"))


@given(value=strategies.python_values())
def test_nests_come_back_identical(value: Any) -> None:
    store = ArtifactStore("memory://json")
    assert_identical(again(store, [value]), [value])


@given(value=strategies.plain_json(60))
def test_plain_json_is_the_text_that_everybody_reads(value: Any) -> None:
    text = plain_text(value)
    if text is None:
        assert '"$type"' in json.dumps(value)
    else:
        assert json.loads(text) == value
        assert_identical(orjson.loads(text), value)


class TestPlain:
    def records(self, count: int = 100) -> list[Any]:
        return [
            {
                "id": i,
                "name": f"n{i}",
                "tags": [f"t{i}", "x"],
                "position": {"x": i / 3, "y": -i / 7},
                "flag": i % 2 == 0,
                "maybe": None if i % 3 else 0.5 * i,
                "empty": [],
            }
            for i in range(count)
        ]

    @pytest.mark.parametrize("count", [1, 31, 32, 100])
    def test_records_are_plain(self, count: int) -> None:
        records = self.records(count)
        assert plain_text(records) == orjson.dumps(records)

    def test_so_they_are_when_somebody_else_holds_parts_of_them(self) -> None:
        records = self.records()
        held = [records[3], records[5]["tags"], records[5]["position"]]
        assert plain_text(records) is not None
        assert held

    def test_counting_references_works_here(self) -> None:
        # If it doesn't on some Python, all is still right, but slower.
        proof = _json_plain._Proof()
        records = self.records()
        assert proof.look_at([records], 0, _json_plain._ANY)
        assert proof.look_at(records[:], 1, _json_plain._REFERENCES)
        assert proof._suspects == []

    @pytest.mark.parametrize(
        "odd",
        [
            (1, 2),
            (),
            {1},
            b"x",
            1j,
            math.nan,
            math.inf,
            2**64,
            -(2**63) - 1,
            10**400,
            "\ud800",
            {1: 2},
            {"\ud800": 2},
            {None: 1},
            {"$type": 1},
            nests.Color.RED,
            nests.Level.LOW,
            nests.Word.YES,
            nests.MyInt(1),
            nests.MyStr("a"),
            nests.MyDict(a=1),
            nests.Point(1),
            uuid.UUID(int=1),
            datetime(2020, 1, 1),
            OrderedDict(a=1),
            np.float64(1.5),
            np.int64(1),
            np.arange(3),
            pd.Timestamp("2020"),
            {nests.MyStr("key"): 1},
            {nests.Word.YES: 1},
            orjson.Fragment(b"1"),
            nests.Plain(1),
            pd.DataFrame({"a": [1]}),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("where", ["id", "name", "x", "tags", "maybe", "last", "alone"])
    @pytest.mark.parametrize("accelerated", [True, False])
    def test_one_odd_value_among_many_is_found(
        self, odd: Any, where: str, accelerated: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not accelerated:
            monkeypatch.setattr(_json_plain, "orjson", None)
        for value in (self.records(), [1.5] * 50, [3] * 50, ["a"] * 50):
            if where == "alone":
                value = odd
            elif where == "last" or not isinstance(value[0], dict):
                value[-1] = odd
            elif where == "x":
                value[77]["position"]["x"] = odd
            elif where == "tags":
                value[77]["tags"][1] = odd
            else:
                value[77][where] = odd
            assert plain_text(value) is None

    @pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 95])
    def test_long_lists_are_written_in_chunks(
        self, count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_json_plain, "_CHUNK", 10)
        records = self.records(count)
        assert plain_text(records) == orjson.dumps(records)
        if count > 20:
            records[count // 2]["maybe"] = (1,)
            assert plain_text(records) is None
            records[count // 2]["maybe"] = records[3]
            assert plain_text(records) is None

    def test_shared_and_cyclic_members_are_found(self) -> None:
        for accelerated in (True, False):
            shared: Any
            for shared in ([], {}, {"a": 1}):
                records = self.records()
                records[3]["maybe"] = shared
                assert plain_text(records) is not None
                records[90]["tags"].append(shared)
                assert plain_text(records) is None
                assert plain_text([shared] * 50) is None
                assert plain_text([shared, [shared]]) is None
                assert plain_text({"a": shared, "b": {"c": [shared]}}) is None
            cycle: list[Any] = self.records()
            cycle[50]["tags"].append(cycle)
            assert plain_text(cycle) is None
            if accelerated:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(_json_plain, "orjson", None)
                    assert plain_text(cycle) is None

    def test_attributes_of_objects_are_looked_into(self) -> None:
        # Their dicts may leave the values to the object, out of the garbage collector's sight.
        for odd in (1, (1,), math.nan):
            value = nests.Plain(odd)
            text = plain_text([vars(value)])
            assert (text == b'[{"x":1}]') == (odd == 1)
            many = [nests.Plain(odd) for _ in range(40)]
            assert (plain_text([vars(one) for one in many]) is not None) == (odd == 1)

    def test_sums_that_overflow_are_no_infinities(self) -> None:
        assert plain_text([1e308] * 50) is not None
        assert plain_text([1e308] * 50 + [math.inf]) is None
        assert plain_text([2**63] * 5000) is not None

    def test_numbers_that_add_themselves_run_no_risk(self) -> None:
        class Bomb:
            def __radd__(self, other: Any) -> Any:
                raise KeyboardInterrupt

        assert plain_text([1] * 50 + [Bomb()]) is None
        assert plain_text([1.0] * 50 + [np.arange(3), np.arange(4)]) is None

    def test_deep_plain_json(self, store: ArtifactStore) -> None:
        value: Any = "end"
        for _ in range(60):
            value = {"a": [value]} if len(repr(value)) % 2 else [value]
        assert_identical(again(store, value), value)
        for _ in range(3000):
            value = [value]
        assert_identical(again(store, value), value)

    def test_the_walk_leaves_the_value_alone(self) -> None:
        records = self.records()
        before = json.dumps(records)
        counts = [sys.getrefcount(record) for record in records]
        plain_text(records)
        gc.collect()
        assert json.dumps(records) == before
        assert [sys.getrefcount(record) for record in records] == counts


class TestWithoutOrjson:
    @pytest.fixture
    def plain_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_json_plain, "orjson", None)
        monkeypatch.setattr(_jsontext, "orjson", None)

    def test_each_reads_what_the_other_wrote(self, store: ArtifactStore) -> None:
        values = [*nests.SCALARS, *nests.CONTAINERS]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json_plain, "orjson", None)
            patch.setattr(_jsontext, "orjson", None)
            store.put(values, "slow")
            plain = store.manifest("slow").content.meta
        store.put(values, "fast")
        assert store.manifest("fast").content.meta == plain
        assert_identical(store.get("slow"), values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_jsontext, "orjson", None)
            assert_identical(store.get("fast"), values)

    @pytest.mark.usefixtures("plain_python")
    def test_bad_text_is_named(self, store: ArtifactStore) -> None:
        for text in (b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000):
            with pytest.raises(CorruptArtifactError):
                _jsontext.loads(text)


class TestTypes:
    @pytest.mark.parametrize(
        ("value", "artifact"),
        [
            (None, "json"),
            (True, "bool"),
            (np.True_, "bool"),
            (1, "numeric"),
            (2**70, "numeric"),
            (1.5, "numeric"),
            (math.nan, "numeric"),
            (1j, "numeric"),
            (nests.Decimal(1), "numeric"),
            (nests.Fraction(1, 2), "numeric"),
            (np.float32(1), "numeric"),
            (np.complex128(1), "numeric"),
            (np.datetime64("2020"), "json"),
            (np.timedelta64(1, "D"), "json"),
            (datetime(2020, 1, 1), "json"),
            ([1], "json"),
            ({1: (2,)}, "json"),
            ([b"x" * 1000], "json"),
            (nests.Point(1), "json"),
            ([np.arange(2)], "collection"),
            ([np.arange(1_000_000)], "collection"),
            ({"a": pd.DataFrame({"a": [1]})}, "collection"),
            (nests.Point(pd.Series([1])), "collection"),
        ],
        ids=repr,
    )
    def test_the_artifact_type_says_what_it_is(
        self, store: ArtifactStore, value: Any, artifact: str
    ) -> None:
        ref = store.put(value, "k")
        assert (ref.serializer, ref.type) == ("json", artifact)

    @pytest.mark.parametrize("value", nests.REFUSED, ids=lambda value: type(value).__name__)
    def test_what_it_cannot_keep_is_left_to_others(self, value: Any) -> None:
        assert not JsonSerializer().accepts(value)

    def test_a_member_that_nothing_keeps_is_named(self, store: ArtifactStore) -> None:
        with pytest.raises(UnserializableError) as caught:
            store.put({"a": [1, nests.Plain(2)]}, "k")
        assert caught.value.path == "['a'][1]"

    def test_members_that_are_shared_stay_shared(self, store: ArtifactStore) -> None:
        array, frame = np.arange(3), pd.DataFrame({"a": [1]})
        large = np.arange(1_000_000)
        loaded = again(store, {"x": [array, frame, large], "y": (array, frame, large)})
        for index in range(3):
            assert loaded["x"][index] is loaded["y"][index]


class TestObjectsThatShare:
    """What is pickled must not lose what it has in common with the rest of the nest."""

    @pytest.fixture
    def store(self) -> ArtifactStore:
        return ArtifactStore("memory://json", allow_pickle=True)

    def test_objects_apart_are_stored_apart(self, store: ArtifactStore) -> None:
        value = {"a": nests.Plain([1]), "b": nests.Plain([1]), "c": [1], "d": pd.Series([1])}
        ref = store.put(value, "k")
        assert ref.type == "collection"
        assert [m.serializer for m in store.manifest(ref).content.members[:2]] == ["pickle"] * 2
        loaded = store.get(ref)
        assert loaded["a"].x == loaded["b"].x == [1]

    def test_with_the_nest(self, store: ArtifactStore) -> None:
        shared = {"rate": 0.5}
        loaded = again(store, {"settings": shared, "model": nests.Plain([shared])})
        assert loaded["model"].x[0] is loaded["settings"]

    def test_with_each_other(self, store: ArtifactStore) -> None:
        shared = {"rate": 0.5}
        value = [pd.Series([1]), nests.Plain(shared), np.arange(3), nests.Plain((shared,))]
        ref = store.put(value, "k")
        assert ref.type == "collection"
        loaded = store.get(ref)
        assert loaded[1].x is loaded[3].x[0]
        assert_identical(loaded[::2], value[::2])
        assert store.get(ref, at=[1]).x == shared

    def test_one_inside_another(self, store: ArtifactStore) -> None:
        inner = nests.Plain(1)
        loaded = again(store, [inner, nests.Plain(inner)])
        assert loaded[1].x is loaded[0]

    def test_arrays_and_tables(self, store: ArtifactStore) -> None:
        for data in (np.arange(3), np.arange(1_000_000), pd.DataFrame({"a": [1]})):
            loaded = again(store, {"data": data, "model": nests.Plain(data)})
            assert loaded["model"].x is loaded["data"]

    def test_cycles(self, store: ArtifactStore) -> None:
        value: dict[str, Any] = {}
        value["me"] = nests.Plain(value)
        loaded = again(store, value)
        assert loaded["me"].x is loaded

    def test_functions_that_close_over_the_nest(self, store: ArtifactStore) -> None:
        counts = [0]
        loaded = again(store, {"counts": counts, "add": lambda: counts.append(1)})
        loaded["add"]()
        assert loaded["counts"] == [0, 1]

    def test_what_cannot_be_pickled_is_named(self, store: ArtifactStore) -> None:
        shared: list[Any] = []
        with pytest.raises(UnserializableError) as caught:
            store.put({"a": [shared, nests.Plain(shared)], "b": threading.Lock()}, "k")
        assert caught.value.path.startswith("['b']")

    def test_safe_stores_name_the_object(self) -> None:
        shared: list[Any] = []
        with pytest.raises(UnserializableError) as caught:
            ArtifactStore("memory://json").put([shared, nests.Plain(shared)], "k")
        assert caught.value.path == "[1]"

    @pytest.mark.parametrize(
        "places", [5, [], [[0]], [[0, 5]], [["a", 0]], [[0, 0]], ["x"], [None]], ids=repr
    )
    def test_places_that_nobody_wrote(self, places: Any) -> None:
        class Source:
            version, trusted, meta = 1, True, {"members": places}

            def view(self, part: str = "data") -> memoryview:
                return memoryview(bytearray(b'{"$type":"member","index":0}'))

            def nested(self, index: int) -> Any:
                return [1, 2][index]

        with pytest.raises(CorruptArtifactError):
            JsonSerializer().load(Source())  # type: ignore[arg-type]


class TestArrays:
    def test_small_arrays_share_one_part_and_are_not_copied(self, tmp_path: Any) -> None:
        store = ArtifactStore(tmp_path)
        value = {f"a{i}": np.full((16, 16), float(i)) for i in range(200)}
        store.put(value, "k")
        node = store.manifest("k").content
        assert set(node.parts) == {"data", "arrays"}
        assert not node.members
        loaded = store.get("k")
        assert_identical(loaded, value)
        whole = {id(_root(array)) for array in loaded.values()}
        assert len(whole) == 1
        for array in loaded.values():
            assert array.flags.writeable
            assert array.flags.aligned
            assert array.__array_interface__["data"][0] % 64 == 0
            array += 1
        assert_identical(store.get("k"), value)

    def test_arrays_do_not_overlap(self, store: ArtifactStore) -> None:
        value = [np.arange(n) for n in range(20)]
        loaded = again(store, value)
        for array in loaded:
            array[...] = -1
        assert [array.tolist() for array in loaded] == [[-1] * n for n in range(20)]

    @pytest.mark.parametrize(
        "table",
        [
            None,
            [],
            {},
            {"kinds": [], "of": [0]},
            {"kinds": [], "of": [-1]},
            {"kinds": [["<f8", [2], "C"]], "of": [True]},
            {"kinds": [["<f8", [2], "C"]], "of": [1]},
            {"kinds": [["<f8", [2], "C"]], "of": [0, 0]},
            {"kinds": [["<f8", [2], "C"]], "of": []},
            {"kinds": [["<f8", [-2], "C"]], "of": [0]},
            {"kinds": [["<f8", [9], "C"]], "of": [0]},
            {"kinds": [["<f8", [2**62, 2**62, 0], "C"]], "of": [0]},
            {"kinds": [["<f8", [2**40], "C"]], "of": [0]},
            {"kinds": [["<f8", [1.5], "C"]], "of": [0]},
            {"kinds": [["<f8", [1] * 65, "C"]], "of": [0]},
            {"kinds": [["<f8", [2], "K"]], "of": [0]},
            {"kinds": [["<f8", 2, "C"]], "of": [0]},
            {"kinds": [["|O", [8], "C"]], "of": [0]},
            {"kinds": [[{"str": "|O"}, [8], "C"]], "of": [0]},
            {"kinds": [["bytes", -1]], "of": [0]},
            {"kinds": [["bytes", 2**40]], "of": [0]},
            {"kinds": [["bytes"]], "of": [0]},
            {"kinds": [[]], "of": [0]},
        ],
        ids=repr,
    )
    def test_tables_that_nobody_wrote(self, table: Any) -> None:
        class Source:
            version, trusted, meta = 1, False, {"arrays": True}

            def view(self, part: str = "data") -> memoryview:
                if part == "arrays":
                    return memoryview(bytearray(64))
                node = {"$type": "array", "index": 0}
                return memoryview(orjson.dumps({"value": [node], "arrays": table}))

            def nested(self, index: int) -> Any:
                raise AssertionError

        with pytest.raises(AqueductError):
            JsonSerializer().load(Source())  # type: ignore[arg-type]


def _root(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base.obj if isinstance(array.base, memoryview) else array.base


class TestPartialReads:
    VALUE: ClassVar[Any] = {
        "a": [{"b": (1, [2, 3])}, deque([4, 5])],
        7: "seven",
        (1, 2): {"frame": pd.DataFrame({"x": [1]})},
        "point": nests.Point(1, nests.Pair("left", {nests.Color.RED: np.arange(3)})),
        "model": nests.Model(a=5),
        "set": {1},
    }

    @pytest.mark.parametrize(
        "path",
        [
            [],
            ["a"],
            ["a", 0, "b", 1, -1],
            ["a", 1, 1],
            [7],
            [(1, 2)],
            [(1, 2), "frame"],
            ["point", "x"],
            ["point", "y", "left"],
            ["point", "y", 1],
            ["point", "y", "right", nests.Color.RED],
            ["model", "a"],
            ["set"],
        ],
        ids=repr,
    )
    def test_a_member_comes_alone(self, store: ArtifactStore, path: list[Any]) -> None:
        store.put(self.VALUE, "k")
        expected = self.VALUE
        for step in path:
            by_name = isinstance(step, str) and not isinstance(expected, dict)
            expected = getattr(expected, step) if by_name else expected[step]
        assert_identical(store.get("k", at=path), expected)

    @pytest.mark.parametrize(
        "path",
        [["b"], ["a", 2], ["a", "0"], ["a", True], ["a", -3], ["point", "z"], ["set", 0], [7, 0]],
        ids=repr,
    )
    def test_a_path_to_nowhere_says_what_there_is(
        self, store: ArtifactStore, path: list[Any]
    ) -> None:
        store.put(self.VALUE, "k")
        with pytest.raises(MemberNotFoundError, match="value"):
            store.get("k", at=path)

    def test_plain_json(self, store: ArtifactStore) -> None:
        store.put({"a": [1, {"b": 2}]}, "k")
        assert store.get("k", at=["a", 1, "b"]) == 2
        for path in (["x"], ["a", 5], ["a", "b"], ["a", 0, 0], [0]):
            with pytest.raises(MemberNotFoundError):
                store.get("k", at=path)

    def test_other_members_are_not_loaded(self, tmp_path: Any) -> None:
        store = ArtifactStore(tmp_path)
        big = {
            name: pd.DataFrame({name: np.random.default_rng(1).random(200_000)}) for name in "ab"
        }
        store.put(big, "k")
        wanted = store.get("k", at=["a"])
        assert_identical(wanted, big["a"])
        node = store.manifest("k").content.members[1]
        for part in node.parts.values():
            for path in tmp_path.rglob(f"*{(part.digest or '-').partition(':')[2]}*"):
                path.unlink()
        assert_identical(store.get("k", at=["a"]), big["a"])
        with pytest.raises(CorruptArtifactError):
            store.get("k")

    def test_members_of_graphs(self, store: ArtifactStore) -> None:
        shared = [1, (2,)]
        value: dict[Any, Any] = {"x": shared, "y": {1: [shared, shared]}, "t": (shared,)}
        value["me"] = value
        store.put(value, "k")
        assert store.get("k", at=["x", 1, 0]) == 2
        inner = store.get("k", at=["y", 1])
        assert inner[0] is inner[1]
        loaded = store.get("k", at=["me", "me"])
        assert loaded["me"] is loaded
        assert store.get("k", at=["t"]) == ([1, (2,)],)


class TestDescription:
    def test_lengths_types_and_a_preview(self) -> None:
        value = {"a": [1, 2, 3], "b": (1.5, math.nan), 3: np.arange(4), "c": {"d": None}}
        found = JsonSerializer().describe(value, Budget())
        assert found["length"] == 4
        assert found["types"] == {"list": 1, "tuple": 1, "numpy.ndarray": 1, "dict": 1}
        assert found["preview"] == {
            "a": [1, 2, 3],
            "b": [1.5, "nan"],
            "3": "numpy.ndarray int64 (4,)",
            "c": {"d": None},
        }

    @pytest.mark.parametrize(
        "value",
        [
            *nests.SCALARS,
            *nests.CONTAINERS,
            ["x" * 10_000] * 1000,
            {str(i): {str(j): list(range(100)) for j in range(100)} for i in range(100)},
            "\ud800" * 100,
            [10**10_000],
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_they_are_plain_and_short(self, value: Any) -> None:
        budget = Budget(rows=5, size=2_000)
        text = json.dumps(JsonSerializer().describe(value, budget), allow_nan=False)
        assert len(text) <= 2 * budget.size
        text.encode()

    def test_what_cannot_be_shown_does_no_harm(self) -> None:
        class Awkward:
            def __repr__(self) -> str:
                raise ValueError("no")

        value: Any = [Awkward(), {Awkward(): Awkward()}]
        deep: Any = 1
        for _ in range(100_000):
            deep = [deep]
        value += [deep, value]
        assert json.dumps(JsonSerializer().describe(value, Budget()))


@dataclasses.dataclass
class InTest:
    kind: enum.Enum
    values: Any


@given(st.builds(InTest, st.sampled_from(nests.Color), strategies.arrays()))
def test_objects_with_arrays(value: InTest) -> None:
    try:
        loaded = again(ArtifactStore("memory://json"), [value, value])
    except UnserializableError:
        assert value.values.dtype.hasobject
        return
    assert loaded[0] is loaded[1]
    assert loaded[0].kind is value.kind
    assert loaded[0].values.dtype == value.values.dtype
    assert loaded[0].values.tobytes() == value.values.tobytes()
