"""Columns of a large Parquet file, read piece by piece: it takes little more memory than the columns.

Decoded as a whole, a column takes up to twice its memory. A piece is some rows of some columns, of a few
megabytes however large the row groups are. Each thread decodes its pieces alone, copies them to where they
stay and frees them itself: what another thread frees, Arrow's allocator gives back late, and more of it the
more threads there are. What stays is taken from the system's allocator, so that it isn't strewn among
what comes and goes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from aqueduct_core.serializers.tables._check import is_flat
from aqueduct_core.serializers.tables._pieces_columns import Chunks, Coded, Column, Whole

__all__ = ["read", "size_of"]

_ROWS, _FEWEST_ROWS = 1 << 14, 1 << 6
_PIECE = 2 << 20  # bytes, about
_RELEASED = 32  # pieces of a thread, after which its allocator is told to give back what is free
_AT_WORK = 3 << 20  # bytes that the pages of the columns of one task take, about
_PAGE = 1 << 20  # bytes that a page takes at most, as a rule
_PER_THREAD = 96 << 20  # bytes of a table from which it may take another thread
_NARROW = 1 << 20  # bytes of a column, below which neighbours lie together
_ALIGNMENT = 8
_DICTIONARY = pa.dictionary(pa.int8(), pa.string()).id
_BITS, _NULL = pa.bool_().id, pa.null().id
_TEXT = 16  # bytes of a text or a list, where nothing is known of it


@dataclass(frozen=True, slots=True)
class _Task:
    """Some columns of neighbouring row groups, which hold the rows from `start` to `end`."""

    groups: Sequence[int]
    start: int
    end: int
    names: Sequence[str]


def size_of(file: Any) -> int:
    """The bytes in memory of all columns of a file, about; of text that repeats it may be far more."""
    rows = file.metadata.num_rows
    return max(_stored(file.metadata), int(sum(map(_width, file.schema_arrow.types)) * rows))


def read(
    file: Any,
    kinds: Mapping[str, pa.DataType],
    entries: Mapping[str, pa.Array],
    again: Callable[[], Any] | None,
) -> dict[str, pa.ChunkedArray]:
    """Some columns of a file.

    Args:
        file: The open file.
        kinds: The names of the columns and the types that they are to have: those of the file, or what
            these can be cast to.
        entries: The dictionaries of columns that have one.
        again: Opens the file once more, for another thread; None if it can't be.
    """
    about = file.metadata
    rows = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
    if sum(rows) != about.num_rows:
        raise pa.ArrowInvalid(f"the file says that it has {about.num_rows} rows, not {sum(rows)}")
    names = list(kinds)
    columns = _columns(kinds, about.num_rows, entries)
    sizes = _sizes(file, kinds)
    if again is None:  # in one go, so that ranges are fetched together
        _decode(
            file, _Task(range(len(rows)), 0, about.num_rows, names), columns, sizes, shared=True
        )
    else:
        most = max(2, int(about.num_rows * sum(sizes.values()) / _PER_THREAD))
        threads = max(1, min(pa.cpu_count(), most))
        tasks = [
            _Task([group], sum(rows[:group]), sum(rows[: group + 1]), some)
            for group in range(len(rows))
            if rows[group]
            for some in _sets(names, sizes, rows[group], threads)
        ]
        _work(tasks, min(threads, len(tasks)), file, again, columns, sizes)
    return {name: column.finished() for name, column in columns.items()}


def _columns(
    kinds: Mapping[str, pa.DataType], rows: int, entries: Mapping[str, pa.Array]
) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for kind, run in groupby(kinds, kinds.__getitem__):
        alike = list(run)
        if kind.id == _DICTIONARY:
            columns |= {name: Coded(kind, rows, entries[name]) for name in alike}
        elif not is_flat(kind) or kind.id in (_BITS, _NULL):
            columns |= {name: Chunks(kind) for name in alike}
        else:
            columns |= dict(zip(alike, _wholes(kind, rows, len(alike)), strict=True))
    return columns


def _wholes(kind: pa.DataType, rows: int, count: int) -> Iterator[Whole]:
    """Columns of one type; if they are short, one after the other in memory."""
    size = -(-rows * kind.bit_width // 8 // _ALIGNMENT) * _ALIGNMENT
    if size >= _NARROW:
        for _ in range(count):
            yield Whole(kind, rows)
        return
    memory = pa.allocate_buffer(size * count, pa.system_memory_pool())
    for start in range(0, size * count, size) if size else [0] * count:
        yield Whole(kind, rows, memory.slice(start, size))


def _stored(about: Any) -> int:
    """The bytes of all columns as they are encoded, before they are compressed."""
    return sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))


def _sizes(file: Any, kinds: Mapping[str, pa.DataType]) -> dict[str, float]:
    """The bytes of a row of each column, about. More than this a damaged file can't be asked safely."""
    widths = {name: _width(kind) for name, kind in kinds.items()}
    loose = [name for name, kind in kinds.items() if not is_flat(kind) and kind.id != _DICTIONARY]
    if not loose:
        return widths
    others = sum(_width(kind) for kind in file.schema_arrow.types if is_flat(kind))
    rows = max(1, file.metadata.num_rows)
    share = (_stored(file.metadata) / rows - others) / len(loose)
    return widths | {name: max(widths[name], share) for name in loose}


def _width(kind: pa.DataType) -> float:
    """The bytes of a value, about."""
    if kind.id == _NULL:
        return 0
    if kind.id == _DICTIONARY:
        return _width(kind.index_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _width(kind.storage_type)
    if kind.num_fields:
        return sum(_width(kind.field(index).type) for index in range(kind.num_fields))
    return float(kind.bit_width) / 8 if is_flat(kind) else _TEXT


def _sets(
    names: Sequence[str], sizes: Mapping[str, float], rows: int, threads: int
) -> Iterator[list[str]]:
    """The columns in sets, each of few enough to be decoded at once, and some for each thread."""
    most = math.ceil(len(names) / threads)
    some: list[str] = []
    pages = 0.0
    for name in names:
        size = 2 * min(_PAGE, sizes[name] * rows)
        if some and (len(some) == most or pages + size > _AT_WORK):
            yield some
            some, pages = [], 0.0
        some.append(name)
        pages += size
    yield some


def _work(
    tasks: Sequence[_Task],
    threads: int,
    file: Any,
    again: Callable[[], Any],
    columns: Mapping[str, Column],
    sizes: dict[str, float],
) -> None:
    waiting = iter(tasks)
    lock = threading.Lock()
    files = [file]

    def next_task() -> _Task | None:
        with lock:
            return next(waiting, None)

    def work() -> None:
        with lock:
            own = files.pop() if files else None
        own = again() if own is None else own
        while (task := next_task()) is not None:
            _decode(own, task, columns, sizes, shared=False)

    if threads < 2:
        work()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()


def _decode(
    file: Any,
    task: _Task,
    columns: Mapping[str, Column],
    sizes: dict[str, float],
    *,
    shared: bool,
) -> None:
    """Read what a task is about; `shared` if Arrow is to use more threads than this one for it."""
    at = task.start
    pool = pa.default_memory_pool()
    for number, batch in enumerate(_batches(file, task, sizes, shared)):
        if at + batch.num_rows > task.end:
            raise pa.ArrowInvalid(f"the file has more rows than it says: {task.end}")
        for name in task.names:
            columns[name].add(task.start, at, batch.column(name))
        at += batch.num_rows
        del batch  # before the next is decoded
        if number % _RELEASED == _RELEASED - 1:
            pool.release_unused()
    if at < task.end:
        raise pa.ArrowInvalid(f"the file has fewer rows than it says: {at}, not {task.end}")
    for name in task.names:
        columns[name].end(task.start)


def _batches(file: Any, task: _Task, sizes: dict[str, float], shared: bool) -> Iterator[Any]:
    rows = _rows(task, sizes)
    batches = file.iter_batches(rows, task.groups, task.names, use_threads=shared)
    first = next(batches, None)
    if first is None:
        return
    for name in task.names:
        sizes[name] = max(sizes[name], first.column(name).nbytes / max(first.num_rows, 1))
    fewer = _rows(task, sizes)
    if fewer < rows / 2 and not shared:  # the rows take far more than they seemed to
        del first
        yield from file.iter_batches(fewer, task.groups, task.names, use_threads=False)
        return
    yield first
    del first
    yield from batches


def _rows(task: _Task, sizes: Mapping[str, float]) -> int:
    """How many rows a piece is to have."""
    each = max(1.0, sum(map(sizes.__getitem__, task.names)))
    return min(_ROWS, max(_FEWEST_ROWS, int(_PIECE / each)))
