"""Parts of nests are read alone, and what is told of them."""

from __future__ import annotations

import json
import math
from collections import deque
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from aqueduct_core.abc import Budget
from aqueduct_core.errors import (
    CorruptArtifactError,
    MemberNotFoundError,
)
from aqueduct_core.serializers.json import JsonSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers import nest_values, nests


@pytest.fixture
def store() -> ArtifactStore:
    """A store that keeps nothing but what has a format."""
    return ArtifactStore("memory://json")


def again(store: ArtifactStore, value: Any) -> Any:
    return store.get(store.put(value, "k"))


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

    def test_where_an_object_was_in_memory_is_not_told(self) -> None:
        class Odd:
            pass

        (shown,) = JsonSerializer().describe([Odd()], Budget())["preview"]
        assert shown.startswith("tests.serializers.json.test_parts.TestDescription.test_where")

    @pytest.mark.parametrize(
        "value",
        [
            *nest_values.SCALARS,
            *nest_values.CONTAINERS,
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
