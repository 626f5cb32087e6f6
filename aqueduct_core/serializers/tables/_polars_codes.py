"""Categories of polars as Arrow's dictionaries and back, with their codes left where they lie.

In polars, columns of one kind of categories share one list of texts in all of the process, and codes are
places in that list. Polars itself makes new codes for a dictionary, and out of those of one, which takes as
much memory again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from aqueduct_core.serializers.tables._ipc import writable

__all__ = ["categories", "dictionaries", "seen_as_dictionaries"]

_ROWS = 1 << 18  # that are looked at at once


def dictionaries(column: pl.Series) -> pa.ChunkedArray | None:
    """A `Categorical` as polars would give it, uncopied; None if its codes have to be other ones.

    A dictionary has the texts that the column uses, in the order in which they appear: equal columns
    are the same bytes, whatever else their processes have seen.
    """
    codes = column.to_physical()
    used = _used(codes)
    if not np.array_equal(used, np.arange(len(used))):
        return None
    return _over(column, codes, len(used))


def seen_as_dictionaries(column: pl.Series) -> pa.ChunkedArray | None:
    """A `Categorical` uncopied, with texts that others use as well; None if they are too many."""
    codes = column.to_physical()
    count = _count(codes)
    return _over(column, codes, count) if count <= max(len(codes), 1) else None


def _over(column: pl.Series, codes: pl.Series, count: int) -> pa.ChunkedArray:
    """Dictionaries of the first texts of the list, with the column's own codes."""
    places = pl.Series(np.arange(count), dtype=codes.dtype)
    texts = places.cat.to(column.dtype).cast(pl.String).to_arrow().cast(pa.large_string())
    chunks = [pa.DictionaryArray.from_arrays(part.to_arrow(), texts) for part in codes.get_chunks()]
    return pa.chunked_array(chunks)


def _count(codes: pl.Series) -> int:
    highest: Any = codes.max()
    return 0 if highest is None else int(highest) + 1


def _used(codes: pl.Series) -> np.ndarray[Any, Any]:
    """The codes that there are, in the order in which they appear."""
    seen = np.zeros(_count(codes), np.bool_)
    found = [codes.clear().to_numpy()]
    for start in range(0, len(codes), _ROWS):
        some = codes.slice(start, _ROWS).drop_nulls().to_numpy()
        new = pl.Series(some[~seen[some]]).unique(maintain_order=True).to_numpy()
        seen[new] = True
        found.append(new)
    return np.concatenate(found)


def categories(column: pa.ChunkedArray, dtype: Any, base: memoryview | None) -> pl.Series:
    """A column of dictionaries, without nulls in them, as polars has it.

    The column must be nobody else's: its indices are changed.

    Args:
        column: The column.
        dtype: The `Categorical` or `Enum` that it is to be.
        base: The writable memory that it lies in, if it is mapped.
    """
    kind = pl.Series([], dtype=dtype).to_physical().to_arrow().type
    # Polars forgets texts that no column has: these are held until the codes are a column.
    entries = [
        pl.Series(chunk.dictionary.to_pylist(), dtype=pl.String).cast(dtype)
        for chunk in column.chunks
    ]
    codes = [
        _renumbered(chunk.indices.cast(kind), texts.to_physical().to_numpy(), base)
        for chunk, texts in zip(column.chunks, entries, strict=True)
    ]
    numbers = pl.from_arrow(pa.chunked_array(codes, kind), rechunk=False)
    assert isinstance(numbers, pl.Series)
    found = numbers.cat.to(dtype)
    del entries
    return found


def _renumbered(codes: pa.Array, places: np.ndarray[Any, Any], base: memoryview | None) -> pa.Array:
    """Codes of a dictionary as those of the list in which its entries are at these places."""
    if np.array_equal(places, np.arange(len(places))):
        return codes
    valid, buffer = codes.buffers()
    memory = _writable(buffer, base)
    numbers = np.frombuffer(memory, places.dtype, len(codes), codes.offset * places.itemsize)
    for start in range(0, len(numbers), _ROWS):
        part = numbers[start : start + _ROWS]
        part[:] = places.take(part, mode="clip")  # where there is a null there may be any number
    buffers = [valid, pa.py_buffer(memory)]
    return pa.Array.from_buffers(codes.type, len(codes), buffers, codes.null_count, codes.offset)


def _writable(buffer: pa.Buffer, base: memoryview | None) -> memoryview:
    if buffer.is_mutable:
        return memoryview(buffer)
    return memoryview(bytearray(buffer)) if base is None else writable(buffer, base)
