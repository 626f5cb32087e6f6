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
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["Scanned", "rows_of", "scan", "write_csv"]

T = TypeVar("T")
# Bytes that are parsed together, by all cores at once. Each row has to fit, so more if one doesn't.
_BLOCKS = (max(1 << 18, min(1 << 20, (1 << 24) // pa.cpu_count())), 1 << 26, (1 << 31) - 1)
_HEAD = 1 << 16
_DIRECT = (pa.int64(), pa.float64())  # types that are parsed as they are from text


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file that was read once, to know the types of its columns.

    Attributes:
        names: The names of all of its columns.
        block: How many bytes of it are parsed together; 0 if it has no rows.
        digest: What its bytes were; None if that doesn't matter, since no type depends on them.
    """

    names: Sequence[str]
    block: int
    digest: bytes | None


def scan(
    file: SourceFile,
    columns: Sequence[str] | None,
    text: Collection[str] | bool,
    guesses: dict[str, Guess],
) -> Scanned:
    """Look at all values of a file, of which never more than a little is in memory.

    Args:
        file: The file.
        columns: The columns to look at; all by default.
        text: The columns that stay text; True for all.
        guesses: What is known of columns so far. What is found out is added.
    """
    names, block = _growing(lambda block: _header(file, block))
    chosen = _chosen(names, columns)
    for name in chosen:
        guesses.setdefault(name, Guess())
    tried = [name for name in chosen if not _stays(name, text)]
    if not (tried and block):
        return Scanned(names, block, None)

    def look(block: int) -> Scanned:
        options = _options(file, names, tried, {}, block)
        # Opened anew each time: Arrow may still be reading ahead in what was given up.
        with file.opened() as content:
            with csv.open_csv(content.file, **options) as batches:
                for batch in batches:
                    for name in tried:
                        guesses[name].look(batch.column(name))
            return Scanned(names, block, content.digest())

    return _growing(look)  # values that are looked at again say the same again


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
    chosen = _chosen(scanned.names, columns)
    options = _options(file, scanned.names, chosen, kinds, scanned.block)
    with file.opened() as content:
        if scanned.block:
            with csv.open_csv(content.file, **options) as batches:
                for batch in batches:
                    there = batch.schema.names
                    arrays = [
                        typed(batch.column(name), kinds.get(name, pa.string())) for name in there
                    ]
                    yield pa.table(arrays, there)
        if scanned.digest is not None:
            content.require(file, scanned.digest)


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


def _header(file: SourceFile, block: int) -> tuple[list[str], int]:
    """The names of columns, and as many bytes as `block` says; 0 if there is nothing else."""
    with file.opened() as content:
        head = content.file.read(2 * block)  # so that Arrow doesn't take the first half for all
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
        head, block = head + b"\n", 0  # a line without an end, which Arrow takes for nothing
    with csv.open_csv(
        BytesIO(head),
        read_options=csv.ReadOptions(block_size=block or _HEAD),
        parse_options=_parse(file, ["", ""]),
        convert_options=csv.ConvertOptions(check_utf8=False),
    ) as batches:
        names = list(batches.schema.names)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise IntegrationError(
            f"{file.name}: the column {repeated!r} is there twice",
            hint="give each column a name of its own in the first line",
        )
    quoted = head.removeprefix(b"\xef\xbb\xbf").startswith(b'"')
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
) -> dict[str, Any]:
    """How Arrow reads a file: as text, but for the types that it says exactly the same of."""
    kept = {name: kind for name, kind in kinds.items() if kind in _DIRECT}
    return {
        "read_options": csv.ReadOptions(block_size=block),
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


def _growing(call: Callable[[int], T]) -> T:
    """Call with more bytes until the longest row fits."""
    for block in _BLOCKS[:-1]:
        try:
            return call(block)
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
    return call(_BLOCKS[-1])
