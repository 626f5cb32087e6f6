"""CSV: text without types, so a column gets one only if all of its values say the same.

Integers are what can be written as the same text again: `007` and a serial number of 20 digits stay
text. Only an empty field is a missing value; `NA` is a text like others, and so is `""`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations.files._frames import arrow_of
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["read_csv", "typed", "write_csv"]

_LOOKED_AT = 50  # values that are looked at before a pattern is tried on a whole column
_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
_FLOAT = (
    r"^(-?((0|[1-9][0-9]*)?\.[0-9]+|(0|[1-9][0-9]*)\.)([eE][+-]?[0-9]{1,3})?|-?[0-9][eE][+-]?[0-9]{1,3}"
    r"|0|-?[1-9][0-9]{0,14}|nan|-?inf)$"
)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"


def read_csv(file: SourceFile, columns: Sequence[str] | None) -> tuple[pa.Table, list[str]]:
    """A CSV file as a table of text, and the names of all of its columns.

    Args:
        file: The file. Where its name ends in `.tsv`, tabs stand between the fields.
        columns: The columns to read; those that it doesn't have are left out.
    """
    data = file.content()
    names = _header(file, data)
    chosen = names if columns is None else [name for name in columns if name in names]
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        include_columns=chosen,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    if not chosen:
        convert.include_columns = names[:1]  # for the number of rows
    parse = _parse(file, names)
    table = csv.read_csv(BytesIO(data), parse_options=parse, convert_options=convert)
    return table.select(chosen), names


def typed(table: pa.Table, text: Collection[str] | bool) -> pa.Table:
    """A table of text with the types that its columns have.

    Args:
        table: The table.
        text: The columns that stay text; True for all.
    """
    if text is True:
        return table
    stay = text or ()
    columns = [
        column if name in stay else _typed(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


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


def _header(file: SourceFile, data: bytes) -> list[str]:
    if not data.strip():
        raise IntegrationError(
            f"{file.name} is empty: not even a line with the names of columns is there",
            hint="the first line of a CSV file has the names of its columns",
        )
    options = csv.ConvertOptions(check_utf8=False)
    with csv.open_csv(
        BytesIO(data), parse_options=_parse(file, ["", ""]), convert_options=options
    ) as opened:
        names = list(opened.schema.names)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise IntegrationError(
            f"{file.name}: the column {repeated!r} is there twice",
            hint="give each column a name of its own in the first line",
        )
    quoted = data.removeprefix(b"\xef\xbb\xbf").startswith(b'"')
    if len(names) == 1 and not quoted and re.search(r"[;\t|]", names[0]):
        raise IntegrationError(
            f"{file.name} has no comma in its first line: {names[0]!r:.80}",
            hint="fields are separated by commas in .csv and by tabs in .tsv files; read others "
            'with format="text" and split them in an @op',
        )
    return names


def _parse(file: SourceFile, names: Sequence[str]) -> csv.ParseOptions:
    tabs = re.search(r"\.tsv(\.\w+)?$", file.path, re.IGNORECASE) is not None
    return csv.ParseOptions(
        delimiter="\t" if tabs else ",",
        newlines_in_values=True,
        ignore_empty_lines=len(names) > 1,  # of one column they are missing values
    )


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    first = column.drop_null().slice(0, _LOOKED_AT).to_pylist()
    if not first:
        return column
    for pattern, target in _TYPES:
        if not all(re.search(pattern, value) for value in first):
            continue
        if not pc.all(pc.match_substring_regex(column, pattern)).as_py():
            continue
        try:
            return target(column)
        except pa.ArrowInvalid:  # such as the 30th of February
            return column
    return column


def _moments(zone: str | None) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    def convert(column: pa.ChunkedArray) -> pa.ChunkedArray:
        fine = pc.any(pc.match_substring_regex(column, r"\.[0-9]{7,9}")).as_py()
        return column.cast(pa.timestamp("ns" if fine else "us", zone))

    return convert


def _truth(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.equal(pc.utf8_lower(column), "true")


_TYPES: Sequence[tuple[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]] = (
    (_INTEGER, lambda column: column.cast(pa.int64())),
    (_FLOAT, lambda column: column.cast(pa.float64())),
    ("^(true|false)$", _truth),
    ("^(True|False)$", _truth),
    (f"^{_DAY}$", lambda column: column.cast(pa.date32())),
    (rf"^{_DAY}[ T]{_TIME}(\.[0-9]{{1,9}})?$", _moments(None)),
    (rf"^{_DAY}[ T]{_TIME}(\.[0-9]{{1,9}})?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})$", _moments("UTC")),
)
