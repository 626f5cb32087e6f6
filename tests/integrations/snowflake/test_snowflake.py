"""Snowflake: its driver against a local server with its protocol, whose SQL is a translation."""

from __future__ import annotations

import datetime as dt
import tempfile
import traceback
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations.snowflake._saves import STAGING
from aqueduct_core.integrations.snowflake._types import given_name, stored_name
from aqueduct_core.testing import SQLIntegrationTests
from tests.integrations.tables import column, read, save

MOMENT = dt.datetime(2013, 1, 2, 3, 4, 5, 678901)


class TestSnowflake(SQLIntegrationTests):
    @pytest.fixture
    def database(self, snowflake: Any) -> Any:
        return snowflake

    def test_no_name_escapes(self, database: Any) -> None:
        """Names in capitals are given back in small letters, so not just any names are tried."""
        for name in ('a"b', "a'; --", "Ünï %s ?", "select", "a.b", "x y"):
            quoted = '"' + name.replace('"', '""') + '"'
            self.save(database, pd.DataFrame({name: [1]}), table=quoted)
            self.save(database, pd.DataFrame({name: [2]}), "upsert", quoted, keys=[name])
            assert list(database.preview(quoted).columns) == [name]
            assert len(database.preview(quoted)) == 2
            database.drop(quoted)
        assert database.tables() == []


def run(database: Any, *statements: str) -> None:
    with database.connection() as connection:
        for statement in statements:
            database.rows(connection, statement)


def all_tables(database: Any) -> list[str]:
    query = "SELECT table_name AS n FROM information_schema.tables WHERE table_schema = 'S'"
    return sorted(given_name(name) for name in read(database, query)["n"])


EXACT = {
    "numbers": pd.DataFrame(
        {
            "whole": pd.Series([1, None, 2**63 - 1], dtype="Int64"),
            "real": [1.5, None, 5e-324],
            "decimal": pd.Series(
                [Decimal("1.50"), None, Decimal("-99.99")], dtype=pd.ArrowDtype(pa.decimal128(4, 2))
            ),
            "yes": pd.Series([True, None, False], dtype="boolean"),
        }
    ),
    "texts": pd.DataFrame(
        {
            "text": ["", None, "é𝄞 'q' \\N \" \r\n\t, NULL"],
            "bytes": pd.Series([b"\x00\xff", None, b""], dtype=object),
        }
    ),
    "moments": pd.DataFrame(
        {
            "day": pd.Series([dt.date(2013, 1, 2), None], dtype="date32[pyarrow]"),
            "time": pd.Series([dt.time(1, 2, 3, 4), None], dtype="time64[us][pyarrow]"),
            "moment": pd.Series([MOMENT, None], dtype="datetime64[us]"),
            "zoned": pd.Series([MOMENT, None], dtype="datetime64[us, UTC]"),
        }
    ),
    "no rows": pd.DataFrame({"i": pd.Series(dtype="int64"), "s": pd.Series(dtype="str")}),
}


@pytest.mark.parametrize("frame", EXACT.values(), ids=EXACT.keys())
def test_what_is_saved_comes_back(snowflake: Any, frame: pd.DataFrame) -> None:
    assert save(snowflake, frame) == {"table": "t", "mode": "fail", "rows": len(frame)}
    assert_frame_equal(read(snowflake, "SELECT * FROM t"), frame)
    save(snowflake, frame, mode="append")
    assert len(read(snowflake, "SELECT * FROM t")) == 2 * len(frame)
    assert all_tables(snowflake) == ["t"]


def test_other_types_become_the_nearest(snowflake: Any) -> None:
    frame = pd.DataFrame({"u": pd.Series([2**64 - 1], dtype="uint64"), "f": [0.5], "k": [None]})
    frame["f"], frame["k"] = frame["f"].astype("float32"), [uuid.UUID(int=1)]
    save(snowflake, frame)
    [row] = read(snowflake, "SELECT * FROM t").values.tolist()
    assert row == [Decimal(2**64 - 1), 0.5, str(uuid.UUID(int=1))]
    with pytest.raises(LossyTypeError, match=r"\['c'\].*no type for list"):
        save(snowflake, pa.table({"c": [[1]]}), mode="replace")


def test_json_is_text(snowflake: Any) -> None:
    [[found]] = read(snowflake, """SELECT parse_json('{"a": [1]}') AS c""").values.tolist()
    assert isinstance(found, str)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        0.1,
        "Robert'); DROP TABLE t; --\\",
        b"\0'",
        Decimal("-1.10"),
        dt.date(2020, 1, 2),
        dt.time(1, 2, 3, 4),
        MOMENT,
        MOMENT.replace(tzinfo=dt.UTC),
    ],
)
def test_parameters_are_bound(snowflake: Any, value: Any) -> None:
    [[found, text, rest]] = read(
        snowflake, "SELECT :value AS v, ':value % ?' AS text, 7 % 4 AS rest", value=value
    ).values.tolist()
    assert pd.isna(found) if value is None else found == value
    assert (text, rest) == (":value % ?", 3)


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELECT * FROM nope", r"does not exist[\s\S]*tables\(\) lists"),
        ("DELETE FROM t", "could not run"),
        ("DROP TABLE t", "could not run"),
        ("INSERT INTO t VALUES (2)", "could not run"),
        ("SELECT 1) ; DELETE FROM t; --", "could not run"),
    ],
)
def test_queries_only_read(snowflake: Any, query: str, match: str) -> None:
    save(snowflake, column(1))
    with pytest.raises(IntegrationError, match=match):
        read(snowflake, query)
    assert read(snowflake, "SELECT * FROM t")["c"].tolist() == [1]


def test_names_are_in_small_letters_unless_they_need_quotes(snowflake: Any) -> None:
    run(snowflake, 'CREATE TABLE Orders (Id INT, "Price" FLOAT)')
    assert snowflake.tables() == ["orders"]
    assert list(read(snowflake, "SELECT * FROM ORDERS").columns) == ["id", "Price"]
    save(snowflake, pd.DataFrame({"id": [1], "Price": [1.5]}), "orders", "append")
    assert read(snowflake, 'SELECT id FROM orders WHERE "Price" > 1')["id"].tolist() == [1]
    with pytest.raises(IntegrationError, match="no column 'price'"):
        save(snowflake, pd.DataFrame({"price": [1.5]}), "orders", "append")


@given(st.text(min_size=1))
def test_only_names_in_capitals_change(name: str) -> None:
    back = given_name(stored_name(name))
    assert back == name or (name == name.upper() and back == name.lower())


def test_tables_of_other_schemas_have_the_schema_before_their_name(snowflake: Any) -> None:
    run(snowflake, "CREATE SCHEMA other")
    save(snowflake, column(1), "other.t")
    save(snowflake, column(2), "other.t", "append")
    assert snowflake.tables() == []
    assert sorted(snowflake.table("other.t").get()["c"]) == [1, 2]


def test_replacing_by_the_same_columns_keeps_the_table(snowflake: Any) -> None:
    save(snowflake, column(1, 2))
    run(snowflake, "COMMENT ON TABLE t IS 'ours'")
    save(snowflake, column(3), mode="replace")
    query = "SELECT comment AS c FROM information_schema.tables WHERE table_name = 'T'"
    assert read(snowflake, query)["c"].tolist() == ["ours"]
    save(snowflake, column("x"), mode="replace")
    assert read(snowflake, "SELECT * FROM t")["c"].tolist() == ["x"]
    assert all_tables(snowflake) == ["t"]


def test_a_view_is_no_table(snowflake: Any) -> None:
    run(snowflake, "CREATE TABLE t (c INT)", "CREATE VIEW v AS SELECT * FROM t")
    with pytest.raises(IntegrationError, match="is a view"):
        save(snowflake, column(1), "v", "replace")


def test_a_folder_that_can_not_be_told_is_refused(
    snowflake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "it's"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with pytest.raises(IntegrationError, match=r"has a quote in its name[\s\S]*set TMPDIR"):
        save(snowflake, column(1))
    assert all_tables(snowflake) == []
    assert list(odd.iterdir()) == []


def test_a_table_is_saved_to_once(snowflake: Any) -> None:
    with (
        pytest.raises(IntegrationError, match="save each table once"),
        snowflake.transaction() as transaction,
    ):
        transaction.save(column(1), "t", "fail")
        transaction.save(column(2), "t", "append")
    assert all_tables(snowflake) == []


def test_a_commit_that_fails_puts_tables_back(snowflake: Any) -> None:
    save(snowflake, column(1), "old")
    save(snowflake, column(1), "rows")
    with (
        pytest.raises(IntegrationError, match="could not commit"),
        snowflake.transaction() as transaction,
    ):
        transaction.save(column("x"), "old", "replace")
        transaction.save(column("x"), "new", "fail")
        transaction.save(column(2), "rows", "append")
        transaction._plan.tables.append(("nope", "NO SQL", None))
    assert all_tables(snowflake) == ["old", "rows"]
    for table in ("old", "rows"):
        assert read(snowflake, f"SELECT * FROM {table}")["c"].tolist() == [1]


def test_tables_that_were_shown_before_everything_was_lost_are_not_made_again(
    snowflake: Any,
) -> None:
    with snowflake.transaction() as transaction:
        transaction.save(column(1, 2), "t", "append", once="r1")
        transaction._plan.rows.clear()  # the session ends before its transaction does
    assert save(snowflake, column(1, 2), "t", "append", once="r1")["rows"] == 2
    assert read(snowflake, "SELECT * FROM t")["c"].tolist() == [1, 2]
    assert not [name for name in all_tables(snowflake) if name.startswith(STAGING)]


SECRET = "hunter2-Ω"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"host": "no-such-host.invalid"}, "the host is not known"),
        ({"port": 1}, "nothing listens on this port"),
    ],
)
def test_what_can_not_be_reached_names_the_wrong_setting(
    snowflake: Any, change: dict[str, Any], match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.integrations.snowflake._integration._PATIENCE", 2)
    config = {**snowflake.config(), "password": SECRET, "token": SECRET, **change}
    wrong: Any = open_integration("w", "snowflake", config)
    with pytest.raises(IntegrationError, match=match) as caught:
        wrong.test()
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told + repr(wrong)
    assert wrong.config()["password"] == SECRET


def test_settings_that_are_no_settings(snowflake: Any) -> None:
    snowflake.test()
    with pytest.raises(IntegrationError, match="needs the setting 'user'"):
        open_integration("w", "snowflake", {"account": "a", "database": "d"})
    config = {"account": "a", "database": "d", "user": "u"}
    with pytest.raises(IntegrationError, match="port is no number"):
        open_integration("w", "snowflake", {**config, "port": "x"})
