"""The contracts: what a serializer, a sink, a source and a storage are.

Nothing here is a base class to inherit. A class with the right attributes and methods *is* a
serializer or a storage; optional abilities are small protocols that are found with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "JSON",
    "Budget",
    "Classifies",
    "Creates",
    "Describes",
    "ListsAfter",
    "ObjectInfo",
    "Picks",
    "SelectsColumns",
    "Serializer",
    "Sink",
    "Source",
    "Storage",
    "Streams",
]

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"

T = TypeVar("T")


@runtime_checkable
class Serializer(Protocol[T]):
    """Turns objects of some types into named byte parts, and back.

    Optional attributes, read with these defaults when absent:

    - `safe: bool = True`: False if loading can run code.
    - `plain: bool = False`: True if the bytes of its parts never name classes to import (what stands
      in `meta` may); or a function that tells so from `meta`. Only then are sealed local parts of signed
      artifacts mapped without being hashed.
    - `artifact: str = "object"`: the artifact type shown to people: `table`, `series`, `array`,
      `image`, `text`, `bytes`, `json`, `numeric`, `bool`, `collection` or `object`.
    - `suffix: str = ".bin"`: the file name extension of the part named `data`.
    - `compressed: bool = False`: True if the bytes are compressed already, so that no codec is
      put on top of them.
    - `family: str = ""`: serializers of one package and one family are different formats for the
      same values; the encoding policy chooses between them.

    Attributes:
        name: A permanent id, stored in every manifest: `parquet`, `acme.point`.
        version: What `dump` writes; `load` reads this version and every older one.
        types: The classes it takes, subclasses included; `"package.Class"` names one without
            importing its package.
    """

    name: str
    version: int
    types: tuple[type | str, ...]

    def dump(self, obj: T, sink: Sink, /) -> Mapping[str, JSON] | None:
        """Write `obj` into `sink`; what is returned comes back as `source.meta`.

        Raises:
            UnserializableError: The object, or something in it, can't be kept exactly.
        """
        ...

    def load(self, source: Source, /) -> T:
        """Build the object that `dump` was given, equal in type and value.

        Raises:
            CorruptArtifactError: The parts are not what `dump` writes.
        """
        ...


class Sink(Protocol):
    """Takes the bytes of one object as named parts."""

    def write(self, *buffers: Buffer, part: str = "data") -> None:
        """Append C-contiguous buffers to a part, uncopied.

        They are kept and read later, so their content must not change until `put` has returned
        (bytes that are produced in a reused buffer go through `open`). Parts start 64-byte aligned.
        """
        ...

    def open(self, part: str = "data") -> AbstractContextManager[BinaryIO]:
        """A binary file to stream a part into (write, tell, flush; not seekable).

        Raising inside the `with` block discards the part together with the whole artifact.
        """
        ...

    def nest(self, obj: Any, at: str = "") -> int:
        """Store another object inside this one, with its own serializer.

        The same object nested twice is stored once.

        Args:
            obj: Any value that the store can take.
            at: Where it is in the whole, for error messages: `['a']`, `[0]`, `.attrs`.

        Returns:
            The index that `Source.nested` takes.
        """
        ...


class Source(Protocol):
    """Gives the bytes of one stored object.

    Attributes:
        version: The serializer version that wrote it.
        meta: What `dump` returned.
        trusted: True if the manifest is signed by this store or unsafe artifacts are allowed:
            only then may a loader import a class that the data names.
        vouched: True if the bytes of the parts are vouched for as well: only then may a loader
            follow offsets in them without having looked at where they lead.
    """

    @property
    def version(self) -> int: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...
    @property
    def trusted(self) -> bool: ...
    @property
    def vouched(self) -> bool: ...

    def view(self, part: str = "data") -> memoryview:
        """All bytes of a part: mapped when local, else fetched once.

        The view is private and writable, copy-on-write: changes never reach the store. It keeps
        its memory alive, so arrays may alias it.
        """
        ...

    def open(self, part: str = "data") -> BinaryIO:
        """A seekable file over a part; remote ones are read in ranges."""
        ...

    def path(self, part: str = "data") -> Path:
        """A local file with the bytes of a part; read-only. Remote ones are downloaded first."""
        ...

    def nested(self, index: int) -> Any:
        """Load the object that `Sink.nest` stored; each is loaded once and then shared."""
        ...


@runtime_checkable
class Picks(Protocol):
    """A serializer that decides on more than the type."""

    def accepts(self, obj: Any, /) -> bool:
        """Whether `dump` would keep this very object exactly. Must be cheap."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """A serializer whose artifact type depends on the object."""

    def classify(self, obj: Any, /) -> str:
        """The artifact type of this object: one of the names under `Serializer.artifact`."""
        ...


@runtime_checkable
class SelectsColumns(Protocol):
    """A serializer that can load some columns without reading the others."""

    def load_columns(self, source: Source, columns: Sequence[Any], /) -> Any:
        """The object with only these columns, in this order.

        Raises:
            ColumnNotFoundError: A column isn't there; the text names it and what there is.
        """
        ...


@runtime_checkable
class Streams(Protocol):
    """A serializer that takes and gives record batches instead of the whole object."""

    def dump_batches(self, batches: Iterable[Any], sink: Sink, /) -> Mapping[str, JSON] | None:
        """Like `dump`, from an iterable of Arrow record batches."""
        ...

    def iter_batches(self, source: Source, /, *, rows: int = 65_536) -> Iterator[Any]:
        """Arrow record batches of at most `rows` rows."""
        ...


@runtime_checkable
class Describes(Protocol):
    """A serializer that can say what is in an object, for people and for the UI."""

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Schema, statistics and preview as plain JSON, computed from the object in memory.

        Known keys: `schema`, `rows`, `bytes`, `statistics`, `preview`, `shape`, `dtype`; others
        may be added. `docs/format.md` documents their form.
        """
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """What a description may cost.

    Attributes:
        rows: How many rows (or members) a preview shows.
        size: How many bytes the description's JSON may take, roughly.
        seconds: How long it may take; statistics of large values are taken from a sample.
    """

    rows: int = 20
    size: int = 16_384
    seconds: float = 0.02


@runtime_checkable
class Creates(Protocol):
    """A storage that can write an object only if there is none: one of two writers wins, for sure."""

    def create(self, key: str, *buffers: Buffer) -> bool | None:
        """Store the concatenation of `buffers` at `key`, unless an object is there.

        Returns:
            Whether it was stored; False if an object is there already, perhaps one that this very
            call has stored and got no answer about. None if this place, after all, has no such
            write: nothing was done.
        """
        ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object.

    Attributes:
        key: Its key, relative to the storage's root.
        size: Bytes.
        modified: When it was last written or, for local files, last confirmed to be in use;
            seconds since the epoch.
        intact: True if the storage knows that nobody has changed the bytes since it wrote them.
    """

    key: str
    size: int
    modified: float
    intact: bool = False


@runtime_checkable
class ListsAfter(Protocol):
    """A storage that can list in the order of keys, and begin behind one without listing those before."""

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo] | None:
        """All objects whose key starts with `prefix` and comes after another key, in the order of keys.

        Returns:
            The objects. None if this place, after all, has no such list.
        """
        ...


@runtime_checkable
class Storage(Protocol):
    """Keys and bytes. Keys are relative, `/`-separated and legal everywhere (see `store.keys`).

    All methods are thread-safe. Writes are all-or-nothing: a reader sees the whole old object or
    the whole new one, whatever happens to the writer. Transient faults are retried inside.

    Attributes:
        url: Where it is, without credentials.
        profile: What kind of place it is for the encoding policy: `local`, `memory` or `remote`.
    """

    url: str
    profile: str

    def put(self, key: str, *buffers: Buffer) -> None:
        """Store the concatenation of `buffers` at `key`, replacing what was there."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes at `key`. The file is consumed: moved, or uploaded and removed."""
        ...

    def get(self, key: str, start: int = 0, end: int | None = None) -> Buffer:
        """The bytes of an object from `start` to before `end`.

        Raises:
            StorageNotFoundError: There is no such object.
        """
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about an object, or None if there is none."""
        ...

    def refresh(self, key: str) -> bool:
        """Make an object count as just written for `gc`; False if it must be put again instead."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`, in no particular order."""
        ...

    def delete(self, *keys: str) -> None:
        """Remove objects; those that aren't there are passed over."""
        ...

    def path(self, key: str) -> Path | None:
        """The local file that holds an object, or None where objects aren't local files."""
        ...

    def staging(self) -> Path:
        """A folder for files that `put_file` will take."""
        ...
