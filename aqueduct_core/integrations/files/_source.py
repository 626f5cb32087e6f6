"""A file that is to be read, and what its errors say."""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from blake3 import blake3

from aqueduct_core.errors import AqueductError, IntegrationError
from aqueduct_core.integrations.files._compressed import MAGIC, codec_of
from aqueduct_core.integrations.files._place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["Content", "SourceFile", "ahead", "explained"]

T = TypeVar("T")
_CONCURRENCY = 8
_SMALL = 4 << 20  # bytes of a file that are transferred at once
_PIECE = 1 << 20  # bytes of a file that are read at once, where somebody asks for few
_RANGE = 8 << 20  # the same of an object, each of which is a request


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a place.

    Attributes:
        owner: The name of the integration.
        place: Where it is.
        path: Its path there.
        size: Its bytes.
        partitions: What the folders it is in say about all of its rows.
        encoding: How its text is encoded.
        delimiter: What stands between the fields of CSV; empty for what its name says.
        data: Its bytes, if they are here already.
    """

    owner: str
    place: Place = field(repr=False)
    path: str
    size: int
    partitions: Mapping[str, Any] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ""
    data: Buffer | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.owner}: {self.path}"

    def read(self) -> Buffer:
        """Its bytes."""
        return self.place.read(self.path) if self.data is None else self.data

    def fetched(self) -> SourceFile:
        """The same with its bytes here, if they are in a bucket: that takes a single request."""
        if not self.place.is_remote or self.data is not None:
            return self
        with explained(self.owner, f"read {self.path!r}"):
            data = self.read()
        return replace(self, data=data, size=memoryview(data).nbytes)

    def content(self) -> bytes:
        """Its bytes: decompressed if they are compressed, and as UTF-8 if they are text."""
        data = bytes(self.read())
        codec = codec_of(data[:MAGIC])
        if codec is not None:
            with codec.open(io.BytesIO(data)) as file:
                data = file.read()
        return data if self.encoding == "utf-8" else data.decode(self.encoding).encode()

    @contextmanager
    def opened(self) -> Iterator[Content]:
        """What `content` gives, read piece by piece."""
        with self.open() as file:
            piece = _RANGE if self.place.is_remote else _PIECE
            yield Content(file, self.size, self.encoding, min(piece, max(self.size, 1)))

    def open(self) -> BinaryIO:
        """A file over it, read in ranges."""
        if self.data is not None:
            return io.BytesIO(self.data)
        return self.place.open(self.path, self.size)

    def head(self, count: int) -> bytes:
        """Its first bytes."""
        with self.open() as file:
            return file.read(count)

    def local(self) -> Path | None:
        """The file itself, where it is one."""
        return self.place.local(self.path)

    def require(self, columns: Iterable[str], there: Iterable[str]) -> None:
        """Refuse to look for columns that the file doesn't have."""
        names = list(there)
        for name in columns:
            if name not in names:
                listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
                raise IntegrationError(
                    f"{self.name}: there is no column {name!r}", hint=f"there is: {listed}"
                )

    def refuse_twice(self, names: Iterable[str]) -> None:
        """Refuse columns that are in the file, and in the name of a folder."""
        for name in names:
            if name in self.partitions:
                raise IntegrationError(
                    f"{self.name}: the column {name!r} is in the file, and in the name of a "
                    "folder, too",
                    hint="name the file or its folder itself: then folders above it are no columns",
                )

    def compared(self, call: Callable[[], T]) -> T:
        """Tell which file rows can't be compared in."""
        try:
            return call()
        except (TypeError, ValueError, NotImplementedError) as error:  # those of Arrow are these
            raise IntegrationError(
                f"{self.name}: rows can't be chosen: {error}",
                hint="compare columns with values of their own type in rows=",
            ) from error

    @contextmanager
    def reading(self, kind: str) -> Iterator[None]:
        """Name the file in what is raised while it is read as some format."""
        with explained(self.owner, f"read {self.path!r}"):
            try:
                yield
            except (AqueductError, MemoryError):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # of the system; without a number it is of what decompresses
                is_coded = isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error)
                raise IntegrationError(
                    f"{self.name} can't be read as {kind}: {error}",
                    hint=f"if its text is no {self.encoding.upper()}, say what it is: file(..., "
                    'encoding="latin-1")'
                    if is_coded
                    else "check the file, or name its format with format=",
                ) from error


class Content:
    """The bytes of `SourceFile.content`, from their beginning to their end.

    Args:
        file: The file.
        size: How many bytes are read of it; what is appended meanwhile is left out.
        encoding: How its text is encoded.
        piece: How many bytes of it are read at once, at least.
    """

    def __init__(self, file: BinaryIO, size: int, encoding: str, piece: int) -> None:
        self._raw = _Hashed(file, size)
        self._given = io.BufferedReader(self._raw, piece)
        codec = codec_of(self._given.peek(MAGIC)[:MAGIC])
        self.file = cast("BinaryIO", self._given) if codec is None else codec.open(self._given)
        if encoding != "utf-8":
            self.file = cast("BinaryIO", codecs.EncodedFile(self.file, "utf-8", encoding))

    def digest(self) -> bytes:
        """What tells these bytes from others; nothing can be read after it."""
        while self._given.read(_PIECE):
            pass
        return self._raw.digest()

    def require(self, file: SourceFile, digest: bytes) -> None:
        """Refuse other bytes than those that were there before.

        Raises:
            IntegrationError: They are others.
        """
        if self.digest() != digest:
            raise IntegrationError(
                f"{file.name} was changed while it was read", hint="run it again"
            )


class _Hashed(io.RawIOBase):
    """The first bytes of a file, hashed as they are read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._left = size
        self._hasher = blake3()

    def digest(self) -> bytes:
        return self._hasher.digest()

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        view = memoryview(into).cast("B")[: self._left]
        count = self._file.readinto(view)  # type: ignore[attr-defined]  # of files that are buffered
        self._hasher.update(view[:count])
        self._left -= count
        return int(count)


def ahead(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Files in their order; small ones of a bucket are fetched before they are needed, together."""
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        waiting: deque[SourceFile | Future[SourceFile]] = deque()
        for file in files:
            small = file.place.is_remote and file.size <= _SMALL
            waiting.append(pool.submit(file.fetched) if small else file)
            if len(waiting) > _CONCURRENCY:
                yield _arrived(waiting.popleft())
        while waiting:
            yield _arrived(waiting.popleft())


def _arrived(file: SourceFile | Future[SourceFile]) -> SourceFile:
    return file if isinstance(file, SourceFile) else file.result()


@contextmanager
def explained(owner: str, what: str, hint: str = "") -> Iterator[None]:
    """Turn errors of places into those of integrations, with the file's name."""
    try:
        yield
    except IntegrationError:
        raise
    except AqueductError as error:
        raise IntegrationError(
            f"{owner}: can't {what}: {error.message}", hint=hint or error.hint
        ) from error.__cause__
    except OSError as error:
        said = error.strerror or str(error)
        raise IntegrationError(
            f"{owner}: can't {what}: {said}", hint=hint or "check the path and who may read it"
        ) from error
