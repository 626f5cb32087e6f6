"""From stored parts back to a value: what deserializers read."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from aqueduct_core._buffers import allocate
from aqueduct_core._offers import offer
from aqueduct_core.abc import SelectsColumns, Storage
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import (
    AqueductError,
    ConversionError,
    CorruptArtifactError,
    MemberNotFoundError,
    MissingExtraError,
    StorageNotFoundError,
    UnsafeArtifactError,
)
from aqueduct_core.manifest import Manifest, Node, Part
from aqueduct_core.registry import Registry, supports
from aqueduct_core.storage._local import translated
from aqueduct_core.store._views import RangeFile, ViewFile, map_file, private
from aqueduct_core.store._zstd import decompress_into

__all__ = ["Reader", "as_table", "load_columns", "load_member"]

_READ = 1 << 20  # from here on, loaders are told which file it is that they read
_BLOCK = 1 << 20
_PIECE = 16 << 20  # of a compressed part
# What has nothing to do with the bytes that are stored.
_OF_THE_SYSTEM = {
    getattr(errno, name)
    for name in ("EACCES", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOSPC", "ESTALE")
}
_TOO_LARGE = (
    "give it more memory; or, if it is small, verify() tells whether its bytes were changed"
)


class Reader:
    """Loads the nodes of one manifest.

    Args:
        manifest: What to load from.
        storage: Where the parts are.
        registry: Where serializers come from.
        trusted: Whether nodes that can run code may be loaded.
        signed: Whether that is so only because of the manifest's signature.
    """

    def __init__(
        self,
        manifest: Manifest,
        storage: Storage,
        registry: Registry,
        *,
        trusted: bool,
        signed: bool = False,
    ) -> None:
        self.manifest = manifest
        self.storage = storage
        self.trusted = trusted
        self.signed = signed
        self._registry = registry
        self._packs: dict[str, memoryview] = {}

    def load(self, node: Node) -> Any:
        """The object that a node holds."""
        return self.call(node, lambda serializer, source: serializer.load(source))

    def call(self, node: Node, use: Any) -> Any:
        """Give a node's serializer and source to `use`; name the artifact in what it raises."""
        serializer = self._registry.reader(node.serializer, node.version, node.package)
        if not (self.trusted or (node.safe and getattr(serializer, "safe", True))):
            raise UnsafeArtifactError(
                f"{self.manifest.key!r} holds a pickle, and loading a pickle can run any code",
                hint="if you trust whoever wrote it, open the store with allow_pickle=True, or with "
                "the signing_key that signed it",
            )
        try:
            plain = getattr(serializer, "plain", False)
            if callable(plain):
                plain = bool(plain(node.meta))
            return use(serializer, _NodeSource(self, node, plain=plain))
        except CorruptArtifactError as error:
            error.key = error.key or self.manifest.key
            raise
        except AqueductError:
            raise
        except ImportError:
            raise
        except Exception as error:
            number = error.errno if isinstance(error, OSError) else None
            if number in _OF_THE_SYSTEM:
                with translated(self.manifest.key):
                    raise
            # A loader that stumbles over bytes it didn't write, in whatever way it does.
            is_large = isinstance(error, MemoryError) or number == errno.ENOMEM
            hint = {"hint": _TOO_LARGE} if is_large else {}
            raise CorruptArtifactError(
                f"the serializer {node.serializer!r} can't read what is stored: "
                f"{type(error).__name__}: {error}",
                key=self.manifest.key,
                **hint,
            ) from error

    def open(self, node: Node, part: str) -> BinaryIO:
        """A file over one part of a node.

        Raises:
            MemberNotFoundError: It has other parts alone.
        """
        if node.parts and part not in node.parts:
            raise MemberNotFoundError(
                f"{self.manifest.key!r} has no part {part!r}", hint=offer(part, node.parts)
            )
        return _NodeSource(self, node).open(part)

    def audit(self) -> None:
        """Read every part and check it against its digest.

        Raises:
            CorruptArtifactError: A part is missing or changed.
        """
        for node in self.manifest.content.walk():
            for name, part in node.parts.items():
                if part.inline is None:
                    self._stored(name, part, unsafe=True)

    def view(self, name: str, part: Part, *, unsafe: bool) -> memoryview:
        """A private, writable view of a part's bytes, verified unless known to be intact."""
        if part.inline is not None:
            return memoryview(bytearray(part.inline))
        if part.codec is None:
            return self._stored(name, part, unsafe=unsafe)
        return self._decompressed(name, part)

    def _decompressed(self, name: str, part: Part) -> memoryview:
        """Decompress piece by piece, so that no more than one piece is held besides the result."""
        path = str(part.path)
        hasher = blake3()

        def pieces() -> Iterator[Any]:
            end = part.offset + part.stored
            for start in range(part.offset, end, _PIECE):
                piece = self.storage.get(path, start, min(start + _PIECE, end))
                hasher.update(piece)
                yield piece

        target = allocate(part.size)
        try:
            decompress_into(pieces(), target)
        except StorageNotFoundError as error:
            raise self._corrupt("the part is missing", name, part) from error
        except ValueError as error:
            raise self._corrupt(f"the part can't be decompressed: {error}", name, part) from error
        if f"blake3:{hasher.hexdigest()}" != part.digest:
            raise self._corrupt("the part's bytes were changed", name, part)
        return target

    def _stored(self, name: str, part: Part, *, unsafe: bool) -> memoryview:
        path = part.path
        assert path is not None
        try:
            if part.pack is not None:
                view, intact = self._packed(path, part)
            elif (local := self.storage.path(path)) is not None:
                view, intact = map_file(local), self._intact(path)
            else:
                view, intact = private(self.storage.get(path)), False
        except StorageNotFoundError as error:
            raise self._corrupt("the part is missing", name, part) from error
        if view.nbytes != part.stored:
            found = f"the part has {view.nbytes} bytes instead of {part.stored}"
            raise self._corrupt(found, name, part)
        if (unsafe or not intact) and digest_of(view) != part.digest:
            raise self._corrupt("the part's bytes were changed", name, part)
        return view

    def _packed(self, path: str, part: Part) -> tuple[memoryview, bool]:
        """A slice of a pack: mapped once when local, else fetched by range."""
        local = self.storage.path(path)
        if local is None:
            end = part.offset + part.stored
            return private(self.storage.get(path, part.offset, end)), False
        if path not in self._packs:
            self._packs[path] = map_file(local)
        return self._packs[path][part.offset : part.offset + part.stored], self._intact(path)

    def _intact(self, path: str) -> bool:
        found = self.storage.stat(path)
        return found is not None and found.intact

    def _corrupt(self, text: str, name: str, part: Part) -> CorruptArtifactError:
        return CorruptArtifactError(text, key=self.manifest.key, part=name, expected=part.digest)


def load_columns(manifest: Manifest, columns: Sequence[Any], serializer: Any, source: Any) -> Any:
    """Some columns of an artifact, for `Reader.call`.

    Raises:
        ConversionError: It has none.
    """
    if not supports(serializer, SelectsColumns):
        raise ConversionError(
            f"{manifest.key!r} has the type {manifest.type!r}, which has no columns to choose from",
            hint="leave out columns=",
        )
    return serializer.load_columns(source, columns)


def load_member(manifest: Manifest, at: Sequence[Any], serializer: Any, source: Any) -> Any:
    """One member of an artifact, for `Reader.call`.

    Raises:
        ConversionError: It has none.
    """
    if not hasattr(serializer, "load_at"):
        raise ConversionError(
            f"{manifest.key!r} has the type {manifest.type!r}, which has no members to choose from",
            hint="leave out at=",
        )
    return serializer.load_at(source, at)


def as_table(value: Any, as_: type) -> Any:
    """A table as the class of another library.

    Raises:
        ConversionError: It is no table, or there is no such class of tables.
        MissingExtraError: The library that they have in common is not installed.
    """
    try:
        from aqueduct_core.serializers.tables import convert
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "pyarrow", "tables", "as_=") from error
    return convert(value, as_)


class _NodeSource:
    """The `Source` of one node."""

    def __init__(self, reader: Reader, node: Node, *, plain: bool = False) -> None:
        self._reader = reader
        self._node = node
        self._plain = plain
        self._loaded: dict[int, Any] = {}

    @property
    def version(self) -> int:
        return self._node.version

    @property
    def meta(self) -> Mapping[str, Any]:
        return self._node.meta

    @property
    def trusted(self) -> bool:
        return self._reader.trusted

    def view(self, part: str = "data") -> memoryview:
        return self._reader.view(part, self._part(part), unsafe=self._must_be_signed)

    @property
    def vouched(self) -> bool:
        return self._reader.trusted and not (self._reader.signed and self._plain)

    @property
    def _must_be_signed(self) -> bool:
        """Whether the bytes must be the very ones that the manifest names, seal or not.

        So it is where they can run code: pickles and, if it is the signature that is trusted, whatever
        may name classes to import. A seal tells of accidents; only the digest in a signed manifest
        tells of somebody else's hand.
        """
        return not self._node.safe or (self._reader.signed and not self._plain)

    def open(self, part: str = "data") -> BinaryIO:
        found = self._part(part)
        checked = self._reader.signed or not self._node.safe  # against the digest, so all of it
        ranged = found.inline is None and found.codec is None and not checked
        if ranged and self._reader.storage.path(str(found.path)) is None:
            return io.BufferedReader(RangeFile(self._reader.storage, found), _BLOCK)
        file = None if self._must_be_signed or found.size < _READ else self._file(found)
        return io.BufferedReader(ViewFile(self.view(part), file))

    def path(self, part: str = "data") -> Path:
        found = self._part(part)
        local = self._file(found)
        view = self.view(part)  # also verifies
        if local is not None:
            return local
        descriptor, name = tempfile.mkstemp(suffix=found.suffix, prefix="aqueduct-")
        weakref.finalize(self, Path(name).unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(view)
        return Path(name)

    def nested(self, index: int) -> Any:
        if index not in range(len(self._node.members)):
            raise CorruptArtifactError(f"there is no member {index!r}")
        if index not in self._loaded:
            self._loaded[index] = self._reader.load(self._node.members[index])
        return self._loaded[index]

    def _file(self, part: Part) -> Path | None:
        """The file that holds a part and nothing else."""
        own = part.inline is None and part.codec is None and part.pack is None
        return self._reader.storage.path(str(part.path)) if own else None

    def _part(self, name: str) -> Part:
        found = self._node.parts.get(name)
        if found is None:
            if self._node.parts and name == "data":
                raise CorruptArtifactError("the manifest lacks a part", part=name)
            return Part(0, inline=b"")  # nothing was ever written to it
        return found
