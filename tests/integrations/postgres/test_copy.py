"""Rows as PostgreSQL's binary COPY takes them: any values, in any pieces, as they are."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aqueduct_core.errors import LossyTypeError
from aqueduct_core.integrations.postgres import _copy, _saves

KINDS = {
    "yes": (pa.bool_(), st.booleans()),
    "small": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "int": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "big": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "real": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "text": (
        pa.string(),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    ),
    "bytes": (pa.binary(), st.binary()),
    "day": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "at": (pa.timestamp("us"), st.datetimes()),
    "zoned": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    "id": (pa.uuid(), st.uuids()),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in KINDS.items()}),
    max_size=8,
)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {}
    for name, (kind, _) in KINDS.items():
        values = [row[name] for row in rows]
        if kind == pa.uuid():
            stored = pa.array([value and value.bytes for value in values], pa.binary(16))
            columns[name] = pa.ExtensionArray.from_storage(kind, stored)
        else:
            columns[name] = pa.array(values, kind)
    return pa.table(columns)


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
@given(rows=ROWS, piece=st.sampled_from([1, 300, 1 << 20]))
def test_any_values_arrive(postgres: Any, rows: list[dict[str, Any]], piece: int) -> None:
    data = pa.concat_tables([table_of(rows), table_of(rows)])
    data = data.append_column("n", pa.array(range(len(data)), pa.int64()))
    kept = _copy._PIECE
    _copy._PIECE = piece
    try:
        with postgres.transaction() as transaction:
            transaction.save(data, "t", "replace")
    finally:
        _copy._PIECE = kept
    back = postgres.query("SELECT * FROM t ORDER BY n")
    assert len(back) == len(rows) * 2
    for name, (kind, _) in KINDS.items():
        for found, row in zip(back[name].tolist(), [*rows, *rows], strict=True):
            value = str(row[name]) if kind == pa.uuid() and row[name] else row[name]
            assert pd.isna(found) if value is None else found == value


def test_types_that_have_no_bytes_here_are_sent_as_text(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("binary")

    monkeypatch.setattr(_saves, "encoded", refuse)
    frame = pd.DataFrame({"d": pd.Series(["1.5"], dtype=pd.ArrowDtype(pa.decimal128(4, 2)))})
    with postgres.transaction() as transaction:
        transaction.save(frame, "t", "fail")
        with pytest.raises(AssertionError, match="binary"):
            transaction.save(pd.DataFrame({"d": [1]}), "u", "fail")


@pytest.mark.parametrize(
    ("kind", "value", "match"),
    [
        (pa.date32(), -2_500_000, "before 4713 BC"),
        (pa.timestamp("us"), -(2**63), "before 4713 BC"),
        (pa.timestamp("us", "UTC"), -(2**63), "before 4713 BC"),
    ],
)
def test_moments_that_the_database_does_not_know_are_refused(
    postgres: Any, kind: pa.DataType, value: int, match: str
) -> None:
    number = pa.int32() if kind == pa.date32() else pa.int64()
    data = pa.table({"c": pa.array([value, None], number).cast(kind)})
    with (
        pytest.raises(LossyTypeError, match=rf"'c'.*{match}"),
        postgres.transaction() as transaction,
    ):
        transaction.save(data, "t", "fail")
    assert postgres.tables() == []


def test_uuids_in_slices_arrive(postgres: Any) -> None:
    ids = [uuid.UUID(int=number) for number in range(5)]
    data = table_of([dict.fromkeys(KINDS) | {"id": value} for value in ids])[2:]
    with postgres.transaction() as transaction:
        transaction.save(data, "t", "fail")
    assert postgres.query("SELECT id FROM t")["id"].tolist() == [str(value) for value in ids[2:]]
