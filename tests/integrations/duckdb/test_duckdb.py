"""DuckDB: every type in and out as it is, one writer at a time."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core.errors import IntegrationError, LossyTypeError, UnserializableError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.testing import SQLIntegrationTests
from tests.integrations.tables import KEPT, LISTS, MOMENT, column, read, save


class TestDuckdb(SQLIntegrationTests):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Any:
        return open_integration("warehouse", "duckdb", {"path": tmp_path / "w.duckdb"})


@pytest.fixture
def database(tmp_path: Path) -> Any:
    return open_integration("warehouse", "duckdb", {"path": tmp_path / "w.duckdb"})


def run(database: Any, *statements: str) -> None:
    with duckdb.connect(database.path) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


EXACT = {
    **KEPT,
    **LISTS,
    "int8": column(-128, 127, dtype="int8"),
    "uint64": column(0, 2**64 - 1, dtype="uint64"),
    "infinity": column(float("inf")),
    "zero in a text": column("é\0"),
    "large decimal": column(Decimal(10**38 - 1), dtype=pd.ArrowDtype(pa.decimal128(38, 0))),
}


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_what_is_saved_comes_back(database: Any, frame: pd.DataFrame) -> None:
    assert save(database, frame) == {"table": "t", "mode": "fail", "rows": len(frame)}
    assert_frame_equal(read(database, "SELECT * FROM t"), frame)


READ = {
    "HUGEINT": ("1", Decimal(1), pd.ArrowDtype(pa.decimal128(38, 0))),
    "DECIMAL(10, 2)": ("1.5", Decimal("1.50"), pd.ArrowDtype(pa.decimal128(10, 2))),
    "UUID": ("00000000-0000-0000-0000-00000000000a", None, "str"),
    "JSON": ('{"a": [1, null]}', None, "str"),
    "ENUM ('sad', 'ok')": ("ok", None, "str"),
    "INTERVAL": ("1 day", None, "str"),
    "BIT": ("101", None, "str"),
    "BIGNUM": ("1" * 50, None, "str"),
    "TIMETZ": ("01:02:03+02", None, "str"),
    "TIMESTAMP_S": ("2020-01-01", pd.Timestamp("2020-01-01"), "datetime64[s]"),
    "TIMESTAMP_NS": ("2020-01-01", pd.Timestamp("2020-01-01"), "datetime64[ns]"),
    "STRUCT(a INT)": ("{'a': 1}", '{"a":1}', "str"),
    "MAP(VARCHAR, INT)": ("{a=1}", '{"a":1}', "str"),
    "UNION(n INT, s VARCHAR)": ("x", '{"s":"x"}', "str"),
    "INT[][]": ("[[1], [2, NULL]]", "[[1],[2,null]]", "str"),
}


@pytest.mark.parametrize(("kind", "known"), READ.items(), ids=READ.keys())
def test_each_type_of_the_database_has_one_here(database: Any, kind: str, known: Any) -> None:
    written, value, dtype = known
    run(database, f"CREATE TABLE t (c {kind})", f"INSERT INTO t VALUES ($v${written}$v$)")
    found = read(database, "SELECT * FROM t")["c"]
    assert (found.dtype, found.iloc[0]) == (dtype, written if value is None else value)


def test_arrays_are_lists(database: Any) -> None:
    found = read(database, "SELECT [1, NULL]::INT[2] AS c")["c"]
    assert found.dtype == pd.ArrowDtype(pa.list_(pa.int32()))
    assert list(found.iloc[0]) == [1, None]


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("DATE 'infinity'", "infinity is no date"),
        ("TIMESTAMP '-infinity'", "infinity is no timestamp"),
        ("TIMESTAMPTZ 'infinity'", "infinity is no timestamp"),
        ("TIME '24:00:00'", "24:00:00"),
        ("[NULL, DATE '-infinity']", "infinity is no date"),
        ("[TIMESTAMP 'infinity']", "infinity is no timestamp"),
        ("[TIME '24:00:00']", "24:00:00"),
        (f"{2**128 - 1}::UHUGEINT", "more than 38 digits"),
        (f"[{2**127 - 1}::HUGEINT]", "more than 38 digits"),
        ("170141183460469231731687303715884105727::HUGEINT", "more than 38 digits"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_its_column(
    database: Any, query: str, match: str
) -> None:
    with pytest.raises(IntegrationError, match=rf"column 'c'.*{match}[\s\S]*SELECT c::VARCHAR"):
        read(database, f"SELECT 1 AS a, {query} AS c")


NEAREST = {
    "category": (column("a", None, "a", dtype="category"), column("a", None, "a")),
    "seconds": (
        column("2013-01-02", dtype="datetime64[s]"),
        column("2013-01-02", dtype="datetime64[us]"),
    ),
    "objects of NumPy": (column(np.int64(1), np.int32(2), dtype=object), column(1, 2)),
    "polars": (pl.DataFrame({"c": [1, None]}), column(1, None, dtype="Int64")),
    "arrow": (pa.table({"c": [1.5, None]}), column(1.5, None)),
    "named labels": (
        pd.DataFrame({"c": [1]}, index=pd.Index(["x"], name="key")),
        pd.DataFrame({"key": ["x"], "c": [1]}),
    ),
}


@pytest.mark.parametrize(("value", "back"), NEAREST.values(), ids=NEAREST.keys())
def test_the_nearest_type_of_the_database(database: Any, value: Any, back: pd.DataFrame) -> None:
    save(database, value)
    assert_frame_equal(read(database, "SELECT * FROM t"), back)


REFUSED = {
    "duration": (column(1, dtype="timedelta64[s]"), LossyTypeError),
    "complex": (column(1j), UnserializableError),
    "mixed": (column("a", 1, dtype=object), UnserializableError),
    "surrogate": (column("\ud800", dtype=object), UnserializableError),
    "struct": (pa.table({"c": [{"a": 1}]}), LossyTypeError),
}


@pytest.mark.parametrize(("value", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_is_refused(database: Any, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"\['c'\]"):
        save(database, value)
    assert database.tables() == []


FITS = {
    "DOUBLE": (column(1, dtype="int32"), column(1)),
    "FLOAT": (column(1, dtype="int16"), column(0.1)),
    "TINYINT": (column(1), column(1.0)),
    "DECIMAL(10, 2)": (column(Decimal("1.5")), column(Decimal("1.555"))),
    "VARCHAR": (column("x"), column(1)),
    "JSON": (column("{}"), column(b"{}")),
    "TIMESTAMP_S": (column(dt.datetime(2020, 1, 1)), column(MOMENT)),
    "TIMESTAMP_S[]": (
        column([dt.datetime(2020, 1, 1)], dtype=object),
        column([MOMENT], dtype=object),
    ),
    "TIMESTAMP_MS": (column(MOMENT.replace(microsecond=5000)), column(MOMENT)),
    "TIMESTAMPTZ": (column(MOMENT.replace(tzinfo=dt.UTC)), column(MOMENT)),
    "INT[]": (pa.table({"c": [[1]]}), pa.table({"c": [["x"]]})),
    "BLOB": (column(b"x"), column("x")),
}


@pytest.mark.parametrize(("kind", "values"), FITS.items(), ids=FITS.keys())
def test_a_column_takes_what_it_does_not_change(database: Any, kind: str, values: Any) -> None:
    run(database, f"CREATE TABLE t (c {kind})")
    save(database, values[0], mode="append")
    with pytest.raises(IntegrationError, match="column 'c' of table 't' is"):
        save(database, values[1], mode="append")
    assert len(read(database, "SELECT * FROM t")) == 1


def test_a_value_that_is_too_large_takes_the_save_back(database: Any) -> None:
    run(database, "CREATE TABLE t (c TINYINT)")
    with pytest.raises(IntegrationError, match="out of range"):
        save(database, column(1, 1000), mode="append")
    assert len(read(database, "SELECT * FROM t")) == 0


def test_what_has_failed_is_told_even_if_nothing_can_be_taken_back(database: Any) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as transaction:
        transaction._connection.rollback()  # as DuckDB does itself after a fatal error
        raise ZeroDivisionError


def test_replacing_by_the_same_columns_keeps_the_keys(database: Any) -> None:
    save(database, pd.DataFrame({"k": [1], "v": ["x"]}), mode="upsert", keys=["k"])
    save(database, pd.DataFrame({"k": [1, 2], "v": ["y", "z"]}), mode="replace")
    assert read(database, "SELECT v FROM t ORDER BY k")["v"].tolist() == ["y", "z"]
    with pytest.raises(IntegrationError, match=r"[Dd]uplicate key"):
        save(database, pd.DataFrame({"k": [1], "v": ["w"]}), mode="append")


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM nope", r"nope does not exist[\s\S]*tables\(\) lists"),
        ("SELEC 1", "syntax error"),
        ("DELETE FROM t", "not one query"),
        ("INSERT INTO t VALUES (2) RETURNING c", "not one query"),
        ("SELECT 1; DELETE FROM t", "not one query"),
        ("COPY t TO 'stolen.csv'", "not one query"),
        ("SELECT nextval('s')", "read-only"),
        ("SELECT * FROM secret_frame", "does not exist"),
        ("SELECT error('no')", "no"),
    ],
)
def test_queries_only_read(database: Any, query: str, match: str) -> None:
    secret_frame = column("a variable of Python is no table")
    run(database, "CREATE TABLE t AS SELECT 1 AS c", "CREATE SEQUENCE s")
    with pytest.raises(IntegrationError, match=match):
        read(database, query)
    assert read(database, "SELECT * FROM t")["c"].tolist() == [1]
    assert len(secret_frame) == 1


def test_results_may_repeat_names_and_keep_their_order(database: Any) -> None:
    query = "SELECT n AS a, [[n]] AS a FROM range(1000) AS r(n) ORDER BY n DESC -- end"
    frame = read(database, query)
    assert list(frame.columns) == ["a", "a"]
    assert frame.iloc[:, 0].tolist() == list(range(999, -1, -1))


def test_dates_are_bound(database: Any) -> None:
    assert read(database, "SELECT {today} = :day AS c", day=dt.datetime.now(dt.UTC).date())["c"][0]
    with pytest.raises(IntegrationError, match=":v is dict"):
        read(database, "SELECT :v", v={})


def test_tables_of_other_schemas_have_the_schema_before_their_name(database: Any) -> None:
    run(database, "CREATE SCHEMA s")
    save(database, column(1), "s.t")
    save(database, column(2), "s.t", "append")
    assert database.tables() == []
    assert database.table("s.t").get()["c"].tolist() == [1, 2]
    assert database.describe("s.t").rows == 2


def test_files_beside_the_database_can_be_queried(database: Any, tmp_path: Path) -> None:
    column(1, 2).to_parquet(tmp_path / "x.parquet")
    found = read(database, f"SELECT sum(c)::INT AS c FROM '{tmp_path}/x.parquet'")
    assert found["c"].tolist() == [3]
    assert not database.path.exists()


HOLDER = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as connection:
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(database: Any) -> Any:
    save(database, column(1))
    command = [sys.executable, "-c", HOLDER, str(database.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_another_program_is_waited_for(database: Any, holder: Any) -> None:
    threading.Timer(0.2, holder.stdin.close).start()
    save(database, column(2), mode="append")
    assert read(database, "SELECT * FROM t")["c"].tolist() == [1, 2]


def test_another_program_that_stays_is_told(
    database: Any, holder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.integrations.duckdb._integration._PATIENCE", 0.1)
    for attempt in (lambda: save(database, column(2)), lambda: read(database, "SELECT 1")):
        with pytest.raises(IntegrationError, match=rf"in use[\s\S]*{holder.pid}[\s\S]*Hint: "):
            attempt()


def test_saves_of_one_process_wait_for_each_other(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = [
        threading.Thread(target=save, args=(database, column(number), "t", "append"))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(database, "SELECT * FROM t")["c"]) == list(range(8))
    monkeypatch.setattr("aqueduct_core.integrations.duckdb._integration._PATIENCE", 0.1)
    with database.transaction(), pytest.raises(IntegrationError, match="another save"):
        save(database, column(1))


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_text("something else" * 1000)
    wrong: Any = open_integration("w", "duckdb", {"path": tmp_path / "x.duckdb"})
    with pytest.raises(IntegrationError, match="something else; check the path"):
        wrong.test()
    wrong = open_integration("w", "duckdb", {"path": tmp_path / "nowhere" / "x.duckdb"})
    with pytest.raises(IntegrationError, match="there is no folder"):
        wrong.test()
    with pytest.raises(IntegrationError, match="gone with its connection"):
        open_integration("w", "duckdb", {"path": ":memory:"})


def test_a_large_result_does_not_keep_the_file_in_memory(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.integrations.duckdb._integration._KEPT", 1 << 20)
    run(database, "CREATE TABLE t AS SELECT hash(n) AS c FROM range(2_000_000) AS r(n)")
    with database.result(Statement.of("SELECT * FROM t"), {}) as found:
        rows = sum(len(array) for [array] in found.chunks)
        with database._reading() as beside:
            query = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"
            [[kept]] = beside.execute(query).fetchall()
            [[limit]] = beside.execute("SELECT current_setting('memory_limit')").fetchall()
    assert rows == 2_000_000
    assert kept < 4 << 20
    with duckdb.connect() as other:
        assert [[limit]] == [
            list(row) for row in other.execute("SELECT current_setting('memory_limit')").fetchall()
        ]
    frame = read(database, "SELECT * FROM t ORDER BY c")  # which has to be in memory
    assert frame["c"].is_monotonic_increasing
