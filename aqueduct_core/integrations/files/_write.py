"""Writes files together: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import AqueductError, IntegrationError, LossyTypeError
from aqueduct_core.integrations.files._formats import (
    compressed_suffix,
    encode,
    format_named,
    format_of,
)
from aqueduct_core.integrations.files._frames import is_table
from aqueduct_core.integrations.files._paths import check_path
from aqueduct_core.integrations.files._place import Place, Staged
from aqueduct_core.integrations.files._source import explained

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["FileTransaction", "check_target", "transaction"]


@contextmanager
def transaction(owner: str, place: Place) -> Iterator[FileTransaction]:
    """A block at whose end files are written; if it raises, or a file can't be, none is."""
    files = FileTransaction(owner)
    yield files
    files._commit(place)


class FileTransaction:
    """Files that are written at the end.

    A file is put in its place in one step. Where there are several, those that are in theirs are
    put back as they were if a later one fails; until then readers may see new ones beside old ones.

    Args:
        owner: The name of the integration.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._files: dict[str, list[Any]] = {}

    def write(
        self,
        value: Any,
        request: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        once: str | None,
    ) -> Mapping[str, JSON]:
        """Turn a value into the bytes of a file.

        Args:
            value: The value.
            request: `path` and `format`.
            parameters: `path`, if an artifact tells it.
            once: What tells this save from others. The same bytes at the same place are the same
                file, however often they are written, so it isn't needed.

        Raises:
            IntegrationError: The format can't hold the value, or the path is none.
        """
        path = parameters.get("path", request.get("path"))
        known = check_target(self._owner, path, request.get("format"))
        if path in self._files:
            raise IntegrationError(
                f"{self._owner}: two saves of this run write to {path!r}",
                hint="give each artifact a path of its own",
            )
        if is_table(value) and hasattr(value, "collect"):
            value = value.collect()  # a LazyFrame
        try:
            data = encode(path, known, value)
        except LossyTypeError as error:
            raise IntegrationError(
                f"{self._owner}: {path!r} can't be saved as {known.name}: "
                f"{error.path and f'at value{error.path}: '}{error.message}",
                hint=error.hint,
            ) from error
        self._files[path] = data
        size = sum(memoryview(buffer).nbytes for buffer in data)
        told: dict[str, JSON] = {"path": path, "format": known.name, "bytes": size}
        rows = getattr(value, "num_rows", None)
        if known.is_table:
            told["rows"] = len(value) if rows is None else int(rows)
        return told

    def _commit(self, place: Place) -> None:
        staged: dict[str, Staged] = {}
        path = ""
        try:
            for path, data in self._files.items():
                with explained(self._owner, f"save {path!r}"):
                    staged[path] = place.stage(path, data, undoable=len(self._files) > 1)
            for path, file in staged.items():
                with explained(self._owner, f"save {path!r}"):
                    file.publish()
        except BaseException as error:
            self._undo(staged, error)
            raise
        finally:
            for file in staged.values():
                file.close()

    def _undo(self, staged: Mapping[str, Staged], error: BaseException) -> None:
        for path, file in staged.items():
            try:
                file.undo()
            except (AqueductError, OSError) as problem:
                error.add_note(f"{path!r} could not be put back as it was: {problem}")


def check_target(owner: str, path: object, format: str | None) -> Any:  # noqa: A002 - as save() has it
    """The format of a file that is to be written.

    Raises:
        IntegrationError: The path is no path of a file, or says no format.
    """
    checked = check_path(owner, path)
    if checked.endswith("/") or any(sign in checked for sign in "*?["):
        raise IntegrationError(
            f"{owner}: {checked!r} is no name of a file", hint="'reports/2026.parquet' is one"
        )
    if compressed_suffix(checked):
        raise IntegrationError(
            f"{owner}: files are not compressed when they are saved, and {checked!r} says it is",
            hint="leave out the last suffix; Parquet is compressed by itself",
        )
    known = format_of(checked)
    if format is not None:
        chosen = format_named(owner, format)
        if known is not None and known is not chosen and chosen.name not in ("text", "bytes"):
            raise IntegrationError(
                f"{owner}: {checked!r} says {known.name}, and format={format!r} something else",
                hint="leave out format=, or give the file another suffix",
            )
        return chosen
    if known is None:
        raise IntegrationError(
            f"{owner}: {checked!r} does not say what format the file shall have",
            hint='save(artifact, path="report.csv"), or format="csv"',
        )
    return known
