"""The two ways to read SQLite: the quick one tells what the exact one tells, or is not used."""

from __future__ import annotations

import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import SqlIntegration, _results, open_integration
from aqueduct_core.integrations._results import Result
from aqueduct_core.integrations._rows import columns_of_rows, row_chunks
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.integrations.sqlite import _integration
from aqueduct_core.integrations.sqlite._driver import DoubtfulError
from aqueduct_core.serializers.tables import FrameStream
from tests.integrations.sqlite.test_sqlite import database, run
from tests.integrations.tables import read, save

__all__ = ["database"]  # the fixture

cells = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)


@given(st.lists(cells, max_size=30))
def test_any_values_come_back_as_the_driver_gives_them(values: list[Any]) -> None:
    parts = [
        [(value,) for value in values[start : start + 7]] for start in range(0, len(values), 7)
    ]
    columns = columns_of_rows(["c"], None)
    back = _results.read(nullcontext(Result("w", columns, row_chunks(1, parts))))["c"]
    assert len(back) == len(values)
    for found, value in zip(back.tolist(), values, strict=True):
        assert pd.isna(found) if value is None else found == value
    if len(set(map(type, values)) - {type(None), int, float}) > 0:
        kept = {type(item) for item in back if not pd.isna(item)}
        assert kept == set(map(type, values)) - {type(None)}


MIXED = {
    "a text among integers": "SELECT 1 AS c UNION ALL SELECT 'x'",
    "integers among texts": "SELECT '1' AS c UNION ALL SELECT 1",
    "blobs among texts": "SELECT 'x' AS c UNION ALL SELECT x'78'",
    "texts among blobs": "SELECT x'78' AS c UNION ALL SELECT 'x'",
    "integers among blobs": "SELECT x'78' AS c UNION ALL SELECT 1",
    "large integers among floats": "SELECT 0.5 AS c UNION ALL SELECT 9007199254740993",
    "integers among floats": "SELECT 0.5 AS c UNION ALL SELECT 3",
    "only nulls": "SELECT NULL AS c",
    "nulls, then text": "SELECT NULL AS c UNION ALL SELECT 'x'",
    "names that repeat": "SELECT 1 AS c, 'x' AS c",
    "names of expressions": "SELECT 1 + 1, count(*), (SELECT 2), max(3) -- end",
    "order": "SELECT value AS c FROM (VALUES (3), (1), (2)) AS t(value) ORDER BY value DESC",
    "with": "WITH t(a) AS (VALUES (1), (2)) SELECT a, a * 1.5 AS b FROM t LIMIT 1",
    "no rows": "SELECT 1 AS c WHERE 0",
    "a large float": "SELECT 1e300 AS c UNION ALL SELECT 9e999",
}


@pytest.mark.parametrize("query", MIXED.values(), ids=MIXED.keys())
def test_both_ways_tell_the_same(
    database: SqlIntegration, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(database, "CREATE TABLE t (value)")
    query = query.replace("(VALUES (3), (1), (2)) AS t(value)", "t")
    save(database, pd.DataFrame({"value": [3, 1, 2]}), mode="append")
    quick = read(database, query)
    monkeypatch.setattr(_integration.Connection, "quick", _doubt)
    assert_frame_equal(quick, read(database, query))


def _doubt(*_: Any) -> Any:
    raise DoubtfulError("not this time")


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_any_values_of_a_table_come_back(rows: list[tuple[Any, Any]]) -> None:
    with TemporaryDirectory() as folder:
        database: Any = open_integration("w", "sqlite", {"path": Path(folder) / "w.db"})
        with closing(sqlite3.connect(database.path)) as connection, connection:
            connection.execute("CREATE TABLE t (a, b BLOB)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        frame = database.query("SELECT a, b FROM t")
    for name, values in zip("ab", zip(*rows, strict=True), strict=True):
        for found, value in zip(frame[name].tolist(), values, strict=True):
            assert pd.isna(found) if value is None else found == value


def test_a_large_result_is_stored_as_it_comes(
    database: SqlIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "STREAMED", 1000)
    monkeypatch.setattr("aqueduct_core.integrations.sqlite._driver._BATCH", 500)
    frame = pd.DataFrame(
        {
            "n": range(3000),
            "s": [None if n % 2 else f"t{n}" for n in range(3000)],
            "at": pd.date_range("2013-01-01", periods=3000, freq="h", unit="us"),
            "nothing": pd.Series([None] * 2999 + ["x"], dtype="str"),
        }
    )
    save(database, frame)
    store = ArtifactStore("memory://")
    found: Any = database.extract(Statement.of("SELECT * FROM t WHERE n >= :n"), {"n": 0})
    assert isinstance(found, FrameStream)
    assert_frame_equal(store.get(store.put(found, "rows")), frame)
    found = database.extract(
        Statement.of("SELECT CASE WHEN n < 2900 THEN n ELSE 'x' END AS c FROM t"), {}
    )
    with pytest.raises(IntegrationError, match="CAST"):
        store.put(found, "mixed")


def test_a_file_that_somebody_writes_to_is_waited_for_and_then_told(
    database: SqlIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_integration, "_PATIENCE", 0.1)
    frame = pd.DataFrame({"c": [1]})
    save(database, frame)
    with database.transaction() as other:
        other.save(frame + 1, "t", "append")
        with pytest.raises(IntegrationError, match=r"locked[\s\S]*another program writes"):
            save(database, frame + 2, mode="append")
        assert read(database, "SELECT * FROM t")["c"].tolist() == [1]
    save(database, frame + 2, mode="append")
    assert read(database, "SELECT * FROM t")["c"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("names", [["TRUE", "b"], ["true", "FALSE", "column1"], ["column1"]])
def test_columns_keep_names_that_are_values_elsewhere(
    database: SqlIntegration, names: list[str]
) -> None:
    frame = pd.DataFrame({name: [number, None] for number, name in enumerate(names)}, dtype="Int64")
    save(database, frame)
    save(database, frame[:1], mode="upsert", keys=names[:1])
    assert_frame_equal(read(database, "SELECT * FROM t"), frame)
    assert database.preview("t").columns.tolist() == names
    assert read(database, "SELECT *, * FROM t").columns.tolist() == [*names, *names]


def test_a_table_that_was_dropped_between_runs(database: SqlIntegration) -> None:
    save(database, pd.DataFrame({"c": [1]}))
    database.drop("t")
    with pytest.raises(IntegrationError, match=r"no such table: t[\s\S]*the database is empty"):
        read(database, "SELECT * FROM t")
    save(database, pd.DataFrame({"c": [2]}), mode="append")
    assert read(database, "SELECT * FROM t")["c"].tolist() == [2]


def test_a_table_of_too_many_columns_is_refused(database: SqlIntegration) -> None:
    with pytest.raises(IntegrationError, match="too many"):
        save(database, pd.DataFrame([[1] * 3000], columns=[f"c{n}" for n in range(3000)]))
    assert database.tables() == []


def test_a_constraint_that_fails_takes_everything_back(database: SqlIntegration) -> None:
    run(database, "CREATE TABLE t (c INTEGER UNIQUE); INSERT INTO t VALUES (5)")
    with pytest.raises(IntegrationError, match=r"could not save table 't': UNIQUE constraint"):
        save(database, pd.DataFrame({"c": [1, 2, 5]}), mode="append")
    assert read(database, "SELECT * FROM t")["c"].tolist() == [5]


OTHERS = {
    "an integer": "5",
    "a float": "0.5",
    "infinity": "9e999",
    "a blob": "x'61'",
    "no bytes": "x''",
    "the last of characters": "char(1114111, 1114111)",
    "beyond all characters": "replace('xxxxxxxxx', 'x', char(1114111))",
    "an empty text": "''",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("declared", ["TEXT", "TEXT COLLATE NOCASE", "TIMESTAMP", "DATE"])
def test_what_is_no_text_in_a_column_of_texts_stays_what_it_is(
    database: SqlIntegration, declared: str, other: str
) -> None:
    run(
        database,
        f"CREATE TABLE t (n INTEGER, c {declared}); CREATE TABLE u (c);"
        f"INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, {other}); INSERT INTO u VALUES ({other})",
    )
    for query in (
        "SELECT n, c FROM t",
        "SELECT c FROM t ORDER BY n DESC",
        "SELECT c FROM t UNION ALL SELECT c FROM u",
        "SELECT DISTINCT c FROM t",
        "SELECT c, count(*) FROM t GROUP BY c",
    ):
        with closing(sqlite3.connect(database.path)) as connection:
            rows = connection.execute(query).fetchall()
        place = 1 if "n, c" in query else 0
        for found, row in zip(read(database, query).iloc[:, place].tolist(), rows, strict=True):
            known = row[place]
            assert pd.isna(found) if known is None else (type(found), found) == (type(known), known)


def test_what_is_no_text_is_told_by_its_column_when_it_comes_late(
    database: SqlIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "STREAMED", 1000)
    monkeypatch.setattr("aqueduct_core.integrations.sqlite._driver._BATCH", 500)
    run(
        database,
        "CREATE TABLE t (a TEXT, b TEXT); WITH RECURSIVE n(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000) "
        "INSERT INTO t SELECT 'a', CASE WHEN n < 1500 THEN 'b' ELSE x'62' END FROM n",
    )
    found: Any = database.extract(Statement.of("SELECT * FROM t"), {})
    with pytest.raises(IntegrationError, match="column 'b' has values of several types"):
        ArtifactStore("memory://").put(found, "rows")
    assert set(read(database, "SELECT * FROM t")["b"].map(type)) == {str, bytes}


RANDOM = "CASE WHEN random() > 0 THEN 1 ELSE 'x' END"


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT {RANDOM} AS c, {RANDOM} AS d FROM n",
        "SELECT * FROM v",
        "SELECT c, d FROM v ORDER BY n LIMIT 400",
    ],
)
def test_what_is_random_is_computed_once(database: SqlIntegration, query: str) -> None:
    run(
        database,
        "CREATE TABLE n AS WITH RECURSIVE n(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500) SELECT n FROM n;"
        f"CREATE VIEW v AS SELECT {RANDOM} AS c, CAST({RANDOM} AS TEXT) AS d, n FROM n",
    )
    kinds = read(database, query)["c"].map(lambda value: (type(value), value))
    assert set(kinds) == {(int, 1), (str, "x")}


LATER = {
    "another text": "'soon'",
    "a zone": "'2013-01-01 00:00:00+00:00'",
    "more digits": "'2013-01-01 00:00:00.123456789'",
    "a number": "5",
    "NULL": "NULL",
}


@pytest.mark.parametrize("later", LATER.values(), ids=LATER.keys())
def test_a_moment_that_comes_late_is_read_as_if_it_had_come_first(
    database: SqlIntegration, later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.integrations.sqlite._driver._BATCH", 4)
    run(
        database,
        "CREATE TABLE t (at TIMESTAMP, paid BOOLEAN); WITH RECURSIVE n(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20) "
        "INSERT INTO t SELECT '2013-01-01 00:00:' || (n + 20), n % 2 FROM n;"
        f"INSERT INTO t VALUES ({later}, {later})",
    )
    quick = read(database, "SELECT * FROM t")
    monkeypatch.setattr(_integration.Connection, "quick", _doubt)
    assert_frame_equal(quick, read(database, "SELECT * FROM t"))
