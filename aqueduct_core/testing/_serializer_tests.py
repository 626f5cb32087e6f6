"""What every serializer must pass: inherit, name the serializer and some values, done."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aqueduct_core.abc import Budget, Describes, Picks, Serializer
from aqueduct_core.errors import AqueductError, CorruptArtifactError, FormatVersionError
from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing._audit import forbid_code
from aqueduct_core.testing._compare import assert_identical
from aqueduct_core.testing._tamper import forge, tamper

__all__ = ["SerializerTests"]

_MUTATIONS = 30  # per value


class SerializerTests:
    """The conformance tests of a serializer.

    A complete test module:

        from acme import Point, PointSerializer
        from aqueduct_core.testing import SerializerTests

        class TestPointSerializer(SerializerTests):
            serializer = PointSerializer()
            values = [Point(1, 2), Point(0, -1)]

    Attributes:
        serializer: The serializer under test.
        values: Values that it keeps; the odder, the better.
        golden: Files that older versions wrote, each with the value it holds: the bytes of the one
            part of a value, or a folder with a file per part and `meta.json`.
    """

    serializer: ClassVar[Any]
    values: ClassVar[Sequence[Any]]
    golden: ClassVar[Mapping[Path, Any]] = {}

    def assert_identical(self, loaded: Any, value: Any) -> None:
        """Compare what came back with what went in; override for types with an equality of their own."""
        assert_identical(loaded, value)

    @pytest.fixture
    def registry(self) -> Registry:
        """A registry in which the serializer wins for its types."""
        registry = Registry(plugins=False)
        if self.serializer.name not in {entry.name for entry in registry._entries}:
            registry.register(self.serializer, package="under-test 1")
            registry.prefer(self.serializer.name)
        return registry

    @pytest.fixture(params=["fast", "small"])
    def store(
        self, request: pytest.FixtureRequest, tmp_path: Path, registry: Registry
    ) -> ArtifactStore:
        """A store of plain parts, and one that compresses what can be compressed."""
        safe = getattr(self.serializer, "safe", True)
        return ArtifactStore(
            tmp_path, policy=request.param, registry=registry, allow_pickle=not safe
        )

    def put(self, store: ArtifactStore, value: Any, key: str = "k") -> Any:
        return store.put(value, key, serializer=self.serializer.name)

    def test_it_is_a_serializer(self) -> None:
        assert isinstance(self.serializer, Serializer)
        assert self.serializer.version >= 1
        assert self.serializer.types

    def test_values_come_back_identical(self, store: ArtifactStore) -> None:
        safe = getattr(self.serializer, "safe", True)
        for value in self.values:
            ref = self.put(store, value)
            with forbid_code() if safe else nullcontext():
                loaded = store.get(ref)
            self.assert_identical(loaded, value)

    def test_saving_does_not_change_the_value_and_is_deterministic(
        self, store: ArtifactStore
    ) -> None:
        for value in self.values:
            first = self.put(store, value, "first")
            second = self.put(store, value, "second")
            assert first.digest == second.digest
            self.assert_identical(store.get(first), value)

    def test_what_it_writes_as_meta_is_plain_json(self, store: ArtifactStore) -> None:
        for value in self.values:
            meta = store.manifest(self.put(store, value)).content.meta
            assert json.loads(json.dumps(meta, allow_nan=False)) == meta

    def test_descriptions_are_plain_json_within_their_budget(self) -> None:
        if not isinstance(self.serializer, Describes):
            pytest.skip("it doesn't describe")
        budget = Budget(rows=3, size=4_096)
        for value in self.values:
            text = json.dumps(self.serializer.describe(value, budget), allow_nan=False)
            assert len(text) < 16 * budget.size

    def test_what_is_not_its_own_is_not_accepted(self) -> None:
        if not isinstance(self.serializer, Picks):
            pytest.skip("it takes all objects of its types")
        assert not self.serializer.accepts(NotYours())
        for value in self.values:
            assert self.serializer.accepts(value)

    def test_damaged_parts_are_noticed(self, store: ArtifactStore, tmp_path: Path) -> None:
        for value in self.values:
            self.put(store, value)
            for path in (path for path in (tmp_path / "parts").rglob("*") if path.is_file()):
                data = path.read_bytes()
                with path.open("r+b") as file:
                    file.write(bytes([data[0] ^ 255]))
                with pytest.raises(CorruptArtifactError, match="'k'"):
                    store.get("k")
                path.unlink()

    def test_hostile_bytes_never_crash_hang_or_run_code(
        self, tmp_path: Path, registry: Registry
    ) -> None:
        if not getattr(self.serializer, "safe", True):
            pytest.skip("unsafe serializers are not given bytes that nobody vouches for")
        store = ArtifactStore(tmp_path, policy="fast", registry=registry)
        chance = random.Random(11)  # noqa: S311 - the same mutations each time
        for value in self.values:
            for _ in range(_MUTATIONS):
                self.put(store, value)
                tamper(store, "k", lambda _, data: _mutated(data, chance))
                with forbid_code():
                    try:
                        repr(store.get("k"))
                    except AqueductError:
                        continue

    def test_a_newer_version_is_refused(self, store: ArtifactStore) -> None:
        self.put(store, self.values[0])
        forge(store, "k", lambda content: content.update(version=self.serializer.version + 1))
        with pytest.raises(FormatVersionError, match="reads up to version"):
            store.get("k")


class NotYours:
    """A class that no serializer knows."""


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut, grow or blank; the kinds of damage that find different checks."""
    if not data:
        return bytes(chance.randrange(1, 100))
    changed = bytearray(data)
    kind = chance.randrange(5)
    if kind == 0:
        return bytes(changed[: chance.randrange(len(changed))])
    if kind == 1:
        start = chance.randrange(len(changed))
        changed[start : start + chance.randrange(64)] = bytes(chance.randrange(64))
    if kind == 2:
        start = chance.randrange(len(changed))
        changed[start : start + 8] = b"\xff" * 8
    for _ in range(chance.randrange(1, 8)):
        position = chance.randrange(len(changed)) if changed else 0
        changed[position : position + 1] = bytes([chance.randrange(256)])
    return bytes(changed)
