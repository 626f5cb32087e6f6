"""Tables that hypothesis makes up: every nesting of every type, in chunks and slices."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_core.serializers.tables import ArrowSerializer, ParquetSerializer
from aqueduct_core.testing import assert_identical
from tests.serializers.tables.doubles import MemorySink, MemorySource

LEAVES = {
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(width=64),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    pa.large_binary(): st.binary(max_size=20),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.datetimes(),
    pa.timestamp("s"): st.datetimes().map(lambda moment: moment.replace(microsecond=0)),
    pa.null(): st.none(),
}


def kinds() -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(list(LEAVES)),
        lambda inner: st.one_of(
            inner.map(pa.list_),
            inner.map(pa.large_list),
            inner.map(lambda kind: pa.list_(kind, 2)),
            st.lists(inner, min_size=1, max_size=3).map(
                lambda found: pa.struct([(f"f{i}", kind) for i, kind in enumerate(found)])
            ),
            inner.map(lambda kind: pa.map_(pa.string(), kind)),
        ),
        max_leaves=4,
    )


def values(kind: Any) -> st.SearchStrategy[Any]:
    if kind in LEAVES:
        return st.none() | LEAVES[kind]
    if pa.types.is_struct(kind):
        found = {field.name: values(field.type) for field in kind}
        return st.none() | st.fixed_dictionaries(found)
    if pa.types.is_map(kind):
        return st.none() | st.lists(
            st.tuples(st.text("ab", max_size=2), values(kind.item_type)), max_size=3
        )
    fixed = kind.list_size if pa.types.is_fixed_size_list(kind) else None
    inner = values(kind.value_type)
    return st.none() | st.lists(inner, min_size=fixed or 0, max_size=fixed or 3)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    types = draw(st.lists(kinds(), min_size=1, max_size=3))
    rows = draw(st.integers(0, 6))
    columns = {}
    for index, kind in enumerate(types):
        items = draw(st.lists(values(kind), min_size=rows, max_size=rows))
        cut = draw(st.integers(0, rows))
        chunks = [pa.array(items[:cut], kind), pa.array(items[cut:], kind)]
        columns[f"c{index}"] = pa.chunked_array(chunks, kind)
    start = draw(st.integers(0, rows))
    return pa.table(columns).slice(draw(st.sampled_from([0, start])))


@settings(max_examples=60)
@given(tables())
def test_both_containers_keep_it(table: pa.Table) -> None:
    for serializer in (ArrowSerializer(), ParquetSerializer()):
        if serializer.accepts(table):
            sink = MemorySink()
            loaded = serializer.load(MemorySource(sink, serializer.dump(table, sink)))
            loaded.validate(full=True)
            assert loaded.schema.equals(table.schema, check_metadata=True)
            assert_identical(loaded, table)
