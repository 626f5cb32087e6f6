"""The serializer for nests: plain JSON, tags, and what stays as it was."""

from __future__ import annotations

import dataclasses
import enum
import gc
import json
import math
import sys
import uuid
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import (
    CorruptArtifactError,
    UnserializableError,
)
from aqueduct_core.registry import Registry
from aqueduct_core.serializers import _jsontext
from aqueduct_core.serializers.json import JsonSerializer, _plain
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical, strategies
from tests.serializers import nest_values, nests


def plain_text(value: Any) -> bytes | None:
    pieces = _plain.plain_text(value)
    return None if pieces is None else b"".join(pieces)


ALIKE: list[tuple[Any, str]] = [
    *((shape, "i4") for shape in [(), (0,), (4, 4), (3, 5), (5_000,)]),
    *((7, kind) for kind in ["M8[ns]", ">f8", "U2", "S3", "V5", "?", "f2", "g", "i4,f8"]),
]
SHARED = [np.arange(n, n + 8) for n in range(20)]

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
    # Many of one kind, and what keeps many from being of one kind.
    [np.full(shape, n, kind) for shape, kind in ALIKE for n in range(20)],
    *([np.full(shape, n, kind) for n in range(20)] for shape, kind in ALIKE),
    [*(np.full((2, 3), n) for n in range(20)), np.ones((2, 3), int, order="F")],
    [*(np.full(3, n) for n in range(20)), np.arange(6)[::2]],
    [*(np.full(3, n) for n in range(20)), np.arange(4)],
    [np.full(3, n, kind) for n in range(20) for kind in "lq"],
    [*SHARED, *SHARED[:3]],
    {"a": SHARED, "b": SHARED[::-1], "c": {str(n): array for n, array in enumerate(SHARED)}},
]


class TestJsonSerializer(SerializerTests):
    serializer = JsonSerializer()
    values = (
        *(value for value in nest_values.SCALARS if not isinstance(value, str | bytes | bytearray)),
        *nest_values.CONTAINERS,
        *nest_values.NUMPY[::3],
        *nest_values.PANDAS[::7],
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
        proof = _plain._Proof()
        records = self.records()
        assert proof.look_at([records], 0, _plain._ANY)
        assert proof.look_at(records[:], 1, _plain._REFERENCES)
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
            monkeypatch.setattr(_plain, "orjson", None)
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
        monkeypatch.setattr(_plain, "_CHUNK", 10)
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
                    patch.setattr(_plain, "orjson", None)
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
        monkeypatch.setattr(_plain, "orjson", None)
        monkeypatch.setattr(_jsontext, "orjson", None)

    def test_each_reads_what_the_other_wrote(self, store: ArtifactStore) -> None:
        values = [*nest_values.SCALARS, *nest_values.CONTAINERS]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_plain, "orjson", None)
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
    def test_bad_text_is_named(self) -> None:
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
            (Decimal(1), "numeric"),
            (Fraction(1, 2), "numeric"),
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

    @pytest.mark.parametrize("value", nest_values.REFUSED, ids=lambda value: type(value).__name__)
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
