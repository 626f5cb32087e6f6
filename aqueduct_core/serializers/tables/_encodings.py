"""Picks the Parquet encoding of each column by trying them on a sample.

The right encoding makes a column up to a hundred times smaller (sorted times as differences) and the
wrong one makes it several times larger (few distinct floats as split bytes); writing a few thousand
rows tells which is which. A dictionary is the one encoding whose size doesn't grow with the rows: how
large it will be is told from how much the dictionaries of separate runs of rows have in common.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aqueduct_core.serializers.tables import _retype

__all__ = ["pick"]

_Kind: TypeAlias = "int | str"
_CODED: _Kind = pa.dictionary(pa.int8(), pa.string()).id
"""Arrow's dictionaries are written as such: not all encodings can be read as one."""

_DICTIONARY_LIMIT = 4 << 20  # bytes of a dictionary beyond which the writer gives it up
_RUNS = 4
_SHORTEST_RUN, _LONGEST_RUN = 256, 2_048
_SHARE = 50  # of so many rows one is tried, in each of four ways
_WORTH_TRYING = 2 << 20  # bytes of a table below which the trial costs more than it can save
_NARROW = 1 << 16  # bytes of a column below which it goes by what others of its type show
_WITNESSES = 6  # how many columns of a type are tried where columns are that narrow
_GLANCE = 128
_CLOSE = 1.02  # sizes this close are equal: the simpler encoding is taken
_HEADER = 20  # bytes of a page header
_UNIQUE = 0.995  # of a sample, from where on no dictionary of all rows would stay within the limit

_PLAIN, _SPLIT, _DICTIONARY = "PLAIN", "BYTE_STREAM_SPLIT", "DICTIONARY"
_PREFIXES, _DIFFERENCES = "DELTA_BYTE_ARRAY", "DELTA_BINARY_PACKED"
_SIMPLEST_FIRST = (_SPLIT, _PLAIN, _DIFFERENCES, _DICTIONARY, _PREFIXES)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One leaf column as one trial wrote it; `dictionaries` has the page sizes of each row group."""

    path: str
    physical: str
    size: int
    dictionaries: tuple[int, ...]


def pick(table: pa.Table, size: int, group: int, writing: dict[str, Any]) -> dict[str, Any]:
    """The options of `pq.ParquetWriter` that say how each column is encoded.

    Args:
        table: What will be written, before it is retyped.
        size: Its bytes.
        group: The rows of a row group.
        writing: The other options it will be written with.
    """
    kinds = [_kind(field) for field in table.schema.types]
    leaves = _leaves(_retype.stored(table.slice(0, 0)).schema)
    tried = _columns_to_try(kinds, size)
    picked: dict[tuple[int, int], str] = {}
    if tried:
        wanted = set(tried)
        places = [(column, ordinal) for _, column, ordinal in leaves if column in wanted]
        length = table.num_rows // (_SHARE * _RUNS)
        run = min(_LONGEST_RUN, max(_SHORTEST_RUN, length))
        sample = _retype.stored(_sample(table.select(tried), run))
        choices = _try(sample, run, min(group, table.num_rows), writing)
        picked = dict(zip(places, choices, strict=True))
    votes: dict[tuple[_Kind, int], Counter[str]] = {}
    for (column, ordinal), choice in picked.items():
        votes.setdefault((kinds[column], ordinal), Counter())[choice] += 1
    usual = {key: counted.most_common(1)[0][0] for key, counted in votes.items()}
    dictionary: list[str] = []
    encoding: dict[str, str] = {}
    for path, column, ordinal in leaves:
        choice = picked.get((column, ordinal)) or usual.get((kinds[column], ordinal), "")
        choice = choice or _usual(table, column)
        if choice == _DICTIONARY:
            dictionary.append(path)
        else:
            encoding[path] = choice
    return _options(dictionary, encoding)


def _kind(kind: pa.DataType) -> _Kind:
    """What columns that are likely to do best with the same encoding have in common."""
    return int(kind.id) if kind.num_fields == 0 else str(kind)


def _options(dictionary: list[str], encoding: dict[str, str]) -> dict[str, Any]:
    for path in dictionary:  # two leaves may share a path: a column "a.b" and the b in a struct a
        encoding.pop(path, None)
    options: dict[str, Any] = {
        "use_dictionary": dictionary or False,
        "dictionary_pagesize_limit": _DICTIONARY_LIMIT,
    }
    return options | {"column_encoding": encoding} if encoding else options


def _usual(table: pa.Table, column: int) -> str:
    """What serves columns of small tables: a dictionary, unless most of the values are different."""
    kind = table.schema.field(column).type
    if pa.types.is_boolean(kind):
        return _PLAIN
    if not pa.types.is_floating(kind):
        return _DICTIONARY
    first = table.column(column).slice(0, _GLANCE)
    if pc.count_distinct(first).as_py() > len(first) / 2:
        return _SPLIT
    return _DICTIONARY


def _leaves(schema: pa.Schema) -> list[tuple[str, int, int]]:
    """Path, column and place in the column of each leaf, in the order in which Parquet has them."""
    kinds = schema.types
    if all(kind.num_fields == 0 for kind in kinds):
        return [(name, column, 0) for column, name in enumerate(schema.names)]
    written = pa.BufferOutputStream()
    with pq.ParquetWriter(written, schema) as writer:
        writer.write_table(schema.empty_table())
    described = pq.read_metadata(pa.BufferReader(written.getvalue())).schema
    places = [
        (column, ordinal) for column, kind in enumerate(kinds) for ordinal in range(_count(kind))
    ]
    return [(described.column(index).path, *place) for index, place in enumerate(places)]


def _count(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _count(kind.storage_type)
    if pa.types.is_dictionary(kind) or kind.num_fields == 0:
        return 1
    return sum(_count(kind.field(index).type) for index in range(kind.num_fields))


def _columns_to_try(kinds: Sequence[_Kind], size: int) -> list[int]:
    """All columns of a table that is large; if they are many and narrow, some of each kind."""
    if size < _WORTH_TRYING:
        return []
    wide = size / len(kinds) >= _NARROW
    seen: Counter[_Kind] = Counter()
    found = []
    for column, kind in enumerate(kinds):
        seen[kind] += 1
        if kind != _CODED and (wide or seen[kind] <= _WITNESSES):
            found.append(column)
    return found


def _sample(table: pa.Table, run: int) -> pa.Table:
    """Runs of rows from all over the table: runs, so that order shows."""
    if table.num_rows <= run * _RUNS:
        return table
    last = table.num_rows - run
    starts = [last * index // (_RUNS - 1) for index in range(_RUNS)]
    return pa.concat_tables([table.slice(start, run) for start in starts])


def _try(sample: pa.Table, run: int, rows: int, writing: dict[str, Any]) -> list[str]:
    """The best encoding of each leaf of a sample, made of runs, that stands for `rows` rows."""
    coded = _coded(sample, run, writing)
    kinds = {leaf.path: leaf.physical for leaf, _, _ in coded}
    split = _trial(sample, writing, column_encoding={p: _second(kind) for p, kind in kinds.items()})
    third = _trial(sample, writing, column_encoding={p: _third(kind) for p, kind in kinds.items()})
    scale = rows / sample.num_rows
    choices = []
    for index, (leaf, whole, halves) in enumerate(coded):
        sizes = {
            _second(leaf.physical): split[index].size * scale,
            _third(leaf.physical): third[index].size * scale,
        }
        entries = sum(whole)
        full = _whole_dictionary(entries, halves, scale)
        if 0 < full < _DICTIONARY_LIMIT:
            packed = sum(leaf.dictionaries)
            wider = rows / 8 * math.log2(full / entries)  # indices take more bits
            sizes[_DICTIONARY] = packed / entries * full + (leaf.size - packed) * scale + wider
        least = _CLOSE * min(sizes.values())
        choices.append(next(name for name in _SIMPLEST_FIRST if sizes.get(name, math.inf) <= least))
    return choices


def _coded(
    sample: pa.Table, run: int, writing: dict[str, Any]
) -> list[tuple[_Leaf, tuple[int, ...], tuple[int, ...]]]:
    """Each leaf written with a dictionary, and the dictionaries of the whole sample and of its halves.

    Floats that hardly ever repeat aren't written: a dictionary would be no use, and takes longest.
    """
    alone = [_hardly_repeats(column) for column in sample.columns]
    repeating = sample.select([index for index, unique in enumerate(alone) if not unique])
    # Sizes of dictionaries can be compared only as long as they aren't compressed.
    loose = writing | {"compression": "none", "compression_level": None}
    halves = _trial(repeating, loose, use_dictionary=True, group=run * _RUNS // 2)
    whole = _trial(repeating, loose, use_dictionary=True)
    coded = _trial(repeating, writing, use_dictionary=True)
    written = (
        (leaf, entries.dictionaries, parts.dictionaries)
        for leaf, entries, parts in zip(coded, whole, halves, strict=True)
    )
    found: list[tuple[_Leaf, tuple[int, ...], tuple[int, ...]]] = []
    for field, unique in zip(sample.schema, alone, strict=True):
        if unique:
            found.append((_Leaf(field.name, "DOUBLE", 0, ()), (), ()))
        else:
            found.extend(islice(written, _count(field.type)))
    return found


def _hardly_repeats(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(column.type) or pa.types.is_float16(column.type):
        return False
    return bool(pc.count_distinct(column).as_py() > _UNIQUE * len(column))


def _whole_dictionary(sampled: int, halves: tuple[int, ...], scale: float) -> float:
    """The size of the dictionary of all rows, from those of the halves of the sample and of the whole.

    Both halves find most of a small set of values, and nothing in common of unique ones; in between,
    what they share tells how large the set is, as the marked fish in a second catch tell how many
    there are in the lake.
    """
    shared = sum(halves) - sampled
    if len(halves) < 2 or shared <= 0:
        return sampled * scale
    return min(sampled * scale, max(sampled, math.prod(halves) / shared))


def _second(physical: str) -> str:
    if physical == "BYTE_ARRAY":
        return _PREFIXES
    return _PLAIN if physical == "BOOLEAN" else _SPLIT


def _third(physical: str) -> str:
    return _DIFFERENCES if physical in ("INT32", "INT64") else _PLAIN


def _trial(
    sample: pa.Table, writing: dict[str, Any], *, group: int | None = None, **encoding: Any
) -> list[_Leaf]:
    if not sample.num_columns:
        return []
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
        dictionaries=tuple(
            max(1, chunk.data_page_offset - chunk.dictionary_page_offset - _HEADER)
            for chunk in chunks
            if chunk.has_dictionary_page
        ),
    )
