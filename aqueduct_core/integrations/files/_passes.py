"""CSV files and JSON lines in two passes: one for the types of all values, and one for the rows.

Neither holds more than a little of a file, and both see the same bytes, or an error is raised. What is small
is read once, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from aqueduct_core.integrations.files import _csv, _lines
from aqueduct_core.integrations.files._guess import Guess
from aqueduct_core.integrations.files._rows import Rows, columns_of, expression
from aqueduct_core.integrations.files._source import SourceFile, ahead

__all__ = ["Typed", "in_two_passes", "partition_kinds"]

_KEPT = 8 << 20  # bytes of small files that are kept from the first pass to the second
_KINDS = {str: pa.string(), int: pa.int64(), type(None): pa.null()}


@dataclass(frozen=True, slots=True)
class Typed:
    """The rows of some files.

    Attributes:
        schema: Their columns and types, which all of their values have decided.
        tables: The rows; they are read as they are asked for.
    """

    schema: pa.Schema
    tables: Iterator[pa.Table]


@dataclass(frozen=True, slots=True)
class _Kinds:
    """The types of columns, the names of all that there are, and what reads each file."""

    kinds: Mapping[str, pa.DataType]
    names: Collection[str]
    read: Sequence[Callable[[SourceFile], Iterator[pa.Table]]]


def in_two_passes(
    kind: str,
    chosen: Sequence[tuple[SourceFile, Rows | None]],
    columns: Sequence[str] | None,
    rows: Rows | None,
    text: Collection[str] | bool,
) -> Typed | None:
    """The rows of some files, of which the first pass is made when this returns.

    Args:
        kind: `csv` or `jsonl`.
        chosen: The files, and which rows of each.
        columns: The columns; None for all.
        rows: The rows, of all files together.
        text: The columns of CSV files that stay text; True for all.

    Returns:
        None if a column of JSON holds more than Arrow has types for.

    Raises:
        IntegrationError: A file can't be read, or doesn't have such columns.
    """
    files = [file for file, _ in chosen]
    looked_at = columns_of(rows)
    needed = None if columns is None else [*dict.fromkeys([*columns, *looked_at])]
    made = _of_csv(files, needed, text) if kind == "csv" else _of_lines(files, needed)
    if made is None:
        return None
    stay = () if isinstance(text, bool) else text
    files[0].require([*(needed or looked_at), *stay], made.names)
    schema = pa.schema([(name, made.kinds[name]) for name in needed or made.kinds])
    names = schema.names if columns is None else [*columns]
    tests = [_test(file, left, made.kinds) for file, left in chosen]

    def tables() -> Iterator[pa.Table]:
        todo = [item for item in zip(chosen, tests, made.read, strict=True) if item[0][1] != ()]
        for file, (_, test, read) in zip(ahead(item[0][0] for item in todo), todo, strict=True):
            with file.reading(kind):
                for found in read(file):
                    table = _in_schema(found, file, schema)
                    if test is not None:
                        table = table.filter(test)
                    if table.num_rows:
                        yield table.select(names)

    return Typed(pa.schema([schema.field(name) for name in names]), tables())


def partition_kinds(files: Sequence[SourceFile]) -> dict[str, pa.DataType]:
    """The types of the columns that folders tell."""
    found = {}
    for name in files[0].partitions:
        there = {type(file.partitions[name]) for file in files}
        found[name] = next(_KINDS[item] for item in _KINDS if item in there)
    return found


def _of_csv(
    files: Sequence[SourceFile], needed: Sequence[str] | None, text: Collection[str] | bool
) -> _Kinds:
    guesses: dict[str, Guess] = {}
    scanned, room = list[_csv.Scanned](), _KEPT
    for file in ahead(files):
        stored = None if needed is None else _stored(needed, file)
        with file.reading("csv"):
            scanned.append(_csv.scan(file, stored, text, guesses, keeps=room > 0))
        room -= 0 if scanned[-1].table is None else scanned[-1].table.nbytes
        file.refuse_twice(name for name in scanned[-1].names if needed is None or name in needed)
    kinds = {name: guess.kind for name, guess in guesses.items()}
    names = [*kinds]
    return _Kinds(
        kinds | partition_kinds(files),
        {name for found in scanned for name in found.names} | {*files[0].partitions},
        [partial(_csv.rows_of, scanned=found, columns=names, kinds=kinds) for found in scanned],
    )


def _of_lines(files: Sequence[SourceFile], needed: Sequence[str] | None) -> _Kinds | None:
    seen: dict[str, _lines.Seen] = {}
    digests = []
    for file in ahead(files):
        with file.reading("jsonl"):
            digest = _lines.scan(file, needed, seen)
        if digest is None:
            return None
        digests.append(digest)
    names = [*seen] if needed is None else [name for name in needed if name in seen]
    kinds: dict[str, pa.DataType] = {name: seen[name].kind for name in names}
    if not kinds:
        return None
    stored = {name: kind for name, kind in kinds.items() if name not in files[0].partitions}
    return _Kinds(
        kinds, seen, [partial(_lines.rows_of, digest=digest, kinds=stored) for digest in digests]
    )


def _test(file: SourceFile, rows: Rows | None, kinds: Mapping[str, pa.DataType]) -> Any:
    """What Arrow is to ask of each row; None if it is nothing."""
    if not rows:
        return None
    test = file.compared(lambda: expression(rows, kinds))
    nothing = pa.schema([*kinds.items()]).empty_table()
    file.compared(lambda: nothing.filter(test))  # whether there is such a comparison
    return test


def _stored(names: Sequence[str], file: SourceFile) -> list[str]:
    return [name for name in names if name not in file.partitions]


def _in_schema(table: pa.Table, file: SourceFile, schema: pa.Schema) -> pa.Table:
    """The rows of a file, with the columns that its folders tell, and that other files have."""
    columns = []
    for field in schema:
        if field.name in file.partitions:
            value = pa.scalar(file.partitions[field.name], field.type)
            columns.append(pa.repeat(value, table.num_rows))
        elif field.name in table.column_names:
            columns.append(table.column(field.name))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.table(columns, schema=schema)
