"""From a value to a draft: what serializers write, before anything of it is stored."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import RawIOBase
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from blake3 import blake3

from aqueduct_core._buffers import as_bytes
from aqueduct_core.abc import Budget, Describes, Picks
from aqueduct_core.encoding import Plan, choose_format, size_of
from aqueduct_core.errors import UnserializableError
from aqueduct_core.registry import Entry, Registry, supports
from aqueduct_core.storage._local import translated

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from typing_extensions import Buffer

__all__ = ["Draft", "Spool", "Writer", "describe", "sayable", "tell"]

_SPOOL = (
    1 << 20
)  # streamed parts up to this size stay in memory; larger ones are written in such pieces
_MOST_AHEAD = 8  # pieces that may wait to be written
_DEEPEST = 100  # nested artifacts; each level costs several Python frames
_MEMBER_BUDGET = Budget(rows=5, size=2_048, seconds=0.002)


@dataclass(slots=True)
class Spool:
    """A streamed part: its bytes in memory, or in a temporary file once there are many."""

    folder: Path
    buffer: bytearray = field(default_factory=bytearray)
    path: Path | None = None
    size: int = 0
    _file: BinaryIO | None = None
    _hasher: Any = None
    # What makes the bytes computes while another thread hashes and writes those before.
    _pool: ThreadPoolExecutor | None = None
    _ahead: deque[Future[None]] = field(default_factory=deque)

    def write(self, data: Buffer) -> int:
        view = as_bytes(data)
        self.size += view.nbytes
        self.buffer += view  # a copy: the caller may use its memory again
        if len(self.buffer) > _SPOOL:
            self._hand_over()
        return view.nbytes

    def digest(self) -> str | None:
        """The digest of a spilled part, computed while it was written."""
        return None if self._hasher is None else "blake3:" + self._hasher.hexdigest()

    def close(self) -> None:
        if self._file is not None:
            self._hand_over()
            self._wait(0)
            self._end()

    def discard(self) -> None:
        """Remove the temporary file."""
        if self._file is not None and self.path is not None:
            self._end()
            self.path.unlink(missing_ok=True)

    def _hand_over(self) -> None:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self.path = self.folder / os.urandom(12).hex()
            with translated(str(self.path)):
                self._file = self.path.open("xb", buffering=0)
            self._hasher = blake3()
            self._pool = ThreadPoolExecutor(1)
        self._wait(_MOST_AHEAD - 1)
        self._ahead.append(self._pool.submit(self._append, memoryview(self.buffer)))
        self.buffer = bytearray()

    def _wait(self, most: int) -> None:
        """Wait until at most so many pieces aren't written yet; raise what writing one has raised."""
        while len(self._ahead) > most:
            self._ahead.popleft().result()

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._file is not None:
            with translated(str(self.path)):
                self._file.close()

    def _append(self, view: memoryview) -> None:
        assert self._file is not None
        self._hasher.update(view)
        with translated(str(self.path)):
            while view.nbytes:  # a raw file may take less than it is given
                view = view[self._file.write(view) :]


class _SpoolFile(RawIOBase):
    """A spool as the write-only binary file that libraries expect."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._spool.write(data)

    def tell(self) -> int:
        return self._spool.size


@dataclass(slots=True)
class Draft:
    """One object on its way into the store."""

    entry: Entry
    serializer: Any
    parts: dict[str, list[memoryview] | Spool] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    members: list[Draft] = field(default_factory=list)
    artifact: str = "object"
    description: Mapping[str, Any] = field(default_factory=dict)

    def walk(self) -> Iterator[Draft]:
        yield self
        for member in self.members:
            yield from member.walk()

    def size(self) -> int:
        """Bytes of all parts, as the serializers wrote them."""
        return sum(
            part.size if isinstance(part, Spool) else sum(view.nbytes for view in part)
            for draft in self.walk()
            for part in draft.parts.values()
        )


class Writer:
    """Makes drafts: picks serializers and gives each a sink.

    Args:
        registry: Where serializers come from.
        plan: What formats are chosen by.
        staging: Makes the folder for large streamed parts.
        unsafe: Whether pickles may be written (they could be read back).
    """

    def __init__(self, registry: Registry, *, plan: Plan, staging: Any, unsafe: bool) -> None:
        self._registry = registry
        self._plan = plan
        self._staging = staging
        self._unsafe = unsafe
        self._spools: list[Spool] = []

    def draft(self, obj: Any, serializer: str | None = None) -> Draft:
        """Dump an object. Whatever happens next, `discard` must be called in the end."""
        return self._dump(obj, serializer, 0)

    def spool(self) -> Spool:
        """A new spool, which `discard` will remove."""
        spool = Spool(self._staging())
        self._spools.append(spool)
        return spool

    def discard(self) -> None:
        """Remove the temporary files of streamed parts that were not stored."""
        for spool in self._spools:
            spool.discard()

    def _dump(self, obj: Any, name: str | None, depth: int) -> Draft:
        entry = self._pick(obj) if name is None else self._named(obj, name)
        serializer = entry.load()
        if not self._unsafe and not getattr(serializer, "safe", True):
            raise UnserializableError(
                f"{_class(obj)} has no serializer of its own, and pickles can't be read from this "
                "store",
                hint="convert the value to a supported type (aqueduct_core.serializers() lists "
                "them), register a serializer for it, or open the store with signing_key=... or "
                "allow_pickle=True",
            )
        draft = Draft(entry, serializer)
        meta = serializer.dump(obj, _DraftSink(self, draft, depth))
        if meta is not None and not isinstance(meta, Mapping):  # or nobody could read it again
            raise TypeError(
                f"the serializer {entry.name!r} returned {type(meta).__name__} from dump(); it may "
                "return a dict of plain JSON, or nothing"
            )
        draft.meta = meta or {}
        draft.artifact = _artifact_type(serializer, obj, draft.meta)
        return draft

    def member(self, obj: Any, at: str, depth: int, *, described: bool) -> Draft:
        if depth > _DEEPEST:
            raise UnserializableError(
                f"artifacts are nested more than {_DEEPEST} deep",
                path=at,
                hint="flatten the value, or store its inner part as an artifact of its own",
            )
        try:
            draft = self._dump(obj, None, depth)
        except UnserializableError as error:
            raise error.under(at) from error.__cause__
        if described:
            draft.description = describe(obj, draft, _MEMBER_BUDGET)
        return draft

    def _pick(self, obj: Any) -> Entry:
        for _, alike in groupby(self._registry.candidates(type(obj)), attrgetter("family")):
            formats = {entry.name: entry for entry in alike}
            while formats:
                # To ask whether one takes the object can cost more than to choose.
                entry = next(iter(formats.values()))
                if entry.family and len(formats) > 1:
                    size = size_of(obj)
                    entry = formats[choose_format([*formats], size, self._plan)]
                serializer = formats.pop(entry.name).load()
                if not supports(serializer, Picks) or serializer.accepts(obj):
                    return entry
        raise UnserializableError(f"no serializer takes {_class(obj)}", hint="register one")

    def _named(self, obj: Any, name: str) -> Entry:
        entry = self._registry.entry(name)
        serializer = entry.load()
        takes = self._registry.takes(entry, type(obj))
        if not takes or (supports(serializer, Picks) and not serializer.accepts(obj)):
            raise UnserializableError(
                f"the serializer {name!r} can't keep this {_class(obj)} exactly",
                hint="leave out serializer= to have one chosen",
            )
        return entry


class _DraftSink:
    """The `Sink` of one draft."""

    def __init__(self, writer: Writer, draft: Draft, depth: int) -> None:
        self._writer = writer
        self._draft = draft
        self._depth = depth
        self._seen: dict[int, tuple[int, Any]] = {}

    def write(self, *buffers: Buffer, part: str = "data") -> None:
        views = self._draft.parts.setdefault(part, [])
        if isinstance(views, Spool):
            raise ValueError(f"part {part!r} was streamed; it can't be written too")  # noqa: TRY004
        views.extend(map(as_bytes, buffers))

    @contextmanager
    def open(self, part: str = "data") -> Iterator[BinaryIO]:
        if part in self._draft.parts:
            raise ValueError(f"part {part!r} is already written")
        spool = self._writer.spool()
        self._draft.parts[part] = spool
        yield cast("BinaryIO", _SpoolFile(spool))
        spool.close()

    def nest(self, obj: Any, at: str = "") -> int:
        seen = self._seen.get(id(obj))
        if seen is not None:
            return seen[0]
        index = len(self._draft.members)
        described = index < (_MEMBER_BUDGET.rows if self._depth else Budget().rows)
        draft = self._writer.member(obj, at, self._depth + 1, described=described)
        self._draft.members.append(draft)
        self._seen[id(obj)] = (index, obj)  # the object is kept, so its id can't be used again
        return index


def describe(obj: Any, draft: Draft, budget: Budget) -> dict[str, Any]:
    """What the serializer says about the object, and about the first members in it."""
    description: dict[str, Any] = {}
    if supports(draft.serializer, Describes):
        try:
            description = dict(draft.serializer.describe(obj, budget))
        except Exception as error:  # noqa: BLE001 - a third party's; the value must be storable
            description = _excuse(error)
    members = [
        {"type": member.artifact, **member.description} for member in draft.members[: budget.rows]
    ]
    if members:
        description["members"] = members
    return description


def tell(obj: Any, draft: Draft) -> None:
    """Put into the draft of an artifact what its serializer says about the object."""
    draft.description = describe(obj, draft, Budget())


def sayable(description: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can tell of a description; what it can't is replaced by the reason."""
    members = [sayable(member) for member in description.get("members", ())]
    try:
        own = {name: value for name, value in description.items() if name != "members"}
        json.dumps(own, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        own = _excuse(error)
    return own | ({"members": members} if members else {})


def _excuse(error: Exception) -> dict[str, Any]:
    return {"error": ascii(f"{type(error).__name__}: {error}")}


def _artifact_type(serializer: Any, obj: Any, meta: Mapping[str, Any]) -> str:
    classify = getattr(serializer, "classify", None)
    if "artifact" in meta:
        return str(meta["artifact"])
    return str(classify(obj) if classify else getattr(serializer, "artifact", "object"))


def _class(obj: Any) -> str:
    cls = type(obj)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
