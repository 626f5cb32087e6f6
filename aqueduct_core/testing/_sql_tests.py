"""What every integration with a SQL database must do."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aqueduct_core.errors import AqueductError

__all__ = ["SQLIntegrationTests"]

_MOMENT = dt.datetime(2013, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - most columns have no zone
_EARLY = dt.datetime(1999, 12, 31)  # noqa: DTZ001
_names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFF), min_size=1, max_size=15
).filter(lambda name: name == name.strip() and len(name.encode()) < 50)


def _column(*values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(list(values), dtype=dtype)})


def _values(frame: pd.DataFrame) -> list[list[Any]]:
    return [
        [None if pd.isna(value) else value for value in row]
        for row in frame.itertuples(index=False)
    ]


class SQLIntegrationTests:
    """Inherit, and give the fixture `database`: an integration with an empty database.

    Attributes:
        decimals: Whether there are exact decimal numbers.
        maximum_columns: How many columns a table may have, up to 1,600.
    """

    decimals = True
    maximum_columns = 1_600

    @pytest.fixture
    def database(self) -> Any:
        """An integration with an empty database."""
        raise NotImplementedError("a test class gives this fixture")

    def save(
        self, database: Any, value: Any, mode: str = "fail", table: str = "t", **more: Any
    ) -> Any:
        """Save in a transaction of its own."""
        with database.transaction() as transaction:
            return transaction.save(value, table, mode, **more)

    def rows(self, database: Any, table: str = "t") -> list[list[Any]]:
        """All rows of a table, in order."""
        found = _values(database.query(f"SELECT * FROM {database.qualified(table)}"))  # noqa: S608 - quoted
        return sorted(found, key=repr)

    def test_what_is_saved_comes_back(self, database: Any) -> None:
        frame = pd.DataFrame(
            {
                "whole": pd.Series([1, None, -(2**63)], dtype="Int64"),
                "large": [2**63 - 1, 0, 2**53 + 1],
                "real": [1.5, None, 5e-324],
                "text": ["", None, "é𝄞 'quoted' \\ \"\n\t%s :a"],
                "yes": pd.Series([True, None, False], dtype="boolean"),
                "bytes": pd.Series([b"\x00\xff'\\", None, b""], dtype=object),
                "day": pd.Series([dt.date(2013, 1, 2), None, dt.date(1999, 12, 31)]).astype(
                    "date32[pyarrow]"
                ),
                "time": pd.Series([dt.time(1, 2, 3, 4), None, dt.time(0)]).astype(
                    "time64[us][pyarrow]"
                ),
                "moment": pd.Series([_MOMENT, None, _EARLY], dtype="datetime64[us]"),
                "zoned": pd.Series([_MOMENT, None, _EARLY], dtype="datetime64[us, UTC]"),
            }
        )
        self.save(database, frame)
        back = database.query("SELECT * FROM t")
        frame = frame.sort_values("large", ignore_index=True)
        assert_frame_equal(back.sort_values("large", ignore_index=True), frame)

    def test_decimals_stay_exact(self, database: Any) -> None:
        kind = pd.ArrowDtype(pa.decimal128(20, 3))
        frame = _column(Decimal("12345678901234567.125"), None, dtype=kind)
        if not self.decimals:
            with pytest.raises(AqueductError, match="'c'"):
                self.save(database, frame)
            return
        self.save(database, frame)
        back = database.query("SELECT * FROM t")
        assert sorted(_values(back), key=repr) == sorted(_values(frame), key=repr)

    def test_a_table_without_rows_keeps_its_columns(self, database: Any) -> None:
        self.save(database, _column(dtype="int64"))
        assert list(database.query("SELECT * FROM t").columns) == ["c"]
        assert self.rows(database) == []

    def test_modes(self, database: Any) -> None:
        assert self.save(database, _column(1)) == {"table": "t", "mode": "fail", "rows": 1}
        with pytest.raises(AqueductError, match='mode="replace"'):
            self.save(database, _column(2))
        self.save(database, _column(2), "append")
        assert self.rows(database) == [[1], [2]]
        self.save(database, _column(3), "replace")
        assert self.rows(database) == [[3]]
        self.save(database, pd.DataFrame({"d": ["x"], "e": [1.5]}), "replace")
        assert self.rows(database) == [["x", 1.5]]

    def test_upsert(self, database: Any) -> None:
        first = pd.DataFrame({"a": [1, 2], "b b": ["x", "y"], "v": [1.5, 2.5]})
        self.save(database, first, "upsert", keys=["a", "b b"])
        second = pd.DataFrame({"v": [9.0, 3.5], "a": [2, 2], "b b": ["y", "z"]})
        self.save(database, second, "upsert", keys=["a", "b b"])
        self.save(database, pd.DataFrame({"a": [1], "b b": ["x"]}), "upsert", keys=["a", "b b"])
        assert self.rows(database) == [[1, "x", 1.5], [2, "y", 9.0], [2, "z", 3.5]]

    def test_keys_must_tell_rows_apart(self, database: Any) -> None:
        frame = pd.DataFrame({"a": [1, 1], "b": [None, "x"]})
        for key in ("a", "b", "nope"):
            with pytest.raises(AqueductError, match=f"'{key}'"):
                self.save(database, frame, "upsert", keys=[key])
        assert database.tables() == []

    def test_what_is_saved_once_is_not_saved_twice(self, database: Any) -> None:
        for once in ("r1", "r1", "r2"):
            told = self.save(database, _column(1, 2), "append", once=once)
            assert told == {"table": "t", "mode": "append", "rows": 2}
        assert self.rows(database) == [[1], [1], [2], [2]]
        assert database.tables() == ["t"]

    def test_a_failure_takes_everything_back(self, database: Any) -> None:
        self.save(database, _column(1))
        self.save(database, _column(1), table="other")
        with pytest.raises(AqueductError), database.transaction() as transaction:  # noqa: PT012 - all fail
            transaction.save(_column(2), "t", "replace", once="r1")
            transaction.save(_column("x"), "other", "replace", once="r2")
            transaction.save(_column(2), "new", "fail", once="r3")
            transaction.save(_column(1), "t", "fail")
        assert database.tables() == ["other", "t"]
        assert self.rows(database) == self.rows(database, "other") == [[1]]
        self.save(database, _column(5), "append", once="r1")  # it was not made
        assert self.rows(database) == [[1], [5]]

    def test_readers_see_the_old_tables_until_the_end(self, database: Any) -> None:
        self.save(database, _column(1))
        with database.transaction() as transaction:
            transaction.save(_column(2), "t", "replace")
            transaction.save(_column(2), "new", "fail")
            assert self.rows(database) == [[1]]
        assert self.rows(database) == self.rows(database, "new") == [[2]]

    def test_what_a_column_would_change_is_refused(self, database: Any) -> None:
        self.save(database, pd.DataFrame({"i": [1], "s": ["x"], "d": [_MOMENT]}))
        before = self.rows(database)
        for name, value in (("i", "007"), ("s", 1), ("d", "2013-01-01"), ("missing", 1)):
            for mode in ("append", "upsert"):
                keys = [name] if mode == "upsert" else []
                with pytest.raises(AqueductError, match=f"'{name}'"):
                    self.save(database, pd.DataFrame({name: [value]}), mode, keys=keys)
        assert self.rows(database) == before

    def test_what_is_no_table_is_refused(self, database: Any) -> None:
        twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
        nameless = pd.DataFrame({"": [1]})
        mixed = _column(1, "x", dict, dtype=object)
        odd = pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object))
        zoned = _column(dt.time(1, tzinfo=dt.UTC), dtype=object)
        alone = pd.Series([1])
        for value in (
            twice,
            nameless,
            odd,
            mixed,
            zoned,
            alone,
            pd.DataFrame(index=[0]),
            {"a": [1]},
        ):
            with pytest.raises(AqueductError, match="Hint: "):
                self.save(database, value)
        for name in ("a\0b", "\ud800"):
            with pytest.raises(AqueductError, match="can't be the name"):
                self.save(database, _column(1), table=name)
        assert database.tables() == []

    def test_a_view_is_not_saved_to(self, database: Any) -> None:
        self.save(database, _column(1))
        with pytest.raises(AqueductError):
            database.query("CREATE VIEW v AS SELECT * FROM t")
        assert database.tables() == ["t"]

    def test_values_are_bound(self, database: Any) -> None:
        for value in (1, 1.5, "Robert'); DROP TABLE t; --", True, _MOMENT, _MOMENT.date(), None):
            [[found]] = _values(database.query("SELECT :v AS v", {"v": value}))
            assert found == value or str(found) == str(value) or bool(found) is value
        assert _values(database.query("SELECT :v AS v", {"v": pd.NaT})) == [[None]]
        with pytest.raises(AqueductError, match=":v is no text"):
            database.query("SELECT :v AS v", {"v": "\ud800"})

    @settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
    @given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
    def test_no_value_escapes(self, database: Any, value: str) -> None:
        assert _values(database.query("SELECT :v AS v", {"v": value})) == [[value]]

    @settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=10)
    @given(table=_names, name=_names)
    def test_no_name_escapes(self, database: Any, table: str, name: str) -> None:
        quoted = '"' + table.replace('"', '""') + '"'
        if database.qualified("a.b") == database.quote("a.b"):
            quoted = table  # without schemas
        self.save(database, pd.DataFrame({name: [1]}), table=quoted)
        try:
            assert list(database.preview(quoted).columns) == [name]
            self.save(database, pd.DataFrame({name: [2]}), "upsert", quoted, keys=[name])
            assert len(database.preview(quoted)) == 2
        finally:
            database.drop(quoted)

    def test_reserved_words_are_names(self, database: Any) -> None:
        frame = pd.DataFrame({"select": [1], "from": ["x"], "ünï ⚘": [2.5]})
        self.save(database, frame, table="order")
        assert_frame_equal(database.preview("order"), frame)

    def test_tables_are_described_and_dropped(self, database: Any) -> None:
        self.save(database, pd.DataFrame({"a": range(30), "b": "x"}))
        told = database.describe("t")
        assert [column.name for column in told.columns] == ["a", "b"]
        assert all(column.type for column in told.columns)
        assert len(database.preview("t")) == 10
        assert len(database.preview("t", 3)) == 3
        database.drop("t")
        database.drop("t")
        assert database.tables() == []
        with pytest.raises(AqueductError, match="t"):
            database.describe("t")

    def test_queries_only_read(self, database: Any) -> None:
        self.save(database, _column(1))
        for query in ("DELETE FROM t", "DROP TABLE t", "SELEC 1", "SELECT * FROM nope"):
            with pytest.raises(AqueductError, match="Hint: "):
                database.query(query)
        assert self.rows(database) == [[1]]

    def test_tables_may_be_wide_and_texts_long(self, database: Any) -> None:
        names = [f"c{number}" for number in range(self.maximum_columns)]
        self.save(database, pd.DataFrame([[True] * len(names)], columns=names))
        assert database.query("SELECT * FROM t").shape == (1, len(names))
        self.save(database, _column("é" * 70_000), table="long")
        assert self.rows(database, "long") == [["é" * 70_000]]

    def test_no_secret_is_shown(self, database: Any) -> None:
        shown = repr(database) + str(database)
        for name in type(database).secrets & database.config().keys():
            assert str(database.config()[name]) not in shown
