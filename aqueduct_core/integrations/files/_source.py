"""A file that is to be read, and what its errors say."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from aqueduct_core.errors import AqueductError, IntegrationError
from aqueduct_core.integrations.files._place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["COMPRESSED", "SourceFile", "explained"]

T = TypeVar("T")


def _zstd(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd.decompress(data)


COMPRESSED: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": _zstd,
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a place.

    Attributes:
        owner: The name of the integration.
        place: Where it is.
        path: Its path there.
        size: Its bytes.
        partitions: What the folders it is in say about all of its rows.
    """

    owner: str
    place: Place = field(repr=False)
    path: str
    size: int
    partitions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.owner}: {self.path}"

    def read(self) -> Buffer:
        """Its bytes."""
        return self.place.read(self.path)

    def content(self) -> bytes:
        """Its bytes; decompressed, if its name says that it is compressed."""
        data = self.read()
        for suffix, decompress in COMPRESSED.items():
            if self.path.lower().endswith(suffix):
                return decompress(bytes(data))
        return bytes(data)

    def open(self) -> BinaryIO:
        """A file over it, read in ranges."""
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
            except (AqueductError, OSError, MemoryError):
                raise
            except Exception as error:
                raise IntegrationError(
                    f"{self.name} can't be read as {kind}: {error}",
                    hint="check the file, or name its format with format=",
                ) from error


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
