"""PostgreSQL: rows are changed by their keys, whatever types the table's own columns have."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from aqueduct_core.errors import IntegrationError
from tests.integrations.tables import read, run, save

COLUMNS = {
    "jsonb": '{"a": 1}',
    "uuid": "00000000-0000-0000-0000-00000000000a",
    "mood": "ok",
    "inet": "10.0.0.1/32",
    "xml": "<a/>",
    "interval": "1 day",
    "bit(3)": "101",
    "small": 7,
}


@pytest.mark.parametrize(("kind", "value"), COLUMNS.items(), ids=COLUMNS.keys())
def test_what_can_be_added_can_be_changed_too(postgres: Any, kind: str, value: Any) -> None:
    run(
        postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE DOMAIN small AS integer CHECK (value < 9)",
        f"CREATE TABLE t (k integer, c {kind})",
        "INSERT INTO t VALUES (1, NULL)",
    )
    save(postgres, pd.DataFrame({"k": [3], "c": [value]}), mode="append")
    save(postgres, pd.DataFrame({"c": [value] * 2, "k": [1, 2]}), mode="upsert", keys=["k", "k"])
    found = read(postgres, "SELECT k, c::text FROM t ORDER BY k")
    assert found["c"].tolist() == [str(value)] * 3


def test_keys_are_the_same_by_the_rules_of_the_table(postgres: Any) -> None:
    run(postgres, "CREATE TABLE t (k char(3), v bigint)", "INSERT INTO t VALUES ('a', 1)")
    save(postgres, pd.DataFrame({"k": ["a"], "v": [2]}), mode="upsert", keys=["k"])
    assert read(postgres, "SELECT v FROM t")["v"].tolist() == [2]
    twice = pd.DataFrame({"k": ["a", "a "], "v": [3, 4]})
    with pytest.raises(IntegrationError, match=r"Key \(k\)=\(a  \) is duplicated"):
        save(postgres, twice, mode="upsert", keys=["k"])
    assert read(postgres, "SELECT v FROM t")["v"].tolist() == [2]


def test_a_key_that_the_database_would_make_is_taken_as_it_is_given(postgres: Any) -> None:
    run(postgres, "CREATE TABLE t (k integer GENERATED ALWAYS AS IDENTITY, v text)")
    save(postgres, pd.DataFrame({"v": ["a"]}), mode="append")
    save(postgres, pd.DataFrame({"k": [1, 7], "v": ["b", "c"]}), mode="upsert", keys=["k"])
    assert read(postgres, "SELECT * FROM t ORDER BY k").values.tolist() == [[1, "b"], [7, "c"]]


def test_lists_are_no_keys(postgres: Any) -> None:
    with pytest.raises(IntegrationError, match="'k' has values of type list"):
        save(postgres, pd.DataFrame({"k": [[1], [2]]}), mode="upsert", keys=["k"])
