"""Reads a request: finds the files, and makes one value of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files import _columnar, _jsonlines
from aqueduct_core.integrations.files._formats import FORMATS, Format, format_named, format_of
from aqueduct_core.integrations.files._frames import frame_from
from aqueduct_core.integrations.files._passes import in_two_passes, partition_kinds
from aqueduct_core.integrations.files._paths import (
    check_path,
    fixed_part,
    is_hidden,
    is_pattern,
    matcher,
    partitions_of,
)
from aqueduct_core.integrations.files._place import Place
from aqueduct_core.integrations.files._rows import Rows, columns_of, expression, remaining
from aqueduct_core.integrations.files._source import SourceFile, explained

__all__ = ["Wanted", "extract", "find", "read"]

T = TypeVar("T")
_CODED = ("csv", "json", "jsonl", "text")
_LISTED = 1000  # names that one of which may have been meant
_CONCURRENCY = 8
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read.

    Attributes:
        paths: Paths, folders (ending in a slash) and patterns.
        single: Whether it is one path, whose value is the result.
        format: The format's name; None for the one that the names of the files say.
        columns: The columns of a table; None for all.
        rows: The rows of a table; None for all.
        text: The columns of CSV files that stay text; True for all.
        encoding: How text is encoded; None for UTF-8.
        delimiter: What stands between the fields of CSV; None for what names of files say.
    """

    paths: Sequence[str]
    single: bool
    format: str | None
    columns: Sequence[str] | None = None
    rows: Rows | None = None
    text: Sequence[str] | bool = ()
    encoding: str | None = None
    delimiter: str | None = None


def read(owner: str, place: Place, wanted: Wanted) -> Any:
    """The value of some files: of one; a table of several; or, of other formats, a dict by path.

    Raises:
        IntegrationError: They can't be found, or read.
    """
    files, known = _found(owner, place, wanted)
    if known.is_table:
        return _table(files, known, wanted)
    assert known.read is not None
    if wanted.columns is not None or wanted.rows is not None:
        raise IntegrationError(
            f"{owner}: columns and rows are of tables, and {known.name} files are none",
            hint="csv, jsonl, parquet and arrow files are tables",
        )
    values = _all_of(place, files, lambda file: _value(file, known))
    if wanted.single and not _is_several(wanted.paths[0], files):
        return values[0]
    return {file.path: value for file, value in zip(files, values, strict=True)}


def extract(owner: str, place: Place, wanted: Wanted) -> Any:
    """What `read` gives, to store it: a stream of it if it is large.

    Raises:
        IntegrationError: The files can't be found, or read.
    """
    from aqueduct_core.integrations.files._stream import streamed

    files, known = _found(owner, place, wanted)
    if known.is_table:
        found = streamed(_chosen(files, wanted), known.name, wanted)
        if found is not None:
            return found
    return read(owner, place, wanted)


def find(owner: str, place: Place, path: str) -> list[SourceFile]:
    """The files that a path means, in order.

    Raises:
        IntegrationError: There is none.
    """
    check_path(owner, path)
    with explained(owner, f"look for {path!r}"):
        size = None if path.endswith("/") else place.size(path)
        if size is not None:
            return [SourceFile(owner, place, path, size)]
        pattern = is_pattern(path)
        base = fixed_part(path) if pattern else f"{path.rstrip('/')}/"
        fits = matcher(path) if pattern else matcher("**")
        found = []
        for name, size in place.list(base):
            if is_hidden(name[len(base) :], path[len(base) :]) or fits.fullmatch(name) is None:
                continue
            found.append(SourceFile(owner, place, name, size, partitions_of(name, base)))
        if found:
            return sorted(found, key=lambda file: file.path)
        there = [name for name, _ in islice(place.list(""), _LISTED)]
    near = get_close_matches(path, there, 3) or there[:5]
    listed = f"there is {', '.join(map(repr, near))}, ..." if near else "there is no file"
    what = "no file matches" if pattern else "there is no file"
    raise IntegrationError(f"{owner}: {what} {path!r} in {place.url}", hint=listed)


def _found(owner: str, place: Place, wanted: Wanted) -> tuple[list[SourceFile], Format]:
    """The files that are wanted, and their format.

    Raises:
        IntegrationError: There are none, or of several formats, or not such as can be read so.
    """
    files = [file for path in wanted.paths for file in find(owner, place, path)]
    if not files:
        raise IntegrationError(f"{owner}: the list of paths is empty", hint="name a file")
    known = _format(owner, files, wanted)
    if wanted.encoding is not None and known.name not in _CODED:
        raise IntegrationError(
            f"{owner}: {known.name} files have no encoding", hint=f"{', '.join(_CODED)} files have"
        )
    if wanted.delimiter is not None and known.name != "csv":
        raise IntegrationError(
            f"{owner}: {known.name} files have no delimiter", hint='format="csv"'
        )
    if known.name == "csv" and any(file.size for file in files):
        files = [
            file for file in files if file.size
        ]  # nothing, as some writers leave, says nothing
    if known.is_table:
        files = _with_partitions(files)
    encoding, delimiter = wanted.encoding or "utf-8", wanted.delimiter or ""
    return [replace(file, encoding=encoding, delimiter=delimiter) for file in files], known


def _is_several(path: str, files: Sequence[SourceFile]) -> bool:
    return len(files) != 1 or files[0].path != path


def _format(owner: str, files: Sequence[SourceFile], wanted: Wanted) -> Format:
    """The format of some files, which must be one.

    Raises:
        IntegrationError: Their names say nothing, or different things.
    """
    if wanted.format is not None:
        return format_named(owner, wanted.format)
    kinds: dict[str, str] = {}
    for file in files:
        known = format_of(file.path)
        if known is None:
            raise IntegrationError(
                f"{file.name}: the name does not say what format the file has",
                hint=f'file({file.path!r}, format="csv"): one of {", ".join(FORMATS)}',
            )
        kinds.setdefault(known.name, file.path)
    if len(kinds) > 1:
        listed = ", ".join(f"{path!r} ({kind})" for kind, path in kinds.items())
        raise IntegrationError(
            f"{owner}: files of several formats can't be one value: {listed}",
            hint="use a pattern that matches files of one format: 'sales/**/*.parquet'",
        )
    return FORMATS[next(iter(kinds))]


def _with_partitions(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Files whose partition columns have types: numbers if all of them are."""
    names = list(dict.fromkeys(name for file in files for name in file.partitions))
    for file in files:
        missing = [name for name in names if name not in file.partitions]
        if missing:
            raise IntegrationError(
                f"{file.name}: no folder that it is in says {missing[0]!r}, as for other files",
                hint="read files of one depth of partitions together",
            )
    whole = {
        name: all(
            (value := file.partitions[name]) is None or _WHOLE.fullmatch(value) for file in files
        )
        for name in names
    }
    return [
        replace(
            file,
            partitions={
                name: int(value) if whole[name] and value is not None else value
                for name, value in file.partitions.items()
            },
        )
        for file in files
    ]


def _chosen(files: Sequence[SourceFile], wanted: Wanted) -> list[tuple[SourceFile, Rows | None]]:
    """The files that may have such rows, and what else must hold of each of these."""
    rows = [remaining(wanted.rows, file.partitions) for file in files]
    chosen = [(file, left) for file, left in zip(files, rows, strict=True) if left != ()]
    return chosen or [(files[0], ())]  # for the columns


def _table(files: Sequence[SourceFile], known: Format, wanted: Wanted) -> Any:
    chosen = _chosen(files, wanted)
    if known.name in ("csv", "jsonl"):
        return _of_text(chosen, known.name, wanted)
    columns = None if wanted.columns is None else [*wanted.columns]
    reader = _columnar.read_parquet if known.name == "parquet" else _columnar.read_arrow

    def one(item: tuple[SourceFile, Rows | None]) -> tuple[pa.Table, list[str]]:
        file, left = item
        with file.reading(known.name):
            table, names = reader(file, _stored(columns, file), left)
            return _located(file, table), names

    found = _all_of(files[0].place, chosen, one)
    _require(files[0], columns, [names for _, names in found])
    table = _together([file for file, _ in chosen], [table for table, _ in found])
    return frame_from(table if columns is None else table.select(columns))


def _of_text(
    chosen: Sequence[tuple[SourceFile, Rows | None]], kind: str, wanted: Wanted
) -> pd.DataFrame:
    files = _all_of(chosen[0][0].place, [file for file, _ in chosen], SourceFile.fetched)
    chosen = [(file, left) for file, (_, left) in zip(files, chosen, strict=True)]
    found = in_two_passes(kind, chosen, wanted.columns, wanted.rows, wanted.text)
    if found is None:
        return _objects(chosen, wanted)
    return frame_from(pa.concat_tables([found.schema.empty_table(), *found.tables]))


def _objects(chosen: Sequence[tuple[SourceFile, Rows | None]], wanted: Wanted) -> pd.DataFrame:
    """The rows of files of JSON lines, where some column is none of Arrow's."""
    rows: list[dict[str, Any]] = []
    for file, _ in chosen:
        with file.reading("jsonl"):
            found = _jsonlines.read_lines(file)
        file.refuse_twice(name for row in found for name in row)
        rows += [{**row, **file.partitions} for row in found]
    first = chosen[0][0]
    names = dict.fromkeys(name for row in rows for name in row)
    looked_at = columns_of(wanted.rows)
    first.require([*(wanted.columns or ()), *looked_at], names)
    if wanted.rows is None:
        return _jsonlines.table_of_lines(rows, wanted.columns, None, ())
    conditions = wanted.rows if chosen[0][1] != () else ()

    def keep(table: pa.Table) -> Sequence[int]:
        types = {field.name: field.type for field in table.schema}
        numbered = table.append_column("", pa.array(range(table.num_rows), pa.int64()))
        kept: list[int] = numbered.filter(expression(conditions, types)).column("").to_pylist()
        return kept

    return first.compared(
        lambda: _jsonlines.table_of_lines(rows, wanted.columns or list(names), keep, looked_at)
    )


def _require(
    first: SourceFile, columns: Sequence[str] | None, names: Sequence[Sequence[str]]
) -> None:
    """Refuse columns that no file has."""
    there = dict.fromkeys(name for some in names for name in some)
    first.require(columns or (), [*there, *first.partitions])


def _stored(columns: Sequence[str] | None, file: SourceFile) -> list[str] | None:
    return None if columns is None else [name for name in columns if name not in file.partitions]


def _located(file: SourceFile, table: pa.Table) -> pa.Table:
    """A table with the columns that its folders tell."""
    file.refuse_twice(table.column_names)
    for name, kind in partition_kinds([file]).items():
        value = pa.scalar(file.partitions[name], kind)
        table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _together(files: Sequence[SourceFile], tables: Sequence[pa.Table]) -> pa.Table:
    """One table of several; a column that some files don't have is missing in their rows.

    Raises:
        IntegrationError: A column has types in them that no type can hold all of.
    """
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        listed = ", ".join(repr(file.path) for file in files[:3])
        raise IntegrationError(
            f"{files[0].owner}: the files {listed}{', ...' if len(files) > 3 else ''} don't fit "
            f"together: {error}",
            hint="read them one by one and bring the column to one type in an @op",
        ) from error


def _value(file: SourceFile, known: Format) -> Any:
    assert known.read is not None
    with file.reading(known.name):
        return known.read(file)


def _all_of(place: Place, items: Sequence[T], call: Callable[[T], Any]) -> list[Any]:
    if not place.is_remote or len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(_CONCURRENCY, len(items))) as pool:
        return list(pool.map(call, items))
