"""A folder of this machine, or one that is mounted on it."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from aqueduct_core.errors import StorageError, StorageNotFoundError

__all__ = ["Folder"]

_STAGED = ".aqueduct-"  # how files begin that are not finished
_UNFINISHED = re.compile(rf"{re.escape(_STAGED)}[0-9a-f]{{16}}")
_LEFT_AFTER = 24 * 3600.0  # seconds; a save puts its files into place within some


class Folder:
    """Files in a folder. Nothing outside of it is read or written, wherever links lead.

    Args:
        root: The folder.
    """

    is_remote = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = str(root)

    def check(self) -> None:
        if not self._root.is_dir():
            what = "is no folder" if self._root.exists() else "is not there"
            raise StorageNotFoundError(
                f"{self._root} {what}", hint="make the folder first, or check the setting path="
            )
        with os.scandir(self._root):
            pass

    def size(self, path: str) -> int | None:
        try:
            found = self._inside(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        folder = prefix.rpartition("/")[0]
        for path, size in self._walk(folder):
            if path.startswith(prefix):
                yield path, size

    def read(self, path: str) -> bytes:
        return self._inside(path).read_bytes()

    def open(self, path: str, size: int) -> BinaryIO:
        return self._inside(path).open("rb")

    def local(self, path: str) -> Path:
        return self._inside(path)

    def stage(self, path: str, data: Sequence[Any], *, undoable: bool) -> _StagedFile:
        target = self._inside(path)
        if target.is_dir():
            raise StorageError(f"{target} is a folder", hint="save under another name")
        made = _make_folders(target.parent)
        beside = target.with_name(f"{_STAGED}{os.urandom(8).hex()}")
        staged = _StagedFile(target, beside, made, undoable=undoable)
        try:
            with beside.open("xb") as file:
                for buffer in data:
                    file.write(buffer)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():  # its owner has decided who may read it
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            _remove_leftovers(target.parent, beside.stat().st_mtime)
        except BaseException:
            staged.close()
            raise
        return staged

    def delete(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._inside(path).unlink()

    def _inside(self, path: str) -> Path:
        """A path with all links followed.

        Raises:
            StorageError: A link leads out of the root.
        """
        try:
            root = self._root.resolve()
            found = (root / path).resolve()
        except RuntimeError as error:  # until Python 3.13
            raise StorageError(f"{path!r} is a link to itself", hint="remove the link") from error
        if not found.is_relative_to(root):
            raise StorageError(
                f"{path!r} is a link that leads out of {self._root}",
                hint="copy the file into the folder, or connect the folder it is in",
            )
        return found

    def _walk(self, folder: str) -> Iterator[tuple[str, int]]:
        where = self._inside(folder)
        try:
            entries = sorted(os.scandir(where), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            elif entry.name.startswith(_STAGED):
                continue
            elif (size := self.size(path)) is not None:
                yield path, size


class _StagedFile:
    """A file beside its place."""

    def __init__(self, target: Path, beside: Path, made: Sequence[Path], *, undoable: bool) -> None:
        self._target = target
        self._beside = beside
        self._made = made
        self._undoable = undoable
        self._before: Path | None = None
        self._published = False

    def publish(self) -> None:
        if self._undoable and self._target.exists():
            before = self._beside.with_name(f"{self._beside.name}.old")
            try:
                os.link(self._target, before)
            except OSError:  # a file system without links
                shutil.copy2(self._target, before)
            self._before = before
        os.replace(self._beside, self._target)
        self._published = True

    def undo(self) -> None:
        if not self._published:
            return
        if self._before is not None:
            os.replace(self._before, self._target)
        else:
            self._target.unlink(missing_ok=True)
        self._published = False

    def close(self) -> None:
        for leftover in (self._beside, self._before):
            if leftover is not None:
                leftover.unlink(missing_ok=True)
        if not self._published:
            for folder in reversed(self._made):
                with suppress(OSError):  # somebody else has put something there
                    folder.rmdir()


def _remove_leftovers(folder: Path, now: float) -> None:
    """Remove what saves have left that were killed: unfinished files that nobody has written to lately.

    Args:
        folder: Where to look.
        now: The time by the clock of its file system, which may be another machine's.
    """
    with suppress(OSError), os.scandir(folder) as entries:  # another user's, or gone already
        for entry in entries:
            if _UNFINISHED.fullmatch(entry.name) and now - entry.stat().st_mtime > _LEFT_AFTER:
                os.unlink(entry.path)


def _make_folders(folder: Path) -> list[Path]:
    """Make what is missing of a folder; returns what was made, the outermost first."""
    missing: list[Path] = []
    while not folder.exists():
        missing.insert(0, folder)
        folder = folder.parent
    for item in missing:
        item.mkdir(exist_ok=True)
    return missing
