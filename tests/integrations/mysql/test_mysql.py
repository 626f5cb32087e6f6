"""MySQL and MariaDB: every type in and out as it is, tables that change as a whole."""

from __future__ import annotations

import datetime as dt
import inspect
import re
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pymysql
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations import mysql, open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.integrations.mysql import _integration
from aqueduct_core.testing import SQLIntegrationTests
from tests.integrations.tables import KEPT, MOMENT, column, left_behind, read, run, save


class TestMariadb(SQLIntegrationTests):
    maximum_columns = 1_000

    @pytest.fixture
    def database(self, mariadb: Any) -> Any:
        return mariadb


EXACT = {
    **KEPT,
    "zero in a text": column("é\0"),
    "small decimal": column(
        Decimal("1E-20"), Decimal(0), dtype=pd.ArrowDtype(pa.decimal128(38, 20))
    ),
}


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_what_is_saved_comes_back(mariadb: Any, frame: pd.DataFrame) -> None:
    assert save(mariadb, frame) == {"table": "t", "mode": "fail", "rows": len(frame)}
    assert_frame_equal(read(mariadb, "SELECT * FROM t"), frame)
    save(mariadb, frame, mode="append")
    assert len(read(mariadb, "SELECT * FROM t")) == 2 * len(frame)


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_a_server_that_takes_no_files_gets_rows_one_by_one(
    mariadb: Any, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**mariadb.connect_settings, "client_flag": 0}
    monkeypatch.setattr(type(mariadb), "connect_settings", settings)
    save(mariadb, frame)
    assert_frame_equal(read(mariadb, "SELECT * FROM t"), frame)


UUID_TEXT = "00000000-0000-0000-0000-00000000000a"
READ = {
    "TINYINT": ("7", 7, "int8"),
    "TINYINT(1)": ("7", 7, "int8"),
    "TINYINT UNSIGNED": ("255", 255, "uint8"),
    "SMALLINT UNSIGNED": ("65535", 65535, "uint16"),
    "MEDIUMINT": ("-8388608", -8388608, "int32"),
    "INT UNSIGNED": ("4294967295", 2**32 - 1, "uint32"),
    "BIGINT UNSIGNED": ("18446744073709551615", 2**64 - 1, "uint64"),
    "YEAR": ("2013", 2013, "int16"),
    "FLOAT": ("0.1", np.float32(0.1), "float32"),
    "DECIMAL(10,2)": ("1.5", Decimal("1.50"), pd.ArrowDtype(pa.decimal128(10, 2))),
    "DECIMAL(38,10)": ("1.5", Decimal("1.5"), pd.ArrowDtype(pa.decimal128(38, 10))),
    "DECIMAL(65,2)": ("1.5", Decimal("1.5"), pd.ArrowDtype(pa.decimal128(38, 2))),
    "DECIMAL(5,0) UNSIGNED": ("7", Decimal(7), pd.ArrowDtype(pa.decimal128(5, 0))),
    "BIT(1)": ("\1", True, "bool"),
    "BIT(3)": ("\5", "101", "str"),
    "CHAR(3)": ("a", "a", "str"),
    "VARCHAR(9) CHARACTER SET latin1": ("é", "é", "str"),
    "MEDIUMTEXT": ("x", "x", "str"),
    "ENUM('sad', 'ok')": ("ok", "ok", "str"),
    "SET('a', 'b')": ("a,b", "a,b", "str"),
    "JSON": ('{"a": [1, null]}', '{"a": [1, null]}', "str"),
    "UUID": (UUID_TEXT, UUID_TEXT, "str"),
    "INET6": ("::1", "::1", "str"),
    "VARBINARY(9)": ("ab", b"ab", "object"),
    "TINYBLOB": ("ab", b"ab", "object"),
    "DATE": ("2000-02-29", dt.date(2000, 2, 29), pd.ArrowDtype(pa.date32())),
    "TIME(3)": ("23:59:59.5", dt.time(23, 59, 59, 500000), pd.ArrowDtype(pa.time64("us"))),
    "DATETIME": ("2013-01-02 03:04:05", pd.Timestamp("2013-01-02 03:04:05"), "datetime64[us]"),
    "TIMESTAMP NULL": (
        "2013-01-02",
        pd.Timestamp("2013-01-02", tz="UTC"),
        "datetime64[us, UTC]",
    ),
}


@pytest.mark.parametrize(("kind", "known"), READ.items(), ids=READ.keys())
def test_each_type_of_the_database_has_one_here(mariadb: Any, kind: str, known: Any) -> None:
    written, value, dtype = known
    run(mariadb, f"CREATE TABLE t (c {kind})", f"INSERT INTO t VALUES ('{written}')")
    found = read(mariadb, "SELECT * FROM t")["c"]
    assert (found.dtype, found.iloc[0]) == (dtype, value)
    run(mariadb, "INSERT INTO t VALUES (NULL), (NULL)")
    assert read(mariadb, "SELECT * FROM t")["c"].isna().tolist() == [False, True, True]


def test_a_shape_is_bytes(mariadb: Any) -> None:
    [[found]] = read(mariadb, "SELECT ST_GeomFromText('POINT(1 2)') AS c").values.tolist()
    assert isinstance(found, bytes)


@pytest.mark.parametrize(
    ("kind", "value", "match"),
    [
        ("DATE", "0000-00-00", "no day, month or year"),
        ("DATETIME", "2013-00-01", "no day, month or year"),
        ("TIMESTAMP NULL", "0000-00-00", "no day, month or year"),
        ("TIME", "-01:00:00", "before or beyond"),
        ("TIME", "24:00:00", "before or beyond"),
        ("DECIMAL(65,2)", "9" * 50, "more than 38 digits"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_its_column(
    mariadb: Any, kind: str, value: str, match: str
) -> None:
    run(mariadb, "SET sql_mode = ''", f"CREATE TABLE t (c {kind})")
    run(mariadb, "SET sql_mode = ''", f"INSERT INTO t VALUES ('{value}')")
    with pytest.raises(IntegrationError, match=rf"column 'c'.*{match}[\s\S]*SELECT"):
        read(mariadb, "SELECT 1 AS a, c FROM t")


def test_results_may_repeat_names_and_keep_their_order(mariadb: Any) -> None:
    query = "SELECT seq AS a, NULL AS a, seq > 5 AS b FROM seq_1_to_1000 ORDER BY 1 DESC -- end"
    frame = read(mariadb, query)
    assert list(frame.columns) == ["a", "a", "b"]
    assert frame.iloc[:, 0].tolist() == list(range(1000, 0, -1))
    assert frame.iloc[:, 1].isna().all()


def test_many_rows_with_gaps_come_as_they_are(mariadb: Any) -> None:
    rng = np.random.default_rng(0)
    size = 60_000
    texts = ["é" * length for length in rng.integers(0, 300, size)]
    frame = pd.DataFrame({"n": range(size), "s": texts, "x": rng.random(size)})
    frame.loc[::7, "s"] = None
    frame.loc[::5, "x"] = None
    frame["w"] = frame["n"].astype("Int64").mask(frame["n"] % 3 == 0)
    save(mariadb, frame)
    assert_frame_equal(read(mariadb, "SELECT * FROM t ORDER BY n"), frame)
    stream = mariadb.extract(Statement.of("SELECT * FROM t ORDER BY n"), {})
    assert len(stream) == size


def test_rows_larger_than_a_packet_are_whole(mariadb: Any) -> None:
    frame = read(mariadb, "SELECT 1 AS a, repeat('ab', 5000000) AS b UNION ALL SELECT 2, 'x'")
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].str.len().tolist() == [10_000_000, 1]
    wide = ", ".join(["repeat('ab', 5000000)"] * 2)
    [[one, two]] = read(mariadb, f"SELECT {wide}").values.tolist()
    assert one == two == "ab" * 5_000_000
    [[one, two], [three, _]] = read(mariadb, f"SELECT {wide} UNION ALL SELECT 1, 2").values
    assert (len(one), len(two), three) == (10_000_000, 10_000_000, "1")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        2**64,
        -1.5,
        "Robert'); DROP TABLE t; --\\",
        "é" * 70_000,
        b"\0'\\",
        Decimal("1.10"),
        np.int64(3),
        dt.date(2020, 1, 2),
        MOMENT,
    ],
)
def test_parameters_are_bound(mariadb: Any, value: Any) -> None:
    frame = read(mariadb, "SELECT :value AS v, ':value % ?' AS text, 7 % 4 AS rest", value=value)
    found = frame["v"].iloc[0]
    assert pd.isna(found) if value is None else found == value
    assert frame.iloc[0, 1:].tolist() == [":value % ?", 3]


def test_other_values_are_bound_by_what_they_mean(mariadb: Any) -> None:
    key, zone = uuid.UUID(int=10), dt.timezone(dt.timedelta(hours=2))
    save(mariadb, pd.DataFrame({"t": pd.Series([MOMENT], dtype="datetime64[us, UTC]")}))
    moment = MOMENT.replace(tzinfo=dt.UTC).astimezone(zone)
    query = "SELECT {today} = utc_date() AS a, :k AS k, :h = '01:02:03' AS h FROM t WHERE t = :t"
    [row] = read(mariadb, query, k=key, h=dt.time(1, 2, 3), t=moment).values.tolist()
    assert row == [1, str(key), 1]
    for value, match in (({}, ":v is dict"), (float("nan"), "doesn't have")):
        with pytest.raises(IntegrationError, match=match):
            read(mariadb, "SELECT :v", v=value)


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM nope", r"doesn't exist[\s\S]*tables\(\) lists"),
        ("SELEC 1", "syntax"),
        ("DELETE FROM t", "READ ONLY"),
        ("DROP TABLE t", "returns no rows"),
        ("INSERT INTO t VALUES (2) RETURNING c", "READ ONLY"),
        ("SELECT 1; DELETE FROM t", "syntax"),
        ("SELECT c FROM t WHERE c = 'it\\'s :v'", "finds 0 parameters"),
        ("SELECT ? FROM t", "finds 1 parameters"),
        ("SELECT 1 # :v", "finds 0 parameters"),
        ("SELECT (SELECT 1 UNION SELECT 2)", "more than 1 row"),
    ],
)
def test_queries_only_read(mariadb: Any, query: str, match: str) -> None:
    save(mariadb, column(1))
    with pytest.raises(IntegrationError, match=match):
        read(mariadb, query, **({"v": "' OR 1=1 --"} if ":v" in query else {}))
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1]


def test_an_error_in_the_middle_of_a_result_is_told(mariadb: Any) -> None:
    query = "SELECT seq, if(seq < 900000, 1, (SELECT 1 UNION SELECT 2)) FROM seq_1_to_1000000"
    with pytest.raises(IntegrationError, match="more than 1 row"):
        read(mariadb, query)


def test_a_result_that_is_not_read_to_its_end_leaves_nothing(mariadb: Any) -> None:
    statement = Statement.of("SELECT seq FROM seq_1_to_9000000")
    with mariadb.result(statement, {}) as result:
        assert len(next(iter(result.chunks))[0]) < 9_000_000
    assert read(mariadb, "SELECT 1 AS a")["a"].tolist() == [1]


def test_a_server_that_never_greets_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_integration, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = {"host": "127.0.0.1", "port": silent.getsockname()[1]}
        made = open_integration("db", "mysql", {**place, "database": "d", "user": "u"})
        with pytest.raises(IntegrationError, match=r"does not answer\n.*timed out"):
            made.test()
        connected, _ = silent.accept()
        with connected:
            assert connected.recv(1) == b"", "the connection is closed"


def test_a_server_that_greets_and_says_no_more_is_not_waited_for(
    mariadb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_integration, "_PATIENCE", 0.1)
    with socket.create_connection((mariadb.url.host, mariadb.url.port)) as real:
        greeting = real.recv(1 << 10)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as others:
        place = {"host": "127.0.0.1", "port": silent.getsockname()[1], "sslmode": "disable"}
        made = open_integration("db", "mysql", {**place, "database": "d", "user": "u"})
        tried = others.submit(made.test)
        connected, _ = silent.accept()
        with connected:
            connected.sendall(greeting)
            with pytest.raises(IntegrationError, match=r"does not answer\n.*timed out"):
                tried.result()


def test_nothing_of_the_driver_is_used_that_it_does_not_show() -> None:
    """What has an underscore may be gone with its next release, and a read or a save with it."""
    private = re.compile(r"\b(connection|driver)\._[a-z]|from pymysql\.?\w* import .*\b_")
    for path in Path(mysql.__file__).parent.glob("*.py"):
        assert not private.findall(path.read_text()), path.name
    needed = "host port connect_timeout ssl"
    made = pymysql.Connection(defer_connect=True, host="nowhere")
    assert [name for name in [*needed.split(), "ctx"] if not hasattr(made, name)] == []
    assert "sock" in inspect.signature(pymysql.Connection.connect).parameters


FITS = {
    "DOUBLE": (column(1, dtype="int32"), column(1)),
    "TINYINT": (column(1), column(1.0)),
    "BOOLEAN": (column(True), column("x")),
    "DECIMAL(10, 2)": (column(Decimal("1.5")), column(Decimal("1.555"))),
    "VARCHAR(9)": (column("x"), column(1)),
    "DATETIME": (column(dt.datetime(2020, 1, 1)), column(MOMENT)),
    "TIMESTAMP(6) NULL": (column(MOMENT.replace(tzinfo=dt.UTC)), column(MOMENT)),
    "BLOB": (column(b"x"), column("x")),
}


@pytest.mark.parametrize(("kind", "values"), FITS.items(), ids=FITS.keys())
def test_a_column_takes_what_it_does_not_change(mariadb: Any, kind: str, values: Any) -> None:
    run(mariadb, f"CREATE TABLE t (c {kind})")
    save(mariadb, values[0], mode="append")
    with pytest.raises(IntegrationError, match="column 'c' of table 't' is"):
        save(mariadb, values[1], mode="append")
    assert len(read(mariadb, "SELECT * FROM t")) == 1


@pytest.mark.parametrize(
    ("kind", "values", "match"),
    [
        ("TINYINT", column(1, 1000), "Out of range"),
        ("VARCHAR(3)", column("abc", "abcd"), "would change"),
        ("VARCHAR(3) NOT NULL", column("abc", None), "NULL"),
        ("BIGINT UNIQUE", column(1, 2, 1), "Duplicate entry '1'"),
        ("DATE", column(dt.date(2013, 1, 1)), None),
        ("TIMESTAMP(6) NULL", column(dt.datetime(2200, 1, 1, tzinfo=dt.UTC)), "c"),
        ("ENUM('a')", column("a", "b"), "would change"),
        ("INT CHECK (c < 5)", column(4, 5), "CONSTRAINT"),
        ("VARCHAR(9) CHARACTER SET latin1", column("a", "𝄞"), "Incorrect string"),
    ],
)
def test_what_the_table_does_not_take_takes_the_save_back(
    mariadb: Any, kind: str, values: Any, match: str | None
) -> None:
    run(mariadb, f"CREATE TABLE t (c {kind})")
    if match is None:
        save(mariadb, values, mode="append")
        return
    with pytest.raises(IntegrationError, match=match):
        save(mariadb, values, mode="append")
    assert len(read(mariadb, "SELECT * FROM t")) == 0


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_what_is_no_number_there_is_refused(mariadb: Any, value: float) -> None:
    with pytest.raises(LossyTypeError, match=r"\['c'\].*infinity"):
        save(mariadb, column(1.5, value))
    assert mariadb.tables() == left_behind(mariadb) == []


def test_more_columns_than_a_table_may_have_are_refused(mariadb: Any) -> None:
    names = [f"c{number}" for number in range(1_600)]
    with pytest.raises(IntegrationError, match="Too many columns"):
        save(mariadb, pd.DataFrame([[1] * len(names)], columns=names))
    assert mariadb.tables() == left_behind(mariadb) == []


def test_identifiers_are_kept_as_text(mariadb: Any) -> None:
    keys = [uuid.UUID(int=1), None]
    save(mariadb, column(*keys, dtype=object))
    assert read(mariadb, "SELECT * FROM t")["c"].tolist()[0] == str(keys[0])


def test_a_table_is_described_with_an_estimate(mariadb: Any) -> None:
    save(mariadb, pd.DataFrame({"a": range(500)}))
    run(mariadb, "ANALYZE TABLE t")
    told = mariadb.describe("t")
    assert told.rows == pytest.approx(500, abs=50)
    assert told.columns[0].type.startswith("BIGINT")
