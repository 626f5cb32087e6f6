"""What is stored, listed for clients of other machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.server.api._storage import _listed
from aqueduct_core.storage._memory import MemoryStorage
from tests.server.conftest import Site

KEYS = ["a/1", "a/10", "a/2", "a/é", "b"]


class Ordered(MemoryStorage):
    """As an object store that lists in the order of keys, and notes what it has listed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        for info in sorted(super().list(prefix), key=lambda info: info.key):
            if info.key > after:
                self.seen.append(info.key)
                yield info


class Unordered(Ordered):
    """One that has the method, and no such list after all."""

    def list_after(self, prefix: str, after: str) -> None:  # type: ignore[override]  # as the protocol allows
        return None


@pytest.mark.parametrize("kind", [MemoryStorage, Ordered, Unordered])
def test_what_comes_after_a_key_is_listed_in_order(kind: type[MemoryStorage]) -> None:
    storage = kind()
    for key in reversed(KEYS):
        storage.put(key, b"x")
    for after, expected in (("", KEYS[:4]), ("a/1", KEYS[1:4]), ("a/é", []), ("b", [])):
        assert [info.key for info in _listed(storage, "a/", after)] == expected


def test_what_comes_before_is_not_listed_where_that_can_be() -> None:
    storage = Ordered()
    for key in KEYS:
        storage.put(key, b"x")
    assert next(_listed(storage, "a/", "a/10")).key == "a/2"
    assert storage.seen == ["a/2"]


def test_pages_have_everything_once(site: Site) -> None:
    reader, seen = site.as_("viewer"), []
    after = ""
    while after is not None:
        answer = reader.get(f"/api/v1/objects?prefix=operators/&limit=3&after={after}").json()
        assert len(answer["items"]) <= 3
        seen += [item["key"] for item in answer["items"]]
        after = answer["cursor"]
    assert seen == sorted(
        info.key for info in site.client._session.store.storage.list("operators/")
    )
    assert len(seen) > 6
