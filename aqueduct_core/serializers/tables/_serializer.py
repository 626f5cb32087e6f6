"""The two table serializers: an adapter for the library, a container for the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    LossyTypeError,
    UnserializableError,
)
from aqueduct_core.serializers import STREAMS, TABLES
from aqueduct_core.serializers.tables import _describe, _ipc, _parquet, _retype
from aqueduct_core.serializers.tables._libraries import adapter_of, is_known, named_adapter
from aqueduct_core.serializers.tables._stream import FrameStream

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON, Budget, Sink, Source

__all__ = ["ArrowSerializer", "ParquetSerializer"]

_STREAMED = 32 << 20  # bytes of a row group of what is larger than memory


class _TableSerializer:
    """What both have in common; `_durable` tells adapters which container it is for."""

    version = 1
    types: tuple[type | str, ...] = TABLES
    artifact = "table"
    family = "table"
    _durable: bool

    def plain(self, meta: Mapping[str, Any], /) -> bool:
        """Whether no cell can name a class: only tagged JSON in columns of objects could."""
        return not any(map(_holds_json, map(meta.get, ("runs", "values", "index"))))

    def accepts(self, obj: Any, /) -> bool:
        """Whether this container keeps the object exactly."""
        if not is_known(type(obj)):
            return False
        return bool(adapter_of(type(obj))[1].accepts(obj, self._durable))

    def classify(self, obj: Any, /) -> str:
        """`table` for what has columns, `series` for single ones."""
        tabular = {"DataFrame", "LazyFrame", "Table", "RecordBatch", "Schema"}
        return "table" if tabular & {cls.__name__ for cls in type(obj).__mro__} else "series"

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the object's table; the metadata say what it was before."""
        library, adapter = adapter_of(type(obj))
        table, meta = adapter.encode(obj, sink, self._durable)
        return {"library": library, **meta, **self._write(table, sink)}

    def load(self, source: Source, /) -> Any:
        """The object, over the mapped bytes where that is possible."""
        adapter = named_adapter(source.meta.get("library"))
        try:
            return self._load(source, adapter)
        except (KeyError, AttributeError) as error:
            if isinstance(error, AqueductError):
                raise
            raise CorruptArtifactError(f"the metadata don't fit the table: {error!r}") from error

    def _load(self, source: Source, adapter: Any) -> Any:
        table, base = self._read(source, None)
        return adapter.decode(table, source.meta, source, base)

    def load_columns(self, source: Source, columns: Sequence[Any], /) -> Any:
        """The object with only these columns; others aren't read."""
        adapter = named_adapter(source.meta.get("library"))
        names = adapter.select(source.meta, columns)
        table, base = self._read(source, names)
        return adapter.decode_columns(table, source.meta, source, base, columns)

    def dump_batches(self, batches: Iterable[Any], sink: Sink, /) -> Mapping[str, JSON]:
        """Write record batches, tables or frames of one schema, of which one is held at a time.

        What comes back from `load` is a `pyarrow.Table`.
        """
        tables = map(_table_of, batches)
        schema = getattr(batches, "schema", None)
        if not isinstance(schema, pa.Schema):
            first = next(tables, None)
            if first is None:
                raise UnserializableError(
                    "there are no batches, so nothing tells the columns",
                    hint="give a pyarrow.RecordBatchReader, which has a schema, or one empty batch",
                )
            schema, tables = first.schema, chain([first], tables)  # type: ignore[assignment]  # also an iterator
        meta = self._write_stream(schema, _alike(tables, schema), sink)
        return {"library": "pyarrow", "kind": "table", **meta}

    def iter_batches(self, source: Source, /, *, rows: int = 65_536) -> Iterator[Any]:
        """Arrow record batches of at most `rows` rows, read as they are asked for."""
        adapter = named_adapter(source.meta.get("library"))
        if _is_as_stored(source.meta, adapter):
            for batch in self._batches(source, rows):
                for start in range(0, max(batch.num_rows, 1), rows):
                    yield batch.slice(start, rows)
            return
        yield from adapter.arrow_of(self.load(source)).to_batches(max_chunksize=rows)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Schema, statistics and the first rows."""
        return _describe.describe(obj, budget)

    def _write(self, table: pa.Table, sink: Sink) -> dict[str, JSON]:
        raise NotImplementedError

    def _write_stream(
        self, schema: pa.Schema, tables: Iterable[pa.Table], sink: Sink
    ) -> dict[str, JSON]:
        raise NotImplementedError

    def _read(
        self, source: Source, names: Sequence[str] | None
    ) -> tuple[pa.Table, memoryview | None]:
        raise NotImplementedError

    def _batches(self, source: Source, rows: int) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError


class ArrowSerializer(_TableSerializer):
    """Arrow IPC: written as it lies in memory, mapped back."""

    name = "arrow"
    suffix = ".arrow"
    _durable = False

    def _load(self, source: Source, adapter: Any) -> Any:
        if source.meta.get("kind") == "frame" and "runs" in source.meta:  # of pandas
            frame = adapter.decode_mapped(source.meta, source)
            if frame is not None:
                return frame
        return super()._load(source, adapter)

    def _write(self, table: pa.Table, sink: Sink) -> dict[str, JSON]:
        return _ipc.write(table, sink)

    def _write_stream(
        self, schema: pa.Schema, tables: Iterable[pa.Table], sink: Sink
    ) -> dict[str, JSON]:
        return _ipc.dump_batches(schema, tables, sink)

    def _read(
        self, source: Source, names: Sequence[str] | None
    ) -> tuple[pa.Table, memoryview | None]:
        return _ipc.read(source, names)

    def _batches(self, source: Source, rows: int) -> Iterator[pa.RecordBatch]:
        return _ipc.batches(source)


class ParquetSerializer(_TableSerializer):
    """Parquet: compressed, column by column readable, known to every other tool."""

    name = "parquet"
    types = (*TABLES, *STREAMS)
    suffix = ".parquet"
    compressed = True
    _durable = True

    def accepts(self, obj: Any, /) -> bool:
        return isinstance(obj, FrameStream) or super().accepts(obj)

    def classify(self, obj: Any, /) -> str:
        return "table" if isinstance(obj, FrameStream) else super().classify(obj)

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        if not isinstance(obj, FrameStream):
            return super().dump(obj, sink)
        tables = obj.stored(sink)
        first = next(tables)
        kept = map(_require, chain([first], tables))
        written = _parquet.dump_batches(first.schema, kept, sink, group=_STREAMED)
        return {"library": "pandas", **obj.meta(), **written}

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        return (
            obj.describe(budget) if isinstance(obj, FrameStream) else super().describe(obj, budget)
        )

    def _write(self, table: pa.Table, sink: Sink) -> dict[str, JSON]:
        _require(table)
        return _parquet.write(table, sink)

    def _write_stream(
        self, schema: pa.Schema, tables: Iterable[pa.Table], sink: Sink
    ) -> dict[str, JSON]:
        return _parquet.dump_batches(schema, map(_require, tables), sink)

    def _read(
        self, source: Source, names: Sequence[str] | None
    ) -> tuple[pa.Table, memoryview | None]:
        return _parquet.read(source, names), None

    def _batches(self, source: Source, rows: int) -> Iterator[pa.RecordBatch]:
        return _parquet.batches(source, rows)


def _holds_json(spec: Any) -> bool:
    """Whether the specs of pandas columns tell of cells that are JSON texts."""
    if isinstance(spec, dict):
        return spec.get("cells") == "json" or any(map(_holds_json, spec.values()))
    return isinstance(spec, list) and any(map(_holds_json, spec))


def _require(table: pa.Table) -> pa.Table:
    if _retype.holds(table):
        return table
    raise LossyTypeError(
        "Parquet would change this table: " + _retype.why_not(table),
        hint='store it with serializer="arrow", which keeps all of Arrow\'s types',
    )


def _table_of(batch: Any) -> pa.Table:
    if isinstance(batch, pa.Table):
        return batch
    return adapter_of(type(batch))[1].arrow_of(batch)


def _alike(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    for index, table in enumerate(tables):
        if not table.schema.equals(schema):
            raise UnserializableError(
                f"batch {index} has another schema than the first one: {table.schema.to_string()}",
                path=f"[{index}]",
                hint="cast all batches to one schema",
            )
        yield table


def _is_as_stored(meta: Mapping[str, Any], adapter: Any) -> bool:
    """Whether the stored columns are the object's own, so that batches needn't be rebuilt."""
    if meta.get("library") == "pandas":
        streams = getattr(adapter, "is_as_stored", None)
        return bool(streams and streams(meta))
    return "columns" not in meta
