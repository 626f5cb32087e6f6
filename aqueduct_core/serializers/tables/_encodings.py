"""Picks the Parquet encoding of each column by trying them on a sample.

The right encoding makes a column up to a hundred times smaller (sorted times as differences) and the
wrong one makes it several times larger (few distinct floats as split bytes); writing a few thousand
rows tells which is which. A dictionary is the one encoding whose size doesn't grow with the rows: how
large it will be is told from how much the dictionaries of separate runs of rows have in common.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["pick"]

_DICTIONARY_LIMIT = 4 << 20  # bytes of a dictionary beyond which the writer gives it up
_RUN = 4_096
_RUNS = 4
_WORTH_TRYING = 1 << 19  # bytes of a table below which the trial costs more than it can save
_NARROW = 1 << 16  # bytes of a column below which it goes by what others of its type show
_WITNESSES = 6  # how many columns of a type are tried where columns are that narrow
_CLOSE = 1.02  # sizes this close are equal: the simpler encoding is taken
_TYPICAL = 0.6  # what zstd makes of a dictionary of numbers

_PLAIN, _SPLIT, _DICTIONARY = "PLAIN", "BYTE_STREAM_SPLIT", "DICTIONARY"
_PREFIXES, _DIFFERENCES = "DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED"
_SIMPLEST_FIRST = (_PLAIN, _SPLIT, _DIFFERENCES, _DICTIONARY, _PREFIXES)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One leaf column as one trial wrote it; `dictionaries` has the page sizes of each row group."""

    path: str
    physical: str
    size: int
    unpacked: int
    dictionaries: tuple[int, ...]


def pick(table: pa.Table, group: int, writing: dict[str, Any]) -> dict[str, Any]:
    """The options of `pq.ParquetWriter` that say how each column is encoded.

    Args:
        table: What will be written.
        group: The rows of a row group.
        writing: The other options it will be written with.
    """
    kinds = table.schema.types
    leaves = _leaves(table.schema)
    tried = _columns_to_try(table)
    picked: dict[tuple[int, int], str] = {}
    if tried:
        wanted = set(tried)
        places = [(column, ordinal) for _, column, ordinal in leaves if column in wanted]
        choices = _try(_sample(table.select(tried)), min(group, table.num_rows), writing)
        picked = dict(zip(places, choices, strict=True))
    shown: dict[tuple[pa.DataType, int], Counter[str]] = {}
    for (column, ordinal), choice in picked.items():
        shown.setdefault((kinds[column], ordinal), Counter())[choice] += 1
    dictionary: list[str] = []
    encoding: dict[str, str] = {}
    for path, column, ordinal in leaves:
        choice = picked.get((column, ordinal), "")
        if not choice:
            alike = shown.get((kinds[column], ordinal))
            choice = alike.most_common(1)[0][0] if alike else _usual(kinds[column])
        if choice == _DICTIONARY:
            dictionary.append(path)
        else:
            encoding[path] = choice
    return _options(dictionary, encoding)


def _options(dictionary: list[str], encoding: dict[str, str]) -> dict[str, Any]:
    for path in dictionary:  # two leaves may share a path: a column "a.b" and the b in a struct a
        encoding.pop(path, None)
    options: dict[str, Any] = {
        "use_dictionary": dictionary or False,
        "dictionary_pagesize_limit": _DICTIONARY_LIMIT,
    }
    return options | {"column_encoding": encoding} if encoding else options


def _usual(kind: pa.DataType) -> str:
    """What serves small columns: a dictionary, unless the values are likely to be all different."""
    if pa.types.is_boolean(kind):
        return _PLAIN
    return _SPLIT if pa.types.is_floating(kind) else _DICTIONARY


def _leaves(schema: pa.Schema) -> list[tuple[str, int, int]]:
    """Path, column and place in the column of each leaf, in the order in which Parquet has them."""
    counts = [_count(kind) for kind in schema.types]
    if all(kind.num_fields == 0 for kind in schema.types):
        return [(name, column, 0) for column, name in enumerate(schema.names)]
    found = pa.BufferOutputStream()
    with pq.ParquetWriter(found, schema) as writer:
        writer.write_table(schema.empty_table())
    described = pq.read_metadata(pa.BufferReader(found.getvalue())).schema
    places = [(column, ordinal) for column, count in enumerate(counts) for ordinal in range(count)]
    return [
        (described.column(index).path, column, ordinal)
        for index, (column, ordinal) in enumerate(places)
    ]


def _count(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _count(kind.storage_type)
    if pa.types.is_dictionary(kind) or kind.num_fields == 0:
        return 1
    return sum(_count(kind.field(index).type) for index in range(kind.num_fields))


def _columns_to_try(table: pa.Table) -> list[int]:
    """All columns of a table that is large; if they are many and narrow, some of each type."""
    size = table.nbytes
    if size < _WORTH_TRYING:
        return []
    if size / table.num_columns >= _NARROW:
        return list(range(table.num_columns))
    seen: Counter[pa.DataType] = Counter()
    found = []
    for column, kind in enumerate(table.schema.types):
        seen[kind] += 1
        if seen[kind] <= _WITNESSES:
            found.append(column)
    return found


def _sample(table: pa.Table) -> pa.Table:
    """Runs of rows from all over the table: runs, so that order shows."""
    if table.num_rows <= _RUN * _RUNS:
        return table
    last = table.num_rows - _RUN
    starts = [last * index // (_RUNS - 1) for index in range(_RUNS)]
    return pa.concat_tables([table.slice(start, _RUN) for start in starts])


def _try(sample: pa.Table, rows: int, writing: dict[str, Any]) -> list[str]:
    """The best encoding of each leaf of a sample that stands for `rows` rows."""
    whole = _trial(sample, writing, use_dictionary=True)
    runs = _trial(sample, writing, use_dictionary=True, group=_RUN)
    split = _trial(sample, writing, column_encoding={leaf.path: _second(leaf) for leaf in whole})
    third = _trial(sample, writing, column_encoding={leaf.path: _third(leaf) for leaf in whole})
    scale = rows / sample.num_rows
    choices = []
    for one, parts, two, three in zip(whole, runs, split, third, strict=True):
        sizes = {_second(one): two.size * scale, _third(one): three.size * scale}
        known = three.size / three.unpacked if _third(one) == _PLAIN else _TYPICAL
        coded = _dictionary_size(one, parts.dictionaries, rows, scale, known)
        if coded is not None:
            sizes[_DICTIONARY] = coded
        least = _CLOSE * min(sizes.values())
        choices.append(next(name for name in _SIMPLEST_FIRST if sizes.get(name, math.inf) <= least))
    return choices


def _second(leaf: _Leaf) -> str:
    if leaf.physical == "BYTE_ARRAY":
        return _PREFIXES
    return _PLAIN if leaf.physical == "BOOLEAN" else _SPLIT


def _third(leaf: _Leaf) -> str:
    return _DIFFERENCES if leaf.physical in ("INT32", "INT64") else _PLAIN


def _dictionary_size(
    leaf: _Leaf, runs: tuple[int, ...], rows: int, scale: float, packed: float
) -> float | None:
    """The size of all rows with a dictionary; None if the dictionary would be too large.

    Two runs of a small set of values have nearly the same dictionary, two runs of unique values have
    nothing in common; in between, what they share tells how large the set is, as the marked fish in a
    second catch tell how many there are in the lake.
    """
    sampled = sum(leaf.dictionaries)
    if not sampled:
        return None
    shared = sum(runs) - sampled
    pairs = (sum(runs) ** 2 - sum(size * size for size in runs)) / 2
    full = sampled * scale
    if shared > 0:
        full = min(full, max(sampled, pairs / shared))
    if full / packed > _DICTIONARY_LIMIT:
        return None
    wider = rows / 8 * math.log2(full / sampled)
    return full + (leaf.size - sampled) * scale + wider


def _trial(
    sample: pa.Table, writing: dict[str, Any], *, group: int | None = None, **encoding: Any
) -> list[_Leaf]:
    written = pa.BufferOutputStream()
    options = {"use_dictionary": False, **encoding, "dictionary_pagesize_limit": _DICTIONARY_LIMIT}
    with pq.ParquetWriter(written, sample.schema, **(writing | options)) as writer:
        writer.write_table(sample, row_group_size=group or sample.num_rows)
    described = pq.read_metadata(pa.BufferReader(written.getvalue()))
    groups = [described.row_group(index) for index in range(described.num_row_groups)]
    return [
        _leaf([rows.column(index) for rows in groups]) for index in range(described.num_columns)
    ]


def _leaf(chunks: list[Any]) -> _Leaf:
    return _Leaf(
        path=chunks[0].path_in_schema,
        physical=chunks[0].physical_type,
        size=sum(chunk.total_compressed_size for chunk in chunks),
        unpacked=max(1, sum(chunk.total_uncompressed_size for chunk in chunks)),
        dictionaries=tuple(
            chunk.data_page_offset - chunk.dictionary_page_offset
            for chunk in chunks
            if chunk.has_dictionary_page
        ),
    )
