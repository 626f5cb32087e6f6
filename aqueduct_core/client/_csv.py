"""Tables as CSV for people and other programs: what Arrow's writer doesn't know becomes text.

Text is what pandas would write: `2026-01` for a period, `1 days 00:00:03` for a duration, `(0, 1]` for
an interval. Bytes are in hexadecimal digits, and nested values in JSON, which others can read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from aqueduct_core.errors import UnsupportedError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_csv"]

_UNNAMED = re.compile(r"__index_level_\d+__")  # what Arrow calls an index that has no name


def write_csv(store: ArtifactStore, ref: ArtifactRef | str, file: BinaryIO) -> None:
    """Write a table or series as CSV.

    An index that says more than where a row stands comes first.

    Args:
        store: Where it is.
        ref: The artifact, or its key.
        file: Where the text goes, in UTF-8.

    Raises:
        ConversionError: It has a column that Arrow has no type for.
        UnsupportedError: It has values that CSV can't hold.
    """
    import pyarrow as pa
    from pyarrow import csv

    table = store.get(ref, as_=pa.Table)
    try:
        csv.write_csv(_as_cells(table), file)
    except pa.ArrowException as error:
        raise UnsupportedError(
            f"it has values that csv can't hold: {error}",
            hint="download it as it is stored, or load it in Python",
        ) from error


def _as_cells(table: pa.Table) -> pa.Table:
    """The same with columns that the writer knows, the index before them."""
    import pyarrow as pa

    index = _index_names(table)
    places = [place for place, name in enumerate(table.column_names) if name in index]
    places += [place for place, name in enumerate(table.column_names) if name not in index]
    names = ["" if _UNNAMED.fullmatch(name) else name for name in table.column_names]
    cells = [_cells(table.column(place)) for place in places]
    if len(cells) == 1 and cells[0].null_count:
        # An empty line is no row for whoever reads it; an empty text is.
        cells = [cells[0].cast(pa.large_string()).fill_null("")]
    return pa.table(cells, names=[names[place] for place in places])


def _index_names(table: pa.Table) -> Sequence[str]:
    known = table.schema.pandas_metadata or {}
    found = known.get("index_columns", ()) if isinstance(known, Mapping) else ()
    return [name for name in found if isinstance(name, str)]


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """A column as cells of CSV."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _cells(column.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        # Those of pandas say what they mean when they are pandas again.
        return _texts(column, str) if _is_of_pandas(kind) else _of_storage(column)
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if _is_binary(kind):
        return _texts(column, bytes.hex)
    if pa.types.is_duration(kind):
        return _texts(column.cast(pa.duration("ns"), safe=False), str)
    if pa.types.is_run_end_encoded(kind):
        return _cells(pc.run_end_decode(column))
    if pa.types.is_nested(kind):
        return _texts(column, _as_json)
    if pa.types.is_interval(kind):
        return _texts(column, str)
    return column


def _of_storage(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    import pyarrow as pa

    if getattr(column.type, "extension_name", "") == "arrow.uuid":
        return _texts(column, str)
    chunks = [chunk.storage for chunk in column.chunks]
    return _cells(pa.chunked_array(chunks, column.type.storage_type))


def _texts(column: pa.ChunkedArray, told: Any) -> pa.Array:
    """Each value in words, and nothing where there is none."""
    import pyarrow as pa

    values = column.to_pandas() if _is_of_pandas(column.type) else column.to_pylist()
    missing = column.is_null().to_pylist()
    return pa.array(
        [None if gone else told(value) for value, gone in zip(values, missing, strict=True)],
        pa.large_string(),
    )


def _is_of_pandas(kind: Any) -> bool:
    return str(getattr(kind, "extension_name", "")).startswith("pandas.")


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    tests = (
        *(pa.types.is_binary, pa.types.is_large_binary),
        *(pa.types.is_fixed_size_binary, pa.types.is_binary_view),
    )
    return any(test(kind) for test in tests)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_as_text)


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
