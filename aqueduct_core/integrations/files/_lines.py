"""JSON lines as Arrow reads them, a few megabytes at a time.

Arrow is several times quicker than Python, and sees some things otherwise: whole numbers beyond 64 bits
as floats, text as moments, several objects in a line. Where it may have, Python looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from aqueduct_core.integrations.files._jsonlines import parsed_lines
from aqueduct_core.integrations.files._source import Content, SourceFile

__all__ = ["Seen", "rows_of", "scan"]

_BLOCK = 1 << 20  # bytes that are parsed together, and whole lines
_EXACT = 2**53  # up to here floats tell whole numbers apart
_BOM = b"\xef\xbb\xbf"
_KINDS = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}


@dataclass(slots=True)
class Seen:
    """What was seen in a column.

    Attributes:
        kinds: The types of its values; `object` for what has no column of Arrow.
        is_big: Whether it has whole numbers that aren't exact as floats.
    """

    kinds: set[type] = field(default_factory=set)
    is_big: bool = False

    @property
    def kind(self) -> pa.DataType | None:
        """The type that holds all of its values; None if there is none."""
        if not self.kinds:
            return pa.null()
        if self.kinds == {int, float} and not self.is_big:
            return pa.float64()
        return _KINDS.get(next(iter(self.kinds))) if len(self.kinds) == 1 else None


def scan(file: SourceFile, columns: Sequence[str] | None, seen: dict[str, Seen]) -> bytes | None:
    """Look at all values of a file, of which never more than a little is in memory.

    Args:
        file: The file.
        columns: The columns that matter; all by default.
        seen: What is known of columns so far. What is found out is added. The columns of folders are
            behind those of the first row, as they are where rows are put together one by one.

    Returns:
        What its bytes are; None if a column has values that are no column of Arrow.
    """
    wanted = None if columns is None else [name for name in columns if name not in file.partitions]
    with file.opened() as content:
        line = 1
        for block in _blocks(content):
            own = {name: one for name, one in seen.items() if name not in file.partitions}
            table = _looked(block, wanted, own, is_first=line == 1)
            if table is None:
                rows = parsed_lines(file, block.decode(), line)
                names = [*dict.fromkeys(name for row in rows for name in row)]
            else:
                names = table.column_names
            file.refuse_twice(names)
            if not seen and names:
                _look_at_first(seen, file, block)
            for name in names:
                known = seen.setdefault(name, Seen())
                if table is None:
                    _look_at_values(known, [row.get(name) for row in rows])
                else:
                    _look_at_column(known, table.column(name))
            for name, value in file.partitions.items():
                _look_at_values(seen.setdefault(name, Seen()), [value])
            line += block.count(b"\n")
            if any(name in seen and seen[name].kind is None for name in columns or seen):
                return None
        return content.digest()


def rows_of(
    file: SourceFile, digest: bytes, kinds: Mapping[str, pa.DataType]
) -> Iterator[pa.Table]:
    """The rows of a file as they are read.

    Args:
        file: The file.
        digest: What its bytes were.
        kinds: The columns, and their types; a column that is in no row is missing in all.
    """
    schema = pa.schema([*(kinds or {"": pa.null()}).items()])  # one, for the number of rows
    with file.opened() as content:
        line = 1
        for block in _blocks(content):
            table = _parsed(block, schema, "ignore")
            if table is None:
                rows = parsed_lines(file, block.decode(), line)
                arrays = [
                    pa.array([row.get(field.name) for row in rows], field.type) for field in schema
                ]
                table = pa.table(arrays, schema=schema)
            yield table
            line += block.count(b"\n")
        content.require(file, digest)


def _look_at_first(seen: dict[str, Seen], file: SourceFile, block: bytes) -> None:
    line = next(line for line in block.decode().split("\n") if line.strip())
    for name in (*parsed_lines(file, line, 1)[0], *file.partitions):
        seen[name] = Seen()


def _looked(
    block: bytes, columns: Sequence[str] | None, seen: Mapping[str, Seen], *, is_first: bool
) -> pa.Table | None:
    """The rows of a block, if Arrow sees them as they are."""
    names = [*seen] if columns is None else columns
    known = {name: seen[name].kind for name in names if name in seen and seen[name].kinds}
    ignores = columns is not None and len(known) == len(columns) and not is_first
    found = None
    if known:
        found = _parsed(block, pa.schema([*known.items()]), "ignore" if ignores else "infer")
    if found is None:
        found = _parsed(block, None, "infer")
    if found is None:
        return None
    try:
        block.decode()  # Arrow doesn't look
    except UnicodeDecodeError:
        return None
    numbers = [
        found.column(field.name)
        for field in found.schema
        if field.type == pa.float64() and (columns is None or field.name in columns)
    ]
    return found if all(map(_is_exact, numbers)) else None


def _parsed(block: bytes, schema: pa.Schema | None, others: str) -> pa.Table | None:
    """The rows of a block; None if it has other lines than one object each, or other types."""
    lines = _lines_in(block)
    if lines is None:
        return None
    try:
        table = json.read_json(
            BytesIO(block),
            read_options=json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior=others
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == lines and table.num_columns else None


def _lines_in(block: bytes) -> int | None:
    """How many objects there are if each line is one; None if lines begin or end otherwise."""
    count = block.count(b"}\n{") + 1
    plain = block[:1] == b"{" and block.endswith((b"}", b"}\n"))
    if plain and count == block.count(b"\n") + (block[-1:] == b"}"):
        return count
    lines = [line for line in map(bytes.strip, block.split(b"\n")) if line]
    fit = all(line.startswith(b"{") and line.endswith(b"}") for line in lines)
    return len(lines) if fit else None


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Whether it doesn't matter which of its numbers were written without a point."""
    if pc.any(pc.is_nan(column)).as_py():
        return False
    ends = pc.min_max(column).as_py()
    return ends["min"] is None or max(-ends["min"], ends["max"]) < _EXACT


def _look_at_column(seen: Seen, column: pa.ChunkedArray) -> None:
    kind = column.type
    if column.null_count == len(column):
        return
    if pa.types.is_timestamp(kind):  # that is what Arrow takes text for
        kind = pa.string()
    found = next((plain for plain, arrow in _KINDS.items() if arrow == kind), object)
    if found is int:
        ends = pc.min_max(column).as_py()
        seen.is_big |= max(-ends["min"], ends["max"]) > _EXACT
    seen.kinds.add(found)


def _look_at_values(seen: Seen, values: Sequence[Any]) -> None:
    kinds = {type(value) for value in values if value is not None}
    numbers = [value for value in values if type(value) is int]
    if any(not -(2**63) <= number < 2**63 for number in numbers):
        kinds.add(object)
    seen.is_big |= any(abs(number) > _EXACT for number in numbers)
    if str in kinds and not all(map(_is_text, values)):
        kinds.add(object)
    seen.kinds |= kinds


def _is_text(value: Any) -> bool:
    """Whether a text has no half of a character in it."""
    try:
        return not isinstance(value, str) or bool(value.encode()) or not value
    except UnicodeEncodeError:
        return False


def _blocks(content: Content) -> Iterator[bytes]:
    """The lines of a file, some of them at a time."""
    rest: list[bytes] = []
    is_first = True
    while data := content.file.read(_BLOCK):
        if is_first:
            data, is_first = data.removeprefix(_BOM), False
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, data[:cut]])
            rest = []
        rest.append(data[cut:])
    if any(rest):
        yield b"".join(rest)
