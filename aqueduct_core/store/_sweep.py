"""Looking after a store: retention, garbage and damage."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import Any

from aqueduct_core.abc import Storage
from aqueduct_core.errors import AqueductError, CorruptArtifactError, ParameterError
from aqueduct_core.manifest import Manifest

__all__ = ["Entry", "Problem", "Retention", "Swept", "expired", "limit_of", "sweep"]


_BATCH = 50  # objects looked at and then removed together
_AGE = "for example timedelta(days=30), or leave it out for no limit"


@dataclass(frozen=True, slots=True)
class Retention:
    """Which artifacts `gc` keeps. Artifacts are grouped by the folder part of their keys.

    An artifact goes as soon as one of the given limits says so, the oldest of a group first.

    Attributes:
        count: How many to keep in each group.
        age: How long to keep them.
        size: How many bytes a group may hold.

    Raises:
        ParameterError: A limit is of another type, or below zero, as others write that there is none.
    """

    count: int | None = None
    age: timedelta | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        for name in ("count", "size"):
            _check(
                name, getattr(self, name), Real, 0, "a whole number, or leave it out for no limit"
            )
        _check("age", self.age, timedelta, timedelta(0), _AGE)


@dataclass(frozen=True, slots=True)
class Swept:
    """What `gc` removed.

    Attributes:
        artifacts: Keys of artifacts that the retention let go.
        objects: How many stored objects were removed: parts, and leftovers of killed writers.
        size: Their bytes.
    """

    artifacts: tuple[str, ...]
    objects: int
    size: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that `verify` found.

    Attributes:
        key: The artifact it belongs to.
        error: What loading it would raise.
    """

    key: str
    error: AqueductError


@dataclass(frozen=True, slots=True)
class Entry:
    """What has to be known of each manifest, of which all together may be larger than the memory.

    Attributes:
        path: Where it stands.
        key: The artifact's key.
        created: When it was made.
        size: Bytes of its parts.
        digest: What it holds.
        parts: The objects that it uses.
    """

    path: str
    key: str
    created: str
    size: int
    digest: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, path: str, manifest: Manifest) -> Entry:
        """What is to be known of this one."""
        parts = {part.path for part in manifest.parts if part.path is not None}
        known = manifest.key, manifest.created, manifest.size, manifest.digest
        return cls(path, *known, tuple(sorted(parts)))


def expired(entries: Iterable[Entry], retention: Retention) -> list[Entry]:
    """The artifacts that a retention lets go."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key.rpartition("/")[0], []).append(entry)
    limit = None if retention.age is None else time.time() - retention.age.total_seconds()
    gone: list[Entry] = []
    for group in groups.values():
        group.sort(key=lambda entry: entry.created, reverse=True)
        total = 0
        for position, entry in enumerate(group):
            total += entry.size
            too_many = retention.count is not None and position >= retention.count
            too_large = retention.size is not None and total > retention.size
            too_old = limit is not None and _seconds(entry) < limit
            if too_many or too_large or too_old:
                gone.append(entry)
    return gone


def sweep(
    storage: Storage, objects: Iterable[str], used: Collection[str], limit: float
) -> tuple[int, int]:
    """Remove those objects that nothing uses; returns how many and their size.

    Each is looked at once more before it goes: a part that was put or used again since it was listed
    (after `limit`, in seconds since the epoch) belongs to an artifact that is being saved.
    """
    unused = [key for key in objects if key not in used]
    count, size = 0, 0
    for start in range(0, len(unused), _BATCH):
        found = [storage.stat(key) for key in unused[start : start + _BATCH]]
        idle = [info for info in found if info is not None and info.modified <= limit]
        storage.delete(*(info.key for info in idle))
        count += len(idle)
        size += sum(info.size for info in idle)
    return count, size


def _check(name: str, value: Any, kind: type, zero: Any, hint: str) -> None:
    if value is not None and (not isinstance(value, kind) or value < zero):
        raise ParameterError(f"a retention can't have {name}={value!r}", hint=hint)


def limit_of(keep: object, grace: object) -> float:
    """The time, in seconds since the epoch, after which objects count as new for `gc`.

    Raises:
        ParameterError: One of its arguments is of another type.
    """
    if not isinstance(keep, Retention | None):
        raise ParameterError(f"gc(keep={keep!r})", hint="for example gc(keep=Retention(count=30))")
    if not isinstance(grace, timedelta):
        raise ParameterError(
            f"gc(grace={grace!r})", hint="for example gc(grace=timedelta(hours=12))"
        )
    return datetime.now(UTC).timestamp() - grace.total_seconds()


def _seconds(entry: Entry) -> float:
    try:
        return datetime.fromisoformat(entry.created).timestamp()
    except ValueError as error:
        raise CorruptArtifactError(f"{entry.created!r} is not a time", key=entry.key) from error
