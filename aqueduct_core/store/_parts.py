"""From a draft to stored parts: where each part goes, and putting it there."""

from __future__ import annotations

import os
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from aqueduct_core.abc import Storage
from aqueduct_core.digest import digest_of_all
from aqueduct_core.encoding import Plan, choose_codec
from aqueduct_core.errors import StorageNotFoundError
from aqueduct_core.manifest import Node, Part, object_path
from aqueduct_core.storage._create import create
from aqueduct_core.storage._local import fill, new_file
from aqueduct_core.store._sink import Draft, Spool
from aqueduct_core.store._zstd import compress_stream

__all__ = ["REFRESH_AFTER", "commit", "confirm", "publish", "renew"]

_INLINE = 4_096  # a part up to this size stands in the manifest,
_INLINE_ALL = 65_536  # as long as all that do aren't more than this
_PACKED = 1 << 20  # members' parts up to this size share one object
_ALIGNMENT = 64
_OVERLAPPED = 1 << 20  # from here on hashing in a second thread beats hashing first
_CONCURRENCY = 8
_PIECE = 16 << 20  # of a part that is put again
REFRESH_AFTER = 6 * 3600.0
"""Seconds after which an existing part that is used again counts as written anew, so that a `gc` with
a grace period of twice as long can't remove it before the manifest that needs it is there."""

T = TypeVar("T")
_Waiting: TypeAlias = list[Callable[[], None]]  # what is still to be done beside; empty once it is


@dataclass(slots=True)
class _Blob:
    """One part on its way: its bytes as buffers, or in a spool."""

    name: str
    suffix: str
    buffers: Sequence[Any]
    size: int
    spool: Spool | None = None
    codec: str | None = None
    stored: int = 0
    record: Part | None = None


def commit(
    draft: Draft,
    storage: Storage,
    plan: Plan,
    spool: Callable[[], Spool],
    meanwhile: Iterable[Callable[[], None]],
) -> Node:
    """Store all parts of a draft; returns the node for its manifest.

    Parts are immutable and named by their digest: one that is there already is not sent again.

    Args:
        draft: What to store.
        storage: Where.
        plan: What codecs are chosen by.
        spool: Makes a spool, which the caller discards.
        meanwhile: What is to be done as well: while other threads hash, if any do.
    """
    waiting = [*meanwhile]
    blobs = {id(member): _blobs(member, plan, spool) for member in draft.walk()}
    _put_all([blob for group in blobs.values() for blob in group], storage, waiting)
    _do(waiting)
    return _node(draft, blobs)


def confirm(content: Node, storage: Storage) -> bool:
    """Whether all parts of a stored object are there, as far as that is seen without reading them.

    Those that are count as used now; see `REFRESH_AFTER`.
    """
    return all(_present(storage, path, size) for path, size in _sizes(content).items())


def renew(content: Node, storage: Storage) -> None:
    """Put parts anew that `confirm` doesn't vouch for, though they were found to be right.

    A `gc` at the same moment could remove them otherwise: they don't count as used now.
    """
    for path, size in _sizes(content).items():
        if not _present(storage, path, size):
            _put_again(path, storage)


def _put_again(path: str, storage: Storage) -> None:
    """By way of a file, in pieces: a part may be larger than memory."""
    found = storage.stat(path)
    if found is None:
        raise StorageNotFoundError(f"no object {path!r}", hint="it was deleted just now")
    temporary, size = storage.staging() / os.urandom(12).hex(), found.size
    pieces = (
        storage.get(path, start, min(start + _PIECE, size)) for start in range(0, size, _PIECE)
    )
    try:
        fill(new_file(temporary, size), pieces, temporary)
        storage.put_file(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)


def publish(
    storage: Storage, path: str, document: bytes, replacing: Callable[[], None] | None
) -> None:
    """Put a manifest, the commit; `replacing` is called where one is, or may be, there already."""
    if replacing is not None:
        if create(storage, path, document):
            return
        replacing()
    storage.put(path, document)


def _put_all(blobs: list[_Blob], storage: Storage, waiting: _Waiting) -> None:
    own = _inline(blobs)
    packed = [blob for blob in own if blob.spool is None and blob.stored <= _PACKED]
    if len(packed) < 2:
        packed = []
    together = set(map(id, packed))
    own = [blob for blob in own if id(blob) not in together]
    tasks = [(blob.stored, partial(_put_own, blob, storage, waiting)) for blob in own]
    if packed:
        size = sum(blob.stored for blob in packed)
        tasks.append((size, partial(_put_pack, packed, storage, waiting)))
    if storage.profile == "remote":
        _at_once([task for _, task in tasks])
        return
    waiting += [task for size, task in tasks if size < _OVERLAPPED]
    for size, task in tasks:
        if size >= _OVERLAPPED:
            task()


def _blobs(draft: Draft, plan: Plan, new_spool: Callable[[], Spool]) -> list[_Blob]:
    found = []
    suffix = getattr(draft.serializer, "suffix", ".bin")
    for name, part in draft.parts.items():
        spool = part if isinstance(part, Spool) and part.path is not None else None
        if isinstance(part, Spool):
            buffers: Sequence[Any] = [memoryview(part.buffer)] if spool is None else []
            size = part.size
        else:
            buffers, size = part, sum(view.nbytes for view in part)
        blob = _Blob(name, suffix if name == "data" else ".bin", buffers, size, spool, None, size)
        if not getattr(draft.serializer, "compressed", False) and spool is None:
            _compress(blob, plan, new_spool)
        found.append(blob)
    return found


def _compress(blob: _Blob, plan: Plan, new_spool: Callable[[], Spool]) -> None:
    level = choose_codec(blob.buffers, blob.size, plan)
    if level is None:
        return
    spool = new_spool()
    for piece in compress_stream(blob.buffers, level, blob.size):
        spool.write(piece)
    spool.close()
    blob.codec, blob.stored = "zstd", spool.size
    blob.spool = spool if spool.path is not None else None
    blob.buffers = [] if blob.spool is not None else [memoryview(spool.buffer)]


def _inline(blobs: list[_Blob]) -> list[_Blob]:
    """Keep the small ones for the manifest; returns the others."""
    total = 0
    others = []
    for blob in blobs:
        small = blob.spool is None and blob.stored <= _INLINE and blob.codec is None
        if small and total + blob.size <= _INLINE_ALL:
            total += blob.size
            blob.record = Part(blob.size, inline=b"".join(blob.buffers))
        else:
            others.append(blob)
    return others


def _put_own(blob: _Blob, storage: Storage, waiting: _Waiting) -> None:
    if blob.spool is not None and blob.spool.path is not None:
        digest = blob.spool.digest()
        assert digest is not None
        if not _present(storage, object_path(digest, blob.suffix), blob.stored):
            storage.put_file(object_path(digest, blob.suffix), blob.spool.path)
    else:
        digest = _put_buffers(blob.buffers, blob.stored, blob.suffix, storage, waiting)
    blob.record = Part(blob.size, digest, blob.stored, blob.suffix, blob.codec)


def _put_pack(blobs: list[_Blob], storage: Storage, waiting: _Waiting) -> None:
    buffers: list[Any] = []
    offsets = []
    position = 0
    for blob in blobs:
        offsets.append(position)
        buffers.extend(blob.buffers)
        padding = -blob.stored % _ALIGNMENT
        if padding:
            buffers.append(bytes(padding))
        position += blob.stored + padding
    pack = _put_buffers(buffers, position, ".pack", storage, waiting)
    for blob, offset in zip(blobs, offsets, strict=True):
        digest = digest_of_all(blob.buffers)
        blob.record = Part(
            blob.size, digest, blob.stored, codec=blob.codec, pack=pack, offset=offset
        )


def _put_buffers(
    buffers: Sequence[Any], size: int, suffix: str, storage: Storage, waiting: _Waiting
) -> str:
    if size >= _OVERLAPPED and storage.profile == "local":
        return _put_while_hashing(buffers, size, suffix, storage, waiting)
    digest = digest_of_all(buffers)
    path = object_path(digest, suffix)
    if not _present(storage, path, size):
        storage.put(path, *buffers)
    return digest


def _put_while_hashing(
    buffers: Sequence[Any], size: int, suffix: str, storage: Storage, waiting: _Waiting
) -> str:
    """Hash in other threads while this one copies into the page cache, then does what is waiting.

    Costs a write for nothing when the part is there already, which is rarer than that it isn't.
    """
    temporary = storage.staging() / os.urandom(12).hex()
    try:
        descriptor = new_file(temporary, size)
        hashing = _Beside(partial(digest_of_all, buffers, beside=1))
        try:
            fill(descriptor, buffers, temporary)
            _do(waiting)
        finally:
            hashing.wait()
        digest = hashing.result()
        path = object_path(digest, suffix)
        if not _present(storage, path, size):
            storage.put_file(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)
    return digest


class _Beside(Generic[T]):
    """A call in a thread of its own, or at once where none can be started.

    The thread's start isn't waited for, as `threading.Thread` does: that takes as long as hashing a
    megabyte.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._running = allocate_lock()
        self._running.acquire()
        try:
            start_new_thread(self._run, (call,))
        except RuntimeError:  # there are too many, or the interpreter is about to end
            self._run(call)

    def wait(self) -> None:
        with self._running:
            return

    def result(self) -> T:
        """What the call returned; raises what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def _run(self, call: Callable[[], T]) -> None:
        try:
            self._found.append(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the result raises it
            self._error = error
        finally:
            self._running.release()


def _do(waiting: _Waiting) -> None:
    while waiting:
        waiting.pop()()


def _sizes(content: Node) -> dict[str, int | None]:
    """The objects that hold its parts, with their sizes; that of a pack isn't known."""
    parts = [part for node in content.walk() for part in node.parts.values()]
    return {part.path: None if part.pack else part.stored for part in parts if part.path}


def _present(storage: Storage, path: str, size: int | None) -> bool:
    found = storage.stat(path)
    if found is None or size not in (None, found.size):
        return False
    if storage.profile == "local" and not found.intact:
        return False  # somebody touched it: put it anew, which also mends it
    return time.time() - found.modified < REFRESH_AFTER or storage.refresh(path)


def _at_once(tasks: Sequence[Callable[[], None]]) -> None:
    if len(tasks) < 2:
        _do([*tasks])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_CONCURRENCY, len(tasks))) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def _node(draft: Draft, blobs: dict[int, list[_Blob]]) -> Node:
    parts = {blob.name: blob.record for blob in blobs[id(draft)] if blob.record is not None}
    return Node(
        serializer=draft.entry.name,
        version=draft.serializer.version,
        package=draft.entry.package,
        parts=parts,
        meta=draft.meta,
        members=tuple(_node(member, blobs) for member in draft.members),
        safe=getattr(draft.serializer, "safe", True),
    )
