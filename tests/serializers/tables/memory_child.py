"""Saves or loads one table in a process that does nothing else, and prints what memory it took.

Called with a folder, a library, a kind of table, a serializer, and `save` or `load` and, for that, the
table's bytes. Prints the peak of resident memory beyond what there was, that of Arrow's own
allocations, and the file's pages that are mapped in the end; of a save also the bytes of the table.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aqueduct_core import ArtifactStore
from aqueduct_core.bench._memory import peak

RANDOM = np.random.default_rng(0)
SIZE = 192 << 20


def texts(rows: int, width: int) -> pa.Array:
    letters = pa.py_buffer(RANDOM.integers(97, 123, rows * width, dtype=np.uint8))
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), letters])


def floats(size: int, width: int = 8) -> pa.Table:
    values = RANDOM.standard_normal((width, size // width // 8))
    return pa.table({f"c{index}": column for index, column in enumerate(values)})


def strings(size: int) -> pa.Table:
    return pa.table({name: texts(size // 84, 24) for name in "abc"})


def mixed(size: int) -> pa.Table:
    rows = size // 72
    words = pa.array([f"word {index:05d}" for index in range(3_000)])
    columns = {
        "id": np.arange(rows),
        "number": RANDOM.standard_normal(rows),
        "price": RANDOM.standard_normal(rows).round(1),
        "time": pa.array(np.arange(rows) * 1_000_000, pa.timestamp("us")),
        "text": texts(rows, 24),
        "word": words.take(pa.array(RANDOM.integers(0, len(words), rows))),
        "flag": pa.array(RANDOM.random(rows) > 0.5),
    }
    return pa.table(columns)


def nested(size: int) -> pa.Table:
    rows = size // 52
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * 3)
    lists = pa.ListArray.from_arrays(offsets, pa.array(RANDOM.standard_normal(3 * rows)))
    fields = [pa.array(RANDOM.integers(0, 100, rows)), texts(rows, 12)]
    return pa.table({"lists": lists, "pairs": pa.StructArray.from_arrays(fields, names=["x", "y"])})


def coded(size: int) -> pa.Table:
    rows = size // 12
    entries = pa.array([f"entry number {index}" for index in range(1_000)])
    codes = pa.array(RANDOM.integers(0, len(entries), rows, dtype=np.int32))
    column = pa.DictionaryArray.from_arrays(codes, entries)
    return pa.table({"coded": column, "number": RANDOM.standard_normal(rows)})


def seconds(size: int) -> pa.Table:
    """What Parquet has as other types."""
    times = np.arange(size // 24)
    kinds = pa.timestamp("s"), pa.timestamp("s", "Europe/Berlin"), pa.date64()
    scales = 1, 1, 86_400_000
    columns = [pa.array(times * scale, kind) for scale, kind in zip(scales, kinds, strict=True)]
    return pa.table(columns, names=list("abc"))


KINDS = {
    "seconds": seconds,
    "floats": floats,
    "strings": strings,
    "giant": lambda size: pa.table({"text": texts(size // 204, 200)}),
    "mixed": mixed,
    "wide": lambda size: floats(size, 1_000),
    "nested": nested,
    "coded": coded,
}


def made(library: str, kind: str, size: int) -> tuple[Any, int]:
    """A table, and the bytes that it takes."""
    table = KINDS[kind](size)
    if library == "polars":
        import polars as pl

        frame = pl.from_arrow(table, rechunk=True)
        newest = pl.CompatLevel.newest()
        return frame, frame.to_arrow(compat_level=newest).nbytes  # type: ignore[union-attr]  # a frame
    if library == "pandas":
        import pandas as pd

        types = {kind: pd.ArrowDtype(kind) for kind in table.schema.types if kind.num_fields}
        pandas = table.to_pandas(types_mapper=types.get)
        return pandas, int(pandas.memory_usage(index=False, deep=True).sum())
    return table, table.nbytes


def file_pages() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssFile:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux tells the pages of files")


def arrows() -> tuple[int, int]:
    """What Arrow has of its allocators, and the most that it had."""
    pools = pa.default_memory_pool(), pa.system_memory_pool()
    if pools[0].backend_name == pools[1].backend_name:
        pools = pools[:1]
    return sum(pool.bytes_allocated() for pool in pools), sum(
        pool.max_memory() or 0 for pool in pools
    )


def main(folder: str, library: str, kind: str, serializer: str, what: str, size: int = 0) -> None:
    store = ArtifactStore(folder, policy="fast" if serializer == "arrow" else "balanced")
    if what == "save":
        store.put(made(library, kind, 1 << 20)[0], "small", serializer=serializer)
        value, size = made(library, kind, SIZE)
        gc.collect()
        with peak() as rise:
            store.put(value, "large", serializer=serializer)
        print(rise[0] / size, size)
        return
    store.get("small")  # libraries are imported
    before, pages = arrows()[0], file_pages()
    with peak() as rise:
        value = store.get("large")
        kept, most = arrows()
        pages = file_pages() - pages
    print(rise[0] / size, (most - kept - before) / size, pages / size)


if __name__ == "__main__":
    main(*sys.argv[1:6], *map(int, sys.argv[6:]))  # type: ignore[arg-type]  # five texts
