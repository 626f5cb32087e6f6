"""SQLite: every value in and out as it is, or an error that names it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core.dag import Graph
from aqueduct_core.errors import (
    GraphError,
    IntegrationError,
    LossyTypeError,
    UnserializableError,
)
from aqueduct_core.integrations import SqlIntegration, open_integration
from aqueduct_core.testing import SQLIntegrationTests
from tests.integrations.tables import column, read, save

MOMENT = dt.datetime(2013, 1, 2, 3, 4, 5, 678901)


@pytest.fixture
def database(tmp_path: Path) -> SqlIntegration:
    return open_integration("warehouse", "sqlite", {"path": tmp_path / "w.db"})


def run(database: SqlIntegration, script: str) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.executescript(script)


EXACT = {
    "int": column(1, -(2**63), 2**63 - 1),
    "Int64": column(1, None, 2**63 - 1, dtype="Int64"),
    "float": column(1.5, None, float("inf"), -0.0, 5e-324),
    "bool": column(True, False),
    "boolean": column(True, None, dtype="boolean"),
    "text": column("a", None, "", "é\0𝄞", "007"),
    "bytes": column(b"\x00\xff", None, b"", dtype=object),
    "date": column(dt.date(2013, 1, 2), None, dt.date(1, 1, 1), dtype="date32[pyarrow]"),
    "time": column(dt.time(1, 2, 3, 4), None, dtype="time64[us][pyarrow]"),
    "timestamp": column(MOMENT, None, dt.datetime(1, 1, 1), dtype="datetime64[us]"),
    "zoned": column(MOMENT, None, dtype="datetime64[us, UTC]"),
    "nanoseconds": column(pd.Timestamp(1), None, dtype="datetime64[ns]"),
    "mixed": column(1, "1", b"1", 1.5, 2**60 + 1, None, dtype=object),
    "ints and floats that floats can't hold": column(2**60 + 1, 0.5, dtype=object),
    "no int": column(dtype="int64"),
    "no float": column(dtype="float64"),
    "no text": column(dtype="str"),
    "no bool": column(dtype="bool"),
    "no timestamp": column(dtype="datetime64[us]"),
    "no date": column(dtype="date32[pyarrow]"),
    "only missing ints": column(None, None, dtype="Int64"),
    "only missing floats": column(None, None, dtype="float64"),
    "only missing text": column(None, None, dtype="str"),
    "only missing bools": column(None, None, dtype="boolean"),
    "only missing anything": column(None, None, dtype=object),
    "one row": pd.DataFrame({'odd "name"; --': [1], "SELECT": ["x"], "ünï": [2.5]}),
}


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_what_is_saved_comes_back(database: SqlIntegration, frame: pd.DataFrame) -> None:
    saved = save(database, frame)
    assert saved == {"table": "t", "mode": "fail", "rows": len(frame)}
    assert_frame_equal(read(database, "SELECT * FROM t"), frame)


NEAREST = {
    "int8": (column(1, 2, dtype="int8"), column(1, 2)),
    "uint64": (column(2**63 - 1, dtype="uint64"), column(2**63 - 1)),
    "float32": (column(0.1, dtype="float32"), column(float(np.float32(0.1)))),
    "category": (column("a", None, "a", dtype="category"), column("a", None, "a")),
    "int category": (column(1, None, dtype="category"), column(1, None, dtype="Int64")),
    "zone": (
        column(MOMENT, dtype="datetime64[us, America/New_York]"),
        column(
            pd.Timestamp(MOMENT).tz_localize("America/New_York").tz_convert("UTC"),
            dtype="datetime64[us, UTC]",
        ),
    ),
    "seconds": (
        column("2013-01-02", dtype="datetime64[s]"),
        column("2013-01-02", dtype="datetime64[us]"),
    ),
    "objects of one type": (column(1, None, 2, dtype=object), column(1, None, 2, dtype="Int64")),
    "objects of NumPy": (column(np.int64(1), np.int32(2), dtype=object), column(1, 2)),
    "dates": (
        column(dt.date(2013, 1, 2), dtype=object),
        column(dt.date(2013, 1, 2), dtype="date32[pyarrow]"),
    ),
    "polars": (pl.DataFrame({"c": [1, None]}), column(1, None, dtype="Int64")),
    "lazy": (pl.LazyFrame({"c": ["x", None]}), column("x", None)),
    "arrow": (pa.table({"c": [1.5, None]}), column(1.5, None)),
    "series": (pd.Series([1, 2], name="c"), column(1, 2)),
    "filtered": (column(1, 2, 3)[1:], column(2, 3)),
    "named labels": (
        pd.DataFrame({"c": [1]}, index=pd.Index(["x"], name="key")),
        pd.DataFrame({"key": ["x"], "c": [1]}),
    ),
}


@pytest.mark.parametrize(("value", "back"), NEAREST.values(), ids=NEAREST.keys())
def test_the_nearest_type_of_the_database(
    database: SqlIntegration, value: Any, back: pd.DataFrame
) -> None:
    save(database, value)
    assert_frame_equal(read(database, "SELECT * FROM t"), back)


REFUSED = {
    "decimal": (column(Decimal("0.1"), dtype=object), UnserializableError, r"\['c'\]\.iloc\[0\]"),
    "list": (column([1], [2], dtype=object), UnserializableError, r"\['c'\]"),
    "mixed with bool": (column("a", True, dtype=object), UnserializableError, r"iloc\[1\]"),
    "zones mixed": (
        column(MOMENT, MOMENT.replace(tzinfo=dt.UTC), dtype=object),
        LossyTypeError,
        "with and without",
    ),
    "duration": (column(1, dtype="timedelta64[s]"), LossyTypeError, r"\['c'\].*no type for"),
    "complex": (column(1j), UnserializableError, r"\['c'\].*complex"),
    "period": (column("2013", dtype="period[D]"), UnserializableError, r"\['c'\]"),
    "too large": (column(2**63, dtype="uint64"), UnserializableError, r"\['c'\].*uint64"),
    "too large object": (column(2**63, None, dtype=object), UnserializableError, r"\['c'\]"),
    "year": (column(10**12, dtype="datetime64[s]"), LossyTypeError, "years 0000 to 9999"),
    "arrow list": (pa.table({"c": [[1]]}), LossyTypeError, "no type for list"),
    "numbers as names": (pd.DataFrame([[1]]), IntegrationError, "0 can't be the name"),
    "names that differ in case": (
        pd.DataFrame([[1, 2]], columns=["a", "A"]),
        IntegrationError,
        "'a' and 'A'",
    ),
    "no columns": (pd.DataFrame(index=[0]), IntegrationError, "without columns"),
    "no table": ({"a": [1]}, IntegrationError, "dict can't be saved"),
    "surrogate": (column("\ud800", dtype=object), UnserializableError, r"\['c'\]"),
}


@pytest.mark.parametrize(("value", "error", "match"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_is_refused(
    database: SqlIntegration, value: Any, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match) as caught:
        save(database, value)
    assert "Hint: " in str(caught.value)
    assert database.tables() == []


def test_types_do_not_depend_on_the_first_rows(database: SqlIntegration) -> None:
    run(database, "CREATE TABLE t (late, promoted, mixed)")
    with closing(sqlite3.connect(database.path)) as connection, connection:
        rows = [(None, 1, 1)] * 30_000 + [("x", 2.5, "1")]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    frame = read(database, "SELECT * FROM t")
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "float64", "object"]
    assert frame["mixed"].map(type).value_counts().to_dict() == {int: 30_000, str: 1}


def test_values_that_are_not_what_they_are_declared_stay_as_they_are(
    database: SqlIntegration,
) -> None:
    run(
        database,
        """CREATE TABLE t (d DATE, b BOOLEAN, s TIMESTAMP, n NUMERIC(10, 2), v VARCHAR(5));
        INSERT INTO t VALUES ('soon', 2, '2013-01-01', 1.0, 'a');
        INSERT INTO t VALUES ('2013-01-01', 0, 'never', 2.5, NULL)""",
    )
    frame = read(database, "SELECT * FROM t")
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "int64", "str", "float64", "str"]
    assert frame["d"].tolist() == ["soon", "2013-01-01"]


def test_a_result_may_repeat_a_name(database: SqlIntegration) -> None:
    frame = read(database, "SELECT 1 AS a, 'x' AS a")
    assert list(frame.columns) == ["a", "a"]
    assert frame.iloc[0].tolist() == [1, "x"]


@pytest.mark.parametrize(
    "value",
    [None, True, 1, -1.5, "Robert'); DROP TABLE t; --", b"\0", np.int64(3), np.float32(0.5)],
)
def test_parameters_are_bound(database: SqlIntegration, value: Any) -> None:
    frame = read(database, "SELECT :value AS v, ':value' AS text", value=value)
    found = frame["v"].iloc[0]
    assert pd.isna(found) if value is None else found == value
    assert frame["text"].iloc[0] == ":value"


def test_dates_are_bound(database: SqlIntegration) -> None:
    [[today, later]] = read(database, "SELECT {today}, {now} > {today}").values.tolist()
    assert dt.date.fromisoformat(today)
    assert later


def test_moments_compare_with_what_was_saved(database: SqlIntegration) -> None:
    save(database, pd.DataFrame({"at": pd.to_datetime([MOMENT]), "d": [MOMENT.date()]}))
    for query, value in (("at = :v", MOMENT), ("at = :v", pd.Timestamp(MOMENT))):
        assert len(read(database, f"SELECT * FROM t WHERE {query}", v=value)) == 1
    assert len(read(database, "SELECT * FROM t WHERE d = :v", v=MOMENT.date())) == 1
    with pytest.raises(IntegrationError, match=":v is list"):
        read(database, "SELECT :v", v=[1])


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM nope", r"no such table: nope[\s\S]*the tables are: t"),
        ("SELEC 1", "syntax error"),
        ("DELETE FROM t", "queries only read"),
        ("DROP TABLE t", "queries only read"),
        ("SELECT 1; DELETE FROM t", "syntax error"),
    ],
)
def test_queries_only_read(database: SqlIntegration, query: str, match: str) -> None:
    save(database, column(1))
    with pytest.raises(IntegrationError, match=match):
        read(database, query)
    assert len(read(database, "SELECT * FROM t")) == 1


def test_modes(database: SqlIntegration) -> None:
    save(database, column(1))
    with pytest.raises(IntegrationError, match=r"has a table 't' already[\s\S]*mode=\"replace\""):
        save(database, column(2))
    save(database, column(2), mode="append")
    save(database, column(3), table="T", mode="append")
    assert read(database, "SELECT * FROM t")["c"].tolist() == [1, 2, 3]
    save(database, column("x"), mode="replace")
    assert read(database, "SELECT * FROM t")["c"].tolist() == ["x"]
    run(database, "CREATE VIEW v AS SELECT * FROM t")
    save(database, column("y"), mode="replace")
    assert read(database, "SELECT * FROM v")["c"].tolist() == ["y"]
    with pytest.raises(IntegrationError, match="is a view"):
        save(database, column(1), table="v", mode="replace")


def upsert(database: SqlIntegration, frame: pd.DataFrame, *keys: str) -> None:
    with database.transaction() as transaction:
        transaction.save(frame, "t", "upsert", keys=keys)


def test_upsert_changes_rows_of_the_same_keys_and_adds_the_others(database: SqlIntegration) -> None:
    upsert(database, pd.DataFrame({"a": [1, 2], "b b": ["x", "y"], "v": [1.5, 2.5]}), "a", "b b")
    run(database, "ALTER TABLE t ADD COLUMN kept TEXT DEFAULT 'here'")
    upsert(database, pd.DataFrame({"v": [9.0, 3.5], "a": [2, 2], "b b": ["y", "z"]}), "a", "b b")
    rows = read(database, "SELECT * FROM t ORDER BY v")
    assert rows.values.tolist() == [
        [1, "x", 1.5, "here"],
        [2, "z", 3.5, "here"],
        [2, "y", 9.0, "here"],
    ]
    upsert(database, pd.DataFrame({"a": [1, 7], "b b": ["x", "x"]}), "a", "b b")  # keys alone
    assert len(read(database, "SELECT * FROM t")) == 4


def test_keys_must_tell_rows_apart(database: SqlIntegration) -> None:
    twice = pd.DataFrame({"a": [1, 1], "b": [None, "x"]})
    for keys, match in (("a", "same keys 'a'"), ("b", "no value"), ("c", "'c' is no column")):
        with pytest.raises(IntegrationError, match=match):
            upsert(database, twice, keys)
    assert database.tables() == []


def test_what_is_saved_once_is_not_saved_twice(database: SqlIntegration) -> None:
    def attempt(once: str) -> Any:
        with database.transaction() as transaction:
            return transaction.save(column(1, 2), "t", "append", once=once)

    first = attempt("r1 one")
    assert attempt("r1 one") == first == {"table": "t", "mode": "append", "rows": 2}
    assert len(read(database, "SELECT * FROM t")) == 2
    attempt("r1 two")
    assert len(read(database, "SELECT * FROM t")) == 4
    assert database.tables() == ["t"]


@pytest.mark.parametrize(
    ("declared", "frame", "match"),
    [
        ("c INTEGER", column("007"), "declared INTEGER"),
        ("c TEXT", column(1), "declared TEXT"),
        ("c REAL", column(1), "declared REAL"),
        ("c NUMERIC", column("1e3"), "declared NUMERIC"),
        ("a INTEGER", column(1), "no column 'c'"),
    ],
)
def test_appending_changes_nothing_silently(
    database: SqlIntegration, declared: str, frame: pd.DataFrame, match: str
) -> None:
    run(database, f"CREATE TABLE t ({declared})")
    with pytest.raises(IntegrationError, match=match):
        save(database, frame, mode="append")


def test_appending_fills_other_columns_with_their_defaults(database: SqlIntegration) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, C TEXT, at TEXT DEFAULT 'now')")
    save(database, column("x", "y"), mode="append")
    assert read(database, "SELECT * FROM t").values.tolist() == [[1, "x", "now"], [2, "y", "now"]]


def test_a_transaction_is_all_or_nothing_and_invisible_until_it_is_done(
    database: SqlIntegration,
) -> None:
    save(database, column(1))
    with pytest.raises(UnserializableError), database.transaction() as transaction:
        transaction.save(column(2), "t", "replace")
        transaction.save(column(2), "new", "fail")
        assert read(database, "SELECT * FROM t")["c"].tolist() == [1]
        transaction.save(column(1j), "bad", "fail")
    assert database.tables() == ["t"]
    assert read(database, "SELECT * FROM t")["c"].tolist() == [1]


def test_where_it_can_not_be(tmp_path: Path) -> None:
    with pytest.raises(IntegrationError, match=r"no folder"):
        open_integration("w", "sqlite", {"path": tmp_path / "no" / "w.db"}).test()
    (tmp_path / "text.db").write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(IntegrationError, match=r"not a database[\s\S]*check the path"):
        open_integration("w", "sqlite", {"path": tmp_path / "text.db"}).test()
    with pytest.raises(IntegrationError, match="in memory"):
        open_integration("w", "sqlite", {"path": ":memory:"})


def test_authoring_mistakes(database: SqlIntegration) -> None:
    table = database.table("t")
    with pytest.raises(GraphError, match="mode='overwrite' is not known"):
        database.save(table, table_name="t", mode="overwrite")
    with pytest.raises(GraphError, match="save takes an artifact, not DataFrame"):
        database.save(column(1), table_name="t")
    with pytest.raises(GraphError, match='mode="upsert" needs keys'):
        database.save(table, table_name="t", mode="upsert")
    with pytest.raises(GraphError, match="no use for keys"):
        database.save(table, table_name="t", mode="append", keys=["id"])
    with pytest.raises(GraphError, match="name of a table"):
        database.save(table, table_name="")
    with pytest.raises(GraphError, match="no value for :low"):
        database.sql("SELECT :low")


def test_a_table_is_dropped_and_a_view_is_not(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute('CREATE TABLE "a ""b" (id)')
        database.execute("CREATE VIEW v AS SELECT 1 AS one")
    warehouse = open_integration("w", "sqlite", {"path": path})
    assert isinstance(warehouse, SqlIntegration)
    warehouse.drop('a "b')
    warehouse.drop("nothing of this name")
    assert warehouse.tables() == ["v"]
    with pytest.raises(IntegrationError, match="could not drop table 'v'"):
        warehouse.drop("v")


def test_one_artifact_can_be_saved_to_the_same_table_of_two_databases(tmp_path: Path) -> None:
    first: Any = open_integration("first", "sqlite", {"path": tmp_path / "a.db"})
    second: Any = open_integration("second", "sqlite", {"path": tmp_path / "b.db"})
    rows = first.sql("SELECT 1 AS one")
    for target in (first, second, second):
        target.save(rows, table_name="t")
    kinds = [operator.kind for operator in Graph.of([rows]).operators]
    assert kinds == ["query", "save", "save"]


class TestKit(SQLIntegrationTests):
    decimals = False

    @pytest.fixture
    def database(self, tmp_path: Path) -> Any:
        return open_integration("warehouse", "sqlite", {"path": tmp_path / "w.db"})


@pytest.mark.parametrize("name", ["q", "query", "rows", "c0"])
def test_a_table_may_have_any_name(database: SqlIntegration, name: str) -> None:
    save(database, column(1, 2), name)
    assert read(database, f'SELECT * FROM "{name}"')["c"].tolist() == [1, 2]


def test_parameters_have_names(database: SqlIntegration) -> None:
    wrong: Any = [7]
    for ask in (database.query, lambda *given: database.sql(given[0], parameters=given[1])):
        with pytest.raises(GraphError, match=r"have no names[\s\S]*:id"):
            ask("SELECT ?", wrong)
