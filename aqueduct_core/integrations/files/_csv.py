"""CSV: text without types, so a column gets one only if all of its values say the same.

Only an empty field is a missing value; `NA` is a text like others, and so is `""`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import csv

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations.files._frames import arrow_of
from aqueduct_core.integrations.files._guess import Guess, typed
from aqueduct_core.integrations.files._quotes import Watched, may_be_open, refuse_open
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["Scanned", "rows_of", "scan", "write_csv"]

T = TypeVar("T")
# Bytes that are parsed together, by all cores at once. Each row has to fit, so more if one doesn't.
_BLOCKS = (max(1 << 18, min(1 << 20, (1 << 24) // pa.cpu_count())), 1 << 26, (1 << 31) - 1)
_HEAD = 1 << 16
_SMALL = 1 << 16  # bytes of a file that is sooner kept than read again
_DIRECT = (pa.int64(), pa.float64())  # types that are parsed as they are from text


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file that was read once, to know the types of its columns.

    Attributes:
        names: The names of all of its columns.
        block: How many bytes of it are parsed together; 0 if it has no rows.
        digest: What its bytes were; None if that doesn't matter, since no type depends on them.
        table: Its columns as text, of a small one.
    """

    names: Sequence[str]
    block: int
    digest: bytes | None = None
    table: pa.Table | None = None


def scan(
    file: SourceFile,
    columns: Sequence[str] | None,
    text: Collection[str] | bool,
    guesses: dict[str, Guess],
    *,
    keeps: bool = False,
) -> Scanned:
    """Look at all values of a file, of which never more than a little is in memory.

    Args:
        file: The file.
        columns: The columns to look at; all by default.
        text: The columns that stay text; True for all.
        guesses: What is known of columns so far. What is found out is added.
        keeps: Whether a small file may be kept.
    """
    data = _whole(file) if keeps else None
    if data is None:
        names, block = _growing(file, lambda block: _header(file, block))
    else:
        names, block = _named(file, data, len(data) + 1)
    chosen = _chosen(names, columns)
    for name in chosen:
        guesses.setdefault(name, Guess())
    tried = [name for name in chosen if not _stays(name, text)]
    if not block:
        return Scanned(names, block)
    if data is not None:
        # A single block can't be shared by threads, and to wake them takes longer than to read it.
        options = _options(file, names, chosen, {}, block, threads=False)
        with csv.open_csv(BytesIO(data), **options) as batches:
            table = batches.read_all()
        for name in tried:
            guesses[name].look(table.column(name))
        if may_be_open(data, _delimiter(file)):
            refuse_open(file, _delimiter(file))
        return Scanned(names, block, table=table)
    if not tried:
        return Scanned(names, block)

    def look(block: int) -> Scanned:
        options = _options(file, names, tried, {}, block)
        # Opened anew each time: Arrow may still be reading ahead in what was given up.
        with file.opened() as content:
            with csv.open_csv(content.file, **options) as batches:
                for batch in batches:
                    for name in tried:
                        guesses[name].look(batch.column(name))
            return Scanned(names, block, content.digest())

    return _growing(file, look)  # values that are looked at again say the same again


def rows_of(
    file: SourceFile, scanned: Scanned, columns: Sequence[str], kinds: Mapping[str, pa.DataType]
) -> Iterator[pa.Table]:
    """The rows of a file as they are read.

    Args:
        file: The file.
        scanned: What was found out when it was read before.
        columns: The columns to read; those that it doesn't have are left out, and others may come
            along.
        kinds: Their types.
    """
    if scanned.table is not None:
        yield _typed(scanned.table, kinds)
        return
    chosen = _chosen(scanned.names, columns)
    block, done = scanned.block, 0
    while True:
        with file.opened() as content:
            watched, seen = Watched(content.file, _delimiter(file)), 0
            try:
                for batch in _batches(watched, _options(file, scanned.names, chosen, kinds, block)):
                    found = batch.slice(max(0, done - seen))
                    seen += batch.num_rows
                    done += found.num_rows
                    yield _typed(found, kinds)
            except pa.ArrowInvalid as error:  # only if nobody has looked for the longest row before
                block = _larger(file, block, error)
                continue
            if watched.may_be_open():
                refuse_open(file, _delimiter(file))
            if scanned.digest is not None:
                content.require(file, scanned.digest)
            return


def _batches(source: Any, options: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    if options["read_options"].block_size:
        with csv.open_csv(source, **options) as batches:
            yield from batches


def _typed(found: pa.Table | pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    names = found.schema.names
    arrays = [typed(found.column(name), kinds.get(name, pa.string())) for name in names]
    return pa.table(arrays, names)


def write_csv(value: Any) -> list[Any]:
    """A table as the bytes of a CSV file.

    Raises:
        LossyTypeError: A column has no form as text that says all.
    """
    table = arrow_of(value, index=False)
    if not table.num_columns:
        raise LossyTypeError("CSV can't hold a table without columns", hint="save it as Parquet")
    table = table.cast(pa.schema([_plain(field) for field in table.schema]))
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    return [sink.getvalue()]


def _plain(field: pa.Field) -> pa.Field:
    kind, types = field.type, pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind):
        kind = pa.string()
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    number = types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind)
    moment = types.is_date32(kind) or types.is_timestamp(kind) or types.is_time(kind)
    if not (text or number or moment or types.is_decimal(kind) or types.is_boolean(kind)):
        raise LossyTypeError(
            f"CSV can't hold the column {field.name!r}, which is {field.type}",
            hint="save it as Parquet or Arrow, or turn the column into text",
        )
    return pa.field(field.name, kind)


def _whole(file: SourceFile) -> bytes | None:
    """All bytes of a file, if they are few."""
    if file.size > _SMALL:
        return None
    with file.opened() as content:
        data = content.file.read(_SMALL + 1)  # compressed, it may be larger
    return data if len(data) <= _SMALL else None


def _header(file: SourceFile, block: int) -> tuple[list[str], int]:
    """The names of columns, and as many bytes as `block` says; 0 if there is nothing else."""
    with file.opened() as content:
        head = content.file.read(2 * block)  # so that Arrow doesn't take the first half for all
    return _named(file, head, block)


def _named(file: SourceFile, head: bytes, block: int) -> tuple[list[str], int]:
    """The same of the beginning of a file."""
    if not head[:_HEAD].strip():
        raise IntegrationError(
            f"{file.name} is empty: not even a line with the names of columns is there",
            hint="the first line of a CSV file has the names of its columns",
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise IntegrationError(
            f"{file.name} is encoded as UTF-16", hint='file(..., encoding="utf-16")'
        )
    if len(head) < _HEAD and b"\n" not in head and b"\r" not in head:
        if may_be_open(head, _delimiter(file)):
            refuse_open(file, _delimiter(file))
        head, block = head + b"\n", 0  # a line without an end, which Arrow takes for nothing
    names = _split(head, _delimiter(file))
    if names is None:
        try:
            with csv.open_csv(
                BytesIO(head),
                read_options=csv.ReadOptions(block_size=block or _HEAD),
                parse_options=_parse(file, ["", ""]),
                convert_options=csv.ConvertOptions(check_utf8=False),
            ) as batches:
                names = list(batches.schema.names)
        except pa.ArrowInvalid:
            refuse_open(file, _delimiter(file))
            raise
    if len({*names}) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise IntegrationError(
            f"{file.name}: the column {repeated!r} is there twice",
            hint="give each column a name of its own in the first line",
        )
    quoted = head.removeprefix(codecs.BOM_UTF8).startswith(b'"')
    sign = _delimiter(file)
    other = next((other for other in ",;\t|" if other in names[0] and other != sign), None)
    if len(names) == 1 and not quoted and not file.delimiter and other is not None:
        what = {",": "comma", "\t": "tab"}[sign]
        raise IntegrationError(
            f"{file.name} has no {what} in its first line: {names[0]!r:.80}",
            hint=f"say what stands between the fields: file(..., delimiter={other!r}), or "
            f"delimiter={sign!r} if it is a single column",
        )
    return names, block


def _split(head: bytes, delimiter: str) -> list[str] | None:
    """The names in a first line that is plain; Arrow would look at the rows as well."""
    line = head[: head.find(b"\n") + 1].removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
    if not line.strip() or b'"' in line or b"\r" in line:
        return None
    return line.decode().split(delimiter)


def _chosen(names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    return [*names] if columns is None else [name for name in columns if name in names]


def _stays(name: str, text: Collection[str] | bool) -> bool:
    return text is True or name in (text or ())


def _options(
    file: SourceFile,
    names: Sequence[str],
    chosen: Sequence[str],
    kinds: Mapping[str, pa.DataType],
    block: int,
    *,
    threads: bool = True,
) -> dict[str, Any]:
    """How Arrow reads a file: as text, but for the types that it says exactly the same of."""
    kept = {name: kind for name, kind in kinds.items() if kind in _DIRECT}
    return {
        "read_options": csv.ReadOptions(block_size=block, use_threads=threads),
        "parse_options": _parse(file, names),
        "convert_options": csv.ConvertOptions(
            column_types={name: kept.get(name, pa.string()) for name in names},
            include_columns=chosen or names[:1],  # one, for the number of rows
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    }


def _parse(file: SourceFile, names: Sequence[str]) -> csv.ParseOptions:
    return csv.ParseOptions(
        delimiter=_delimiter(file),
        newlines_in_values=True,
        ignore_empty_lines=len(names) > 1,  # of one column they are missing values
    )


def _delimiter(file: SourceFile) -> str:
    tabs = re.search(r"\.tsv(\.\w+)?$", file.path, re.IGNORECASE) is not None
    return file.delimiter or ("\t" if tabs else ",")


def _growing(file: SourceFile, call: Callable[[int], T]) -> T:
    """Call with more bytes until the longest row of a file fits."""
    block = _BLOCKS[0]
    while True:
        try:
            return call(block)
        except pa.ArrowInvalid as error:
            block = _larger(file, block, error)


def _larger(file: SourceFile, block: int, error: pa.ArrowInvalid) -> int:
    """More bytes, if the error is that a row didn't fit; else, and if there are no more, it is raised."""
    larger = next((size for size in _BLOCKS if size > block), None)
    if "straddl" not in str(error) or larger is None:
        raise error
    refuse_open(file, _delimiter(file))  # after which all that follows is one row
    return larger
