"""What holds the bytes of files: a folder, or a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["Place", "Staged"]


class Staged(Protocol):
    """A file that is about to be written."""

    def publish(self) -> None:
        """Put it where it belongs, in one step: readers see the old file or the new one."""
        ...

    def undo(self) -> None:
        """Put back what was there before `publish`; nothing if it was not published."""
        ...

    def close(self) -> None:
        """Remove what was only needed until now. Raises nothing that matters."""
        ...


class Place(Protocol):
    """Files under a root. Paths are relative and checked already.

    All methods raise `StorageError`s, or errors of the operating system.

    Attributes:
        url: Where the root is, without credentials.
        is_remote: Whether it is worth while to ask for several files at once.
    """

    url: str
    is_remote: bool

    def check(self) -> None:
        """Ask once whether the root is there, and for us."""
        ...

    def size(self, path: str) -> int | None:
        """The bytes of a file; None if there is no such file."""
        ...

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The path and size of all files that start with `prefix`."""
        ...

    def read(self, path: str) -> Buffer:
        """All bytes of a file."""
        ...

    def open(self, path: str, size: int) -> BinaryIO:
        """A seekable file, which is read in ranges."""
        ...

    def local(self, path: str) -> Path | None:
        """The file itself, where it is a file of this machine."""
        ...

    def stage(self, path: str, data: Sequence[Any], *, undoable: bool) -> Staged:
        """Get ready to write a file.

        Args:
            path: Where to.
            data: Its bytes, in buffers.
            undoable: Whether `undo` will be possible.
        """
        ...

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens if there is none."""
        ...
