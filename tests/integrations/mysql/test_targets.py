"""Tables of MariaDB that are there: values stay what they are, or the column is named."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from aqueduct_core.errors import IntegrationError
from tests.integrations.tables import column, left_behind, read, run, save

CHANGED = {
    "places": ("enum('x', 'y')", column("1")),
    "case": ("enum('x', 'y')", column("Y")),
    "several places": ("set('a', 'b')", column("3")),
    "few digits": ("double(7, 3)", column(0.12345)),
    "few digits of singles": ("float(7, 3)", column(0.12345, dtype="float32")),
    "spaces": ("varchar(3)", column("abc  ")),
    "spaces in bytes": ("tinytext", column("x" * 255 + " ")),
    "no moment": ("timestamp NOT NULL", column(None, dtype="datetime64[us, UTC]")),
    "no number": ("integer NOT NULL DEFAULT 5", column(None, dtype="Int64")),
    "computed": ("integer AS (1 + 1) STORED", column(1)),
}


@pytest.mark.parametrize(("kind", "frame"), CHANGED.values(), ids=CHANGED.keys())
def test_what_the_server_would_change_without_a_word_is_refused(
    mariadb: Any, kind: str, frame: pd.DataFrame
) -> None:
    run(mariadb, f"CREATE TABLE t (c {kind}, d integer)")
    with pytest.raises(IntegrationError, match="column 'c'"):
        save(mariadb, frame, mode="append")
    assert len(read(mariadb, "SELECT * FROM t")) == 0


KEPT = {
    "enum('x', 'y')": column("y", None),
    "set('a', 'b')": column("a,b", None, ""),
    "varchar(3) CHARACTER SET utf8mb4": column("é𝄞c", None),
    "inet6": column("::1", None),
    "integer AUTO_INCREMENT PRIMARY KEY": column(7),
}


@pytest.mark.parametrize(("kind", "frame"), KEPT.items(), ids=KEPT.keys())
def test_what_it_keeps_is_taken(mariadb: Any, kind: str, frame: pd.DataFrame) -> None:
    run(mariadb, f"CREATE TABLE t (c {kind}, d integer)")
    save(mariadb, frame, mode="append")
    found = read(mariadb, "SELECT c FROM t ORDER BY c IS NULL, c DESC")["c"]
    assert found.dropna().tolist() == frame["c"].dropna().tolist()
    assert mariadb.describe("t").columns[0].type


def test_a_table_that_others_refer_to_is_not_replaced_by_other_columns(mariadb: Any) -> None:
    run(
        mariadb,
        "CREATE TABLE t (c bigint PRIMARY KEY, up bigint REFERENCES t (c))",
        "INSERT INTO t VALUES (1, 1)",
    )
    save(mariadb, column(1), mode="replace")  # it refers to itself alone
    run(
        mariadb,
        "ALTER TABLE t ADD PRIMARY KEY (c)",
        "CREATE TABLE other (c bigint REFERENCES t (c))",
        "INSERT INTO other VALUES (1)",
    )
    with pytest.raises(IntegrationError, match="a foreign key of table 'other' refers to it"):
        save(mariadb, column("x"), mode="replace")
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1]
    assert left_behind(mariadb) == []


def test_a_view_is_not_dropped_as_a_table(mariadb: Any) -> None:
    run(mariadb, "CREATE VIEW v AS SELECT 1 AS c")
    with pytest.raises(IntegrationError, match="'v' is a view"):
        mariadb.drop("v")
    assert mariadb.tables() == ["v"]
