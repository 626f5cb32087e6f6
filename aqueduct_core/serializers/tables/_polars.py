"""polars frames: Arrow data already, apart from a few dtypes that Arrow has no name for.

Columns of these (128-bit integers, arrays of width zero, at any depth) are written by polars' own
Parquet writer into a part of their own; columns of Python objects are stored as lists of objects.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from aqueduct_core.errors import (
    ColumnNotFoundError,
    ConversionError,
    CorruptArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.tables import _retype
from aqueduct_core.serializers.tables._check import is_flat, require_shallow
from aqueduct_core.serializers.tables._polars_arrow import (
    NEWEST,
    OLDEST,
    as_arrow,
    frame_of,
    inner,
    only,
    own_frame_of,
)
from aqueduct_core.serializers.tables._polars_codes import seen_as_dictionaries
from aqueduct_core.serializers.tables._views import compacted_table

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON, Sink, Source

__all__ = [
    "accepts",
    "arrow_of",
    "decode",
    "decode_columns",
    "encode",
    "from_arrow",
    "kind_of",
    "select",
]

_OWN = "polars"  # the part in polars' own format
_KINDS = {pl.DataFrame: "frame", pl.LazyFrame: "lazy", pl.Series: "series"}
_NESTED = (pl.Struct, pl.Map, pl.List, pl.Array)
_NAMED = {
    *(pl.Null, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Duration),
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    *(pl.Float16, pl.Float32, pl.Float64, pl.Decimal, pl.Categorical, pl.Enum),
}


def kind_of(obj: Any) -> str:
    """`frame`, `lazy`, `series`, or nothing known."""
    return _KINDS.get(type(obj), "")


def accepts(obj: Any, durable: bool) -> bool:
    """Whether the object comes back exactly."""
    if type(obj) not in _KINDS:
        return False
    try:
        schema = _schema(obj)
    except PolarsError:  # a lazy frame that can't be collected: `encode` says so
        return not durable
    try:
        _require_shallow(schema)
    except UnserializableError:  # `encode` says so
        return not durable
    ways = {name: _way(dtype) for name, dtype in schema.items()}
    if "" in ways.values():
        return False
    natural = {name: dtype for name, dtype in schema.items() if ways[name] == "arrow"}
    if durable and len(natural) < max(1, len(schema)):
        return False
    simple = not any(
        dtype.is_nested() or isinstance(dtype, (pl.Categorical, pl.Enum, pl.BaseExtension))
        for dtype in natural.values()
    )
    if simple:
        return True
    empty = pl.DataFrame(schema=natural)
    table = as_arrow(empty)
    if durable and not _retype.holds_schema(table.schema):
        return False
    return bool(frame_of(table).schema == empty.schema)


def encode(obj: Any, sink: Sink, durable: bool) -> tuple[pa.Table, dict[str, JSON]]:
    """The table to store, and what makes it the object again."""
    frame = _collected(obj)
    _require_shallow(frame.schema)
    ways = {name: _way(dtype) for name, dtype in frame.schema.items()}
    natural = [name for name, way in ways.items() if way == "arrow"]
    meta: dict[str, JSON] = {"kind": kind_of(obj)}
    if known := _sortedness(frame):
        meta["sorted"] = known
    if len(natural) == len(ways):
        return _table(frame, durable), meta
    own = [name for name, way in ways.items() if way == _OWN]
    if own:
        _write_own(only(frame, own), sink)
    objects = {
        name: sink.nest(frame.get_column(name).to_list(), f"[{name!r}]")
        for name, way in ways.items()
        if way == "objects"
    }
    meta |= {"columns": list(ways), "own": own, "objects": objects, "height": frame.height}
    return _table(only(frame, natural), durable), meta


def decode(
    table: pa.Table, meta: Mapping[str, Any], source: Source, base: memoryview | None
) -> Any:
    """The object that `encode` was given."""
    return decode_columns(table, meta, source, base, meta.get("columns", table.schema.names))


def select(meta: Mapping[str, Any], columns: Sequence[Any]) -> list[str]:
    """The stored columns that these columns need."""
    if meta["kind"] == "series":
        raise ColumnNotFoundError("a polars Series has no columns to select")
    for column in columns:
        if not isinstance(column, str) or column not in meta.get("columns", (column,)):
            there = ", ".join(map(repr, meta.get("columns", ())))
            raise ColumnNotFoundError(
                f"no column {column!r}" + (f"; there are {there}" if there else "")
            )
    if len(set(columns)) != len(columns):
        raise ConversionError(
            "a polars frame can't have one column twice", hint="name each column once"
        )
    apart = {*meta.get("own", ()), *meta.get("objects", ())}
    return [column for column in columns if column not in apart]


def decode_columns(
    table: pa.Table,
    meta: Mapping[str, Any],
    source: Source,
    base: memoryview | None,
    columns: Sequence[Any],
) -> Any:
    """The object with only these columns."""
    try:
        if not source.vouched:
            _check_text(table, known=base is not None)
        frame = own_frame_of(table, base)
        if "columns" in meta:
            frame = _assembled(frame, meta, source, columns)
        elif frame.columns != list(columns):
            frame = only(frame, columns)
        frame = _marked(frame, meta.get("sorted", {}))
        kind = meta["kind"]
        if kind == "series":
            return frame.to_series()
        return frame.lazy() if kind == "lazy" else frame
    except (PolarsError, PanicException, pa.ArrowException) as error:
        raise CorruptArtifactError(f"polars can't read what is stored: {error}") from error


def arrow_of(obj: Any) -> pa.Table:
    """The object as a table, with text as any Arrow reader knows it."""
    frame = _collected(obj)
    try:
        return frame.to_arrow(compat_level=OLDEST)
    except (pa.ArrowException, PolarsError, PanicException) as error:
        raise ConversionError(
            f"this polars frame has a column that Arrow has no type for: {error}",
            hint="cast 128-bit integers to Decimal(38, 0), and objects to String",
        ) from error


def from_arrow(table: pa.Table, target: type) -> Any:
    """A table as one of polars' classes."""
    if target not in _KINDS:
        raise ConversionError(
            f"a table can't become a polars.{target.__name__}",
            hint="as_= takes polars.DataFrame, LazyFrame and Series",
        )
    _check_text(table, known=False)
    try:
        frame = frame_of(table)
    except (PolarsError, PanicException, ValueError) as error:
        raise ConversionError(
            f"polars can't hold this table: {error}", hint="load it as pyarrow.Table"
        ) from error
    if target is pl.Series:
        if frame.width != 1:
            raise ConversionError(
                f"a table of {frame.width} columns is not one series",
                hint="choose a column with columns=[...]",
            )
        return frame.to_series()
    return frame.lazy() if target is pl.LazyFrame else frame


def _way(dtype: Any) -> str:
    """How a column of a dtype is stored: `arrow`, `polars`, `objects`; empty if it can't be."""
    if type(dtype) in _NAMED:
        return "arrow"
    if isinstance(dtype, pl.Object):
        return "objects"
    if isinstance(dtype, (pl.Int128, pl.UInt128)):
        return _OWN
    if not isinstance(dtype, _NESTED):
        # An extension type, or one of a later polars: what Arrow makes of it is seen in a dry run.
        return "arrow" if isinstance(dtype, pl.BaseExtension) else ""
    ways = {_way(kind) for kind in inner(dtype)}
    if "" in ways or "objects" in ways:
        return ""
    empty = isinstance(dtype, pl.Array) and dtype.size == 0
    return _OWN if empty or _OWN in ways else "arrow"


def _require_shallow(schema: Mapping[str, Any]) -> None:
    for name, dtype in schema.items():
        require_shallow(name, dtype, inner)


def _schema(obj: Any) -> Mapping[str, Any]:
    if isinstance(obj, pl.Series):
        return {obj.name: obj.dtype}
    found: Mapping[str, Any] = obj.collect_schema()
    return found


def _collected(obj: Any) -> pl.DataFrame:
    if isinstance(obj, pl.Series):
        return obj.to_frame()
    if isinstance(obj, pl.DataFrame):
        return obj
    try:
        return obj.collect()
    except PolarsError as error:
        raise UnserializableError(
            f"the LazyFrame can't be collected: {error}", hint="collect it yourself to see where"
        ) from error


def _table(frame: pl.DataFrame, durable: bool) -> pa.Table:
    """The frame as Arrow, uncopied where polars can: text as views."""
    table = as_arrow(frame)
    return table if durable else compacted_table(table)


def _sortedness(frame: pl.DataFrame) -> dict[str, JSON]:
    """Which columns polars knows to be sorted, and how: `group_by` and `join` go by it."""
    found: dict[str, JSON] = {}
    for series in frame.get_columns():
        flags = series.flags
        if flags.get("SORTED_ASC") or flags.get("SORTED_DESC"):
            found[series.name] = "descending" if flags.get("SORTED_DESC") else "ascending"
    return found


def _marked(frame: pl.DataFrame, known: Mapping[str, Any]) -> pl.DataFrame:
    for name, order in known.items():
        if name in frame.columns:
            series = frame.get_column(name)
            flag = "SORTED_DESC" if order == "descending" else "SORTED_ASC"
            if not series.flags.get(flag):
                marked = series.set_sorted(descending=order == "descending")
                frame = frame.replace_column(frame.get_column_index(name), marked)
    return frame


def _write_own(frame: pl.DataFrame, sink: Sink) -> None:
    written = io.BytesIO()
    frame.write_parquet(written, compression="zstd", compression_level=1)
    # polars doesn't promise to keep every dtype, and there is no other reader to tell.
    found = pl.read_parquet(io.BytesIO(written.getvalue()))
    if found.schema != frame.schema or not found.equals(frame):
        raise UnserializableError(
            f"polars' own format changes columns of {', '.join(map(str, frame.dtypes))}",
            hint="cast them to dtypes that Arrow has",
        )
    sink.write(written.getvalue(), part=_OWN)


def _assembled(
    frame: pl.DataFrame, meta: Mapping[str, Any], source: Source, columns: Sequence[Any]
) -> pl.DataFrame:
    """The columns in their order, from the three places where they are kept."""
    found = {series.name: series for series in frame.get_columns()}
    own = [name for name in columns if name in meta["own"]]
    if own:
        kept = pl.read_parquet(io.BytesIO(source.view(_OWN)), columns=own)
        found |= {series.name: series for series in kept.get_columns()}
    for name in columns:
        if name in meta["objects"]:
            values = source.nested(meta["objects"][name])
            found[name] = pl.Series(name, values, dtype=pl.Object, strict=True)
    if any(len(found[name]) != meta["height"] for name in columns):
        raise CorruptArtifactError("the columns have different lengths")
    whole = pl.DataFrame([found[name] for name in columns], height=meta["height"])
    if whole.columns != list(columns):  # a name made up for the empty one
        whole.columns = list(columns)
    return whole


def _check_text(table: pa.Table, *, known: bool) -> None:
    """Raise `pa.ArrowInvalid` for text that isn't UTF-8, which polars takes for granted.

    Args:
        table: What polars will be given.
        known: Whether reading has already checked columns of views, which is thorough by nature.
    """
    for index, kind in enumerate(table.schema.types):
        if not is_flat(kind) and not (known and kind == pa.string_view()):
            table.column(index).validate(full=True)


def shown(obj: Any, most: int) -> tuple[pa.Table, dict[str, str], tuple[int, int], int]:
    """The first columns as far as Arrow can show them, their dtypes, the shape and the size of all.

    The rows of a lazy frame are -1: it isn't run for that.
    """
    if isinstance(obj, pl.LazyFrame):
        try:
            schema = obj.collect_schema()
        except PolarsError:
            schema = pl.Schema()
        types = {name: str(dtype) for name, dtype in list(schema.items())[:most]}
        return pa.table({}), types, (-1, len(schema)), 0
    frame = _collected(obj)
    first = frame if frame.width <= most else frame[:, :most]
    natural = [name for name, dtype in first.schema.items() if _way(dtype) == "arrow"]
    types = {name: str(dtype) for name, dtype in first.schema.items()}
    coded = {
        name: column
        for name in natural
        if type(first.schema[name]) is pl.Categorical
        and (column := seen_as_dictionaries(first.get_column(name))) is not None
    }
    others = only(first, [name for name in natural if name not in coded])
    table = others.to_arrow(compat_level=NEWEST)
    both = dict(zip(table.schema.names, table.columns, strict=True)) | coded
    table = pa.table({name: both[name] for name in natural})
    return table, types, frame.shape, int(frame.estimated_size())
