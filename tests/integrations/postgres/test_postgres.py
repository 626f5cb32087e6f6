"""PostgreSQL: every type in and out as it is, or refused by the name of its column."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core.errors import IntegrationError, LossyTypeError, UnserializableError
from aqueduct_core.integrations import open_integration
from aqueduct_core.testing import SQLIntegrationTests
from tests.integrations.tables import (
    KEPT,
    LISTS,
    MOMENT,
    SECRET,
    UNREACHABLE,
    check_refusal,
    column,
    read,
    run,
    save,
)

EXACT = {
    **KEPT,
    **LISTS,
    "infinity": column(float("inf")),
    "bool": column(True, False),
    "ends of files": column("\\.", "a\n\\.\nb"),
}


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_what_is_saved_comes_back(postgres: Any, frame: pd.DataFrame) -> None:
    assert save(postgres, frame) == {"table": "t", "mode": "fail", "rows": len(frame)}
    assert_frame_equal(read(postgres, "SELECT * FROM t"), frame)


READ = {
    "numeric(10,2)": ("1.5", Decimal("1.50"), pd.ArrowDtype(pa.decimal128(10, 2))),
    "numeric": ("1.2345", Decimal("1.2345"), pd.ArrowDtype(pa.decimal128(38, 4))),
    "numeric(3,-2)": ("12345", Decimal(12300), pd.ArrowDtype(pa.decimal128(5, 0))),
    "numeric(2,5)": ("0.00012", Decimal("0.00012"), pd.ArrowDtype(pa.decimal128(5, 5))),
    "money": ("12.34", Decimal("12.34"), pd.ArrowDtype(pa.decimal128(38, 2))),
    "uuid": ("00000000-0000-0000-0000-00000000000a", None, "str"),
    "jsonb": ('{"a": [1, null]}', None, "str"),
    "json": ('{"a":1}', None, "str"),
    "inet": ("10.0.0.0/8", None, "str"),
    "int4range": ("[1,5)", None, "str"),
    "bit(3)": ("101", None, "str"),
    "timetz": ("01:02:03+02", None, "str"),
    "interval": ("1 day 02:00:00", None, "str"),
    "xml": ("<a/>", None, "str"),
    "point": ("(1,2)", None, "str"),
    "varchar(9)": ("abc", None, "str"),
    "char(3)": ("a", "a  ", "str"),
    "oid": ("26", 26, "int64"),
    "smallint": ("7", 7, "int16"),
    "numeric[]": ("{1.5,NULL}", None, "str"),
    "uuid[]": ("{00000000-0000-0000-0000-00000000000a}", None, "str"),
}


@pytest.mark.parametrize(("kind", "known"), READ.items(), ids=READ.keys())
def test_each_type_of_the_database_has_one_here(postgres: Any, kind: str, known: Any) -> None:
    written, value, dtype = known
    run(postgres, f"CREATE TABLE t (c {kind})", f"INSERT INTO t VALUES ('{written}')")
    found = read(postgres, "SELECT * FROM t")["c"]
    assert (found.dtype, found.iloc[0]) == (dtype, written if value is None else value)
    run(postgres, "DELETE FROM t")
    assert read(postgres, "SELECT * FROM t")["c"].dtype == (
        pd.ArrowDtype(pa.decimal128(38, 0)) if kind in ("numeric", "money") else dtype
    )


def test_enums_domains_and_composites_are_text(postgres: Any) -> None:
    run(
        postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE DOMAIN small AS numeric(4, 1)",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TABLE t (m mood, s small, p pair)",
        "INSERT INTO t VALUES ('ok', 1.5, (1, 'x'))",
    )
    assert read(postgres, "SELECT * FROM t").values.tolist() == [["ok", Decimal("1.5"), "(1,x)"]]


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("'infinity'::date", "infinity is no date"),
        ("'infinity'::timestamp", "infinity is no timestamp"),
        ("'-infinity'::timestamptz", "infinity is no timestamp"),
        ("'NaN'::numeric", "NaN and infinity"),
        ("'-Infinity'::numeric", "NaN and infinity"),
        ("(1e40)::numeric", "more than 38 digits"),
        ("(1e39 - 1)::numeric", "more than 38 digits"),
        ("(-1e37)::numeric - 0.01", "more than 38 digits"),
        ("'24:00'::time", "24:00:00"),
        ("ARRAY[NULL, 'infinity'::date]", "infinity is no date"),
        ("ARRAY['-infinity'::timestamptz]", "infinity is no timestamp"),
        ("'{{1,2},{3,4}}'::int[]", "several dimensions"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_its_column(
    postgres: Any, query: str, match: str
) -> None:
    with pytest.raises(IntegrationError, match=rf"column 'c'.*{match}[\s\S]*SELECT"):
        read(postgres, f"SELECT 1 AS a, {query} AS c")


def test_results_may_repeat_names_and_keep_their_order(postgres: Any) -> None:
    frame = read(
        postgres,
        "SELECT n AS a, '{}'::json AS a, 1 AS \"?column?\" "
        "FROM generate_series(1, 1000) AS n ORDER BY n DESC -- end",
    )
    assert list(frame.columns) == ["a", "a", "?column?"]
    assert frame.iloc[:, 0].tolist() == list(range(1000, 0, -1))
    assert read(postgres, "SELECT 1 AS a -- end")["a"].tolist() == [1]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        -1.5,
        float("nan"),
        "Robert'); DROP TABLE t; --\\",
        Decimal("1.10"),
        np.int64(3),
        dt.date(2020, 1, 2),
        dt.time(1, 2),
        MOMENT,
    ],
)
def test_parameters_are_bound(postgres: Any, value: Any) -> None:
    frame = read(postgres, "SELECT :value AS v, ':value %' AS text, 7 % 4 AS rest", value=value)
    found = frame["v"].iloc[0]
    assert pd.isna(found) if pd.isna(value) else found == value
    assert frame.iloc[0, 1:].tolist() == [":value %", 3]


def test_dates_and_lists_are_bound(postgres: Any) -> None:
    query = "SELECT {today} = current_date AS today, 2 = ANY(:ids) AS one"
    [[today, one]] = read(postgres, query, ids=[1, 2]).values.tolist()
    assert one
    assert isinstance(today, bool)
    with pytest.raises(IntegrationError, match=":v is dict"):
        read(postgres, "SELECT :v", v={})


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM nope", r'relation "nope" does not exist[\s\S]*tables\(\) lists'),
        ("SELEC 1", "syntax error"),
        ("DELETE FROM t", "returns no rows"),
        ("INSERT INTO t VALUES (2) RETURNING c", "read-only transaction"),
        ("SELECT 1; DELETE FROM t", "multiple commands"),
        ("SELECT 1) TO STDOUT; DROP TABLE t; --", "syntax error"),
        ("SELECT 1/0", "division by zero"),
    ],
)
def test_queries_only_read(postgres: Any, query: str, match: str) -> None:
    save(postgres, column(1))
    with pytest.raises(IntegrationError, match=match):
        read(postgres, query)
    assert len(read(postgres, "SELECT * FROM t")) == 1


class TestKit(SQLIntegrationTests):
    @pytest.fixture
    def database(self, postgres: Any) -> Any:
        return postgres


def test_names_with_schemas_and_dots(postgres: Any) -> None:
    run(postgres, "CREATE SCHEMA mart")
    save(postgres, column(1), "mart.t")
    save(postgres, column(2), '"mart.t"')
    assert read(postgres, "SELECT * FROM mart.t")["c"].tolist() == [1]
    assert postgres.tables() == ["mart.t"]
    postgres.drop("mart.t")
    postgres.drop('"mart.t"')
    assert postgres.tables() == []
    with pytest.raises(IntegrationError, match="can't be the name of a table"):
        save(postgres, column(1), "a.b.c")


APPENDED = {
    "smaller integers": ("bigint", column(1, dtype="int8"), True),
    "larger integers": ("smallint", column(70_000), False),
    "integers": ("numeric", column(2**63 - 1), True),
    "integers as reals": ("float8", column(2**53 + 1), False),
    "few digits": ("numeric(4, 1)", column(Decimal("1.25"), dtype=object), False),
    "single": ("real", column(0.1), False),
    "text of a number": ("integer", column("007"), False),
    "a number as text": ("text", column(7), False),
    "text of a uuid": ("uuid", column("00000000-0000-0000-0000-00000000000a"), True),
    "a uuid": ("uuid", column(uuid.UUID(int=10), dtype=object), True),
    "no uuid": ("uuid", column("x"), False),
    "json": ("jsonb", column('{"a": 1}'), True),
    "address": ("inet", column("10.0.0.1/32"), True),
    "hundreds": ("numeric(5, -2)", column(12345), False),
    "markup": ("xml", column("<a/>"), True),
    "a place": ("point", column("(1,2)"), True),
    "a name": ("name", column("x" * 63), True),
    "a name that is too long": ("name", column("x" * 64), False),
    "spaces that are too much": ("varchar(2)", column("ab "), False),
    "spaces in lists": ("varchar(2)[]", column(["ab "], dtype=object), False),
    "seconds in lists": ("timestamp(0)[]", column([MOMENT], dtype=object), False),
    "too long": ("varchar(2)", column("abc"), False),
    "zone into none": ("timestamp", column(MOMENT, dtype="datetime64[us, UTC]"), False),
    "none into zone": ("timestamptz", column(MOMENT, dtype="datetime64[us]"), False),
    "seconds": ("timestamp(0)", column(MOMENT, dtype="datetime64[us]"), False),
    "whole seconds": ("timestamp(0)", column("2013-01-02", dtype="datetime64[s]"), True),
    "lists": ("int[]", column([1, 2], dtype=object), True),
    "lists of text": ("int[]", column(["1"], dtype=object), False),
    "only missing": ("inet", column(None, None, dtype=object), True),
    "not null": ("integer NOT NULL", column(1, None, dtype="Int64"), False),
}


@pytest.mark.parametrize(("kind", "frame", "kept"), APPENDED.values(), ids=APPENDED.keys())
def test_appending_keeps_values_or_names_the_column(
    postgres: Any, kind: str, frame: pd.DataFrame, kept: bool
) -> None:
    run(postgres, f"CREATE TABLE t (c {kind}, at timestamptz DEFAULT now())")
    if kept:
        save(postgres, frame, mode="append")
        found = read(postgres, "SELECT c::text FROM t")["c"]
        assert found.isna().tolist() == frame["c"].isna().tolist()
    else:
        with pytest.raises(
            (IntegrationError, LossyTypeError),
            match=r"c(olumn)? [\"']?c|too long|invalid input|range|would cut",
        ):
            save(postgres, frame, mode="append")
        assert len(read(postgres, "SELECT * FROM t")) == 0


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (column("a\0b"), "0x00"),
        (column(1j), r"\['c'\]"),
        (column({"a": 1}, dtype=object), r"\['c'\]"),
        (column(1, "x", 2, dtype=object), r"\['c'\]\.iloc\[1\].*str among values of int"),
        (column(dt.timedelta(1)), "no type for duration"),
    ],
)
def test_what_there_is_no_column_for_is_refused(
    postgres: Any, frame: pd.DataFrame, match: str
) -> None:
    with pytest.raises((IntegrationError, UnserializableError), match=match):
        save(postgres, frame)
    assert postgres.tables() == []


def test_a_table_that_is_replaced_by_the_same_columns_keeps_its_views_and_indexes(
    postgres: Any,
) -> None:
    save(postgres, column(1))
    run(postgres, "CREATE VIEW v AS SELECT * FROM t", "CREATE INDEX i ON t (c)")
    save(postgres, column(2), mode="replace")
    assert read(postgres, "SELECT * FROM v")["c"].tolist() == [2]
    with pytest.raises(IntegrationError, match="other objects depend on it"):
        save(postgres, column("x"), mode="replace")
    assert read(postgres, "SELECT * FROM v")["c"].tolist() == [2]
    with pytest.raises(IntegrationError, match="is a view"):
        save(postgres, column(2), "v", "replace")


def test_a_table_that_somebody_holds_is_waited_for_and_then_told(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.integrations.postgres._integration._LOCKS", 0.1)
    save(postgres, column(1))
    with postgres.connection() as other:
        other.begin()
        postgres.execute(other, "LOCK TABLE t").close()
        with pytest.raises(IntegrationError, match=r"lock timeout[\s\S]*another transaction holds"):
            save(postgres, column(2), mode="append")
    assert read(postgres, "SELECT * FROM t")["c"].tolist() == [1]


def test_a_server_that_goes_away_takes_the_save_back(postgres: Any) -> None:
    save(postgres, column(1))
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with (
        pytest.raises(IntegrationError, match="could not"),
        postgres.transaction() as transaction,
    ):
        transaction.save(column(2), "t", "append")
        run(postgres, f"{kill} AND datname = current_database()")
        transaction.save(column(3), "t", "append")
    assert read(postgres, "SELECT * FROM t")["c"].tolist() == [1]


@pytest.mark.parametrize(("change", "match"), UNREACHABLE)
def test_what_can_not_be_reached_names_the_wrong_setting(
    postgres: Any, change: dict[str, Any], match: str
) -> None:
    wrong: Any = open_integration(
        "w", "postgres", {**postgres.config(), "password": SECRET, **change}
    )
    check_refusal(wrong, match)
    assert wrong.config()["password"] == SECRET


def test_settings_that_are_no_settings() -> None:
    with pytest.raises(IntegrationError, match="needs the setting 'database'"):
        open_integration("w", "postgres", {"host": "h"})
    config = {"host": "h", "database": "d", "user": "u", "port": "x"}
    with pytest.raises(IntegrationError, match="port is no number"):
        open_integration("w", "postgres", config)


def test_a_table_is_described_with_an_estimate(postgres: Any) -> None:
    save(postgres, pd.DataFrame({"a": range(500)}))
    run(postgres, "ANALYZE t")
    told = postgres.describe("t")
    assert (told.rows, told.columns[0].type, told.columns[0].nullable) == (500, "BIGINT", True)
    run(postgres, "CREATE TABLE odd (x xml, l pg_lsn)")
    assert [item.type for item in postgres.describe("odd").columns] == ["XML", "PG_LSN"]
