"""Nests in which objects are shared, and arrays that stand beside the JSON."""

from __future__ import annotations

import threading
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.json import JsonSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers import nests


class Zone(tzinfo):
    def utcoffset(self, when: Any) -> timedelta:
        return timedelta(hours=3)


@pytest.fixture
def store() -> ArtifactStore:
    """A store that keeps nothing but what has a format."""
    return ArtifactStore("memory://json")


def again(store: ArtifactStore, value: Any) -> Any:
    return store.get(store.put(value, "k"))


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

    def test_arrays_of_objects(self, store: ArtifactStore) -> None:
        shared = [1]
        array = np.empty(1, object)
        array[0] = shared
        records = np.zeros(1, [("o", "O")])
        records["o"][0] = shared
        loaded = again(store, {"array": array, "list": shared, "records": records})
        assert loaded["array"][0] is loaded["list"]
        assert loaded["records"]["o"][0] is loaded["list"]
        other = array.copy()
        loaded = again(store, [array, other, nests.Plain(shared)])
        assert loaded[0][0] is loaded[1][0]
        assert loaded[0][0] is loaded[2].x

    def test_time_zones_of_ones_own(self, store: ArtifactStore) -> None:
        zone = Zone()
        value = [datetime(2024, 1, 1, tzinfo=zone), time(1, tzinfo=zone), nests.Plain(zone)]
        loaded = again(store, value)
        assert loaded[0].tzinfo is loaded[1].tzinfo
        assert loaded[0].tzinfo is loaded[2].x

    def test_cycles_through_arrays_of_objects(self, store: ArtifactStore) -> None:
        value: dict[str, Any] = {"array": np.empty(1, object)}
        value["array"][0] = value
        loaded = again(store, value)
        assert loaded["array"][0] is loaded

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
