"""Files as a data system: what is the same for all places that they are in."""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from aqueduct_core.dag import OUTPUT, Artifact, GenericArtifact, TableArtifact, connect
from aqueduct_core.errors import GraphError, IntegrationError
from aqueduct_core.integrations._base import Reading, Writing
from aqueduct_core.integrations.files._formats import format_named, format_of
from aqueduct_core.integrations.files._paths import check_path
from aqueduct_core.integrations.files._place import Place
from aqueduct_core.integrations.files._read import Wanted, extract, find, read
from aqueduct_core.integrations.files._rows import read_rows, rows_spec
from aqueduct_core.integrations.files._source import explained
from aqueduct_core.integrations.files._write import FileTransaction, check_target, transaction

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["FileIntegration"]


class FileIntegration(ABC):
    """Files under a root: of a folder, or of a bucket.

    A subclass knows one kind of place: `_place`, `config`, and what is wrong when it can't be
    reached.

    Args:
        name: What the user calls it.

    Attributes:
        owner: The client that it belongs to, in words; None for any.
    """

    kind: ClassVar[str]
    secrets: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name
        self.owner: str | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} integration {self.name!r}>"

    def file(
        self,
        path: str | Sequence[str] | Artifact,
        *,
        format: str | None = None,  # noqa: A002 - what it is called everywhere
        name: str | None = None,
        columns: Sequence[str] | None = None,
        rows: Sequence[Any] | None = None,
        text: Sequence[str] | bool = (),
        encoding: str | None = None,
        delimiter: str | None = None,
    ) -> Artifact:
        """What is in a file, or in several, read when the workflow runs.

        Several files of a table are one table, in the order of their paths; folders named
        `year=2026` below the one that is read are columns of it. Several files of other formats
        are a dict of values by path.

        Args:
            path: A path below the root; a folder, ending in a slash; a pattern with `*`, `?`,
                `[a-c]` or `**`; a list of these; or an artifact that gives one of them.
            format: `csv`, `json`, `jsonl`, `parquet`, `arrow`, `image`, `text` or `bytes`; by
                default what the names of the files say.
            name: What the step is called.
            columns: The columns of a table to read; of Parquet and Arrow files no others are.
            rows: Which rows of a table to read: `[("country", "==", "US"), ("year", "in", [2025])]`,
                conditions that must all hold; or a list of such lists, of which one must. Values
                may be artifacts. Files, and parts of Parquet files, that have no such rows are
                not read.
            text: The columns of CSV files that stay text, whatever they look like; True for all.
            encoding: How text is encoded, if not as UTF-8: `latin-1`, `utf-16`.
            delimiter: What stands between the fields of CSV files; by default a comma, and a tab
                in files that are called `.tsv`.

        Raises:
            GraphError: This can't be read.
        """
        given: dict[str, Any] = {}
        request: dict[str, JSON] = {}
        if isinstance(path, Artifact):
            given["path"] = path
        else:
            request["path"] = self._checked(path)
        if format is not None:
            self._known(format)
            request["format"] = format
        if columns is not None:
            request["columns"] = _names("columns", columns)
        if rows is not None:
            request["rows"] = rows_spec(rows, lambda value: _taken(value, given))
        if text:
            request["text"] = True if text is True else _names("text", text)
        if encoding is not None:
            request["encoding"] = _encoding(encoding)
        if delimiter is not None:
            request["delimiter"] = _delimiter(delimiter)
        label = name or _label(self.name, path)
        task = Reading(self, request)
        made = connect(label, task, kwargs=given, owner=self.owner, named=name is not None)
        shown: type[Artifact] = TableArtifact if _is_table(request) else GenericArtifact
        return shown(made, OUTPUT)

    def save(
        self,
        artifact: Artifact,
        *,
        path: str | Artifact,
        format: str | None = None,  # noqa: A002 - what it is called everywhere
    ) -> None:
        """Write an artifact into a file at the end of every run, in the place of what is there.

        Saves are made after every check of severity `error` has passed; readers see the old file
        or the new one. Trying a run again writes the same file again.

        Args:
            artifact: What to save.
            path: The path of the file, or an artifact that gives it.
            format: The file's format; by default what its name says.

        Raises:
            GraphError: This can't be saved.
        """
        if not isinstance(artifact, Artifact):
            raise GraphError(
                f"save takes an artifact, not {type(artifact).__name__}",
                hint="pass what an @op or file() returned",
            )
        request: dict[str, JSON] = {}
        given: dict[str, Any] = {}
        if isinstance(path, Artifact):
            place, given["path"] = f"{path.name}", path
        else:
            place = request["path"] = path
            self._refused(lambda: check_target(self.name, path, format))
        if format is not None:
            self._known(format)
            request["format"] = format
        task = Writing(self, request, place)
        connect(f"save {place}", task, [artifact], given, outputs=(), owner=self.owner)

    def files(self, path: str = "**") -> list[str]:
        """The paths of files now.

        Args:
            path: A folder, ending in a slash, or a pattern; all by default.
        """
        with explained(self.name, "list its files"):
            if path == "**" and next(iter(self._place.list("")), None) is None:
                return []
        return [file.path for file in find(self.name, self._place, path)]

    def read(self, path: str | Sequence[str], **options: Any) -> Any:
        """What `file` with these arguments would give now."""
        given: Any = path  # whatever it is, in truth
        several = isinstance(given, Iterable) and not isinstance(given, str)
        request = {"path": list(given) if several else given, **options}
        if options.get("rows") is not None:
            request["rows"] = rows_spec(options["rows"], lambda value: None)
        return self.answer(request, {})

    def answer(self, request: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        """What a request gives now; see `Reading`."""
        return read(self.name, self._place, self._wanted(request, parameters))

    def extract(self, request: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        """What a request gives now, to store it: a stream of its rows if they are many."""
        return extract(self.name, self._place, self._wanted(request, parameters))

    def _wanted(self, request: Mapping[str, Any], parameters: Mapping[str, Any]) -> Wanted:
        path = parameters.get("path", request.get("path"))
        single = isinstance(path, str)
        if not single and not isinstance(path, list | tuple):
            raise IntegrationError(
                f"{self.name}: a path is a str or a list of them, not {type(path).__name__}",
                hint="a path such as 'sales/2026.csv', or an artifact that gives one",
            )
        return Wanted(
            paths=[path] if single else list(path),
            single=single,
            format=request.get("format"),
            columns=request.get("columns"),
            rows=read_rows(request.get("rows"), parameters),
            text=request.get("text", ()),
            encoding=request.get("encoding"),
            delimiter=request.get("delimiter"),
        )

    def transaction(self) -> AbstractContextManager[FileTransaction]:
        """A block at whose end files are written."""
        return transaction(self.name, self._place)

    def drop(self, path: str) -> None:
        """Remove a file; nothing happens if there is none at this path."""
        check_path(self.name, path)
        with explained(self.name, f"remove {path!r}"):
            self._place.delete(path)

    def test(self) -> None:
        """Ask once whether the root is there, and for us.

        Raises:
            IntegrationError: It isn't; the text says which setting is wrong.
        """
        self._place.check()

    @abstractmethod
    def config(self) -> Mapping[str, JSON]:
        """What is needed to make this integration again."""

    @abstractmethod
    def _make_place(self) -> Place:
        """What holds the files."""

    @cached_property
    def _place(self) -> Place:
        return self._make_place()

    def _checked(self, path: Any) -> str | list[str]:
        several = [path] if isinstance(path, str) else path
        if not isinstance(several, list | tuple) or not several:
            raise GraphError(
                f"file() takes a path or a list of paths, not {path!r}", hint="file('sales.csv')"
            )
        for item in several:
            self._refused(lambda item=item: check_path(self.name, item))
        return path if isinstance(path, str) else list(several)

    def _known(self, format: str) -> None:  # noqa: A002 - what it is called everywhere
        self._refused(lambda: format_named(self.name, format))

    def _refused(self, call: Any) -> None:
        """Errors in a script point at its line, as those of the graph do."""
        try:
            call()
        except IntegrationError as error:
            raise GraphError(error.message, hint=error.hint) from None


def _taken(value: Any, given: dict[str, Any]) -> str | None:
    if not isinstance(value, Artifact):
        return None
    name = f"rows_{len(given)}"
    given[name] = value
    return name


def _names(argument: str, names: Sequence[str]) -> list[JSON]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names) or not names:
        raise GraphError(f"{argument}={names!r} are no names", hint=f'{argument}=["id", "name"]')
    if len({*names}) < len(names):
        raise GraphError(f"{argument}={names!r} has a name twice", hint="leave it out once")
    return list(names)


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, TypeError) as error:
        raise GraphError(
            f"encoding={name!r} is no encoding of text", hint='"latin-1", "cp1252", "utf-16"'
        ) from error
    return name


def _delimiter(sign: Any) -> str:
    if not isinstance(sign, str) or len(sign) != 1 or not sign.isascii() or sign in '"\r\n':
        raise GraphError(
            f"delimiter={sign!r} can't stand between fields", hint='one character: ";", "\\t", "|"'
        )
    return str(sign)


def _label(owner: str, path: Any) -> str:
    if isinstance(path, str) and not any(sign in path for sign in "*?["):
        return PurePosixPath(path).name
    return f"{owner} files"


def _is_table(request: Mapping[str, Any]) -> bool:
    """Whether it is known to be a table before it is read."""
    if "format" in request:
        return format_named("", request["format"]).is_table
    path = request.get("path")
    paths = [path] if isinstance(path, str) else path or []
    kinds = {known.is_table if (known := format_of(item)) else False for item in paths}
    return kinds == {True}
