from __future__ import annotations

import datetime as dt
import sqlite3

import pytest

from aqueduct_core.errors import GraphError
from aqueduct_core.integrations._dates import MACROS, macro_values
from aqueduct_core.integrations._statement import Statement


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT :a, :b_2 , x=:a", {"a", "b_2"}),
        ("SELECT ':no', 'it''s :no', \":no\", `:no`", set()),
        ("SELECT 1 -- :no\n, :yes", {"yes"}),
        ("SELECT /* :no\n :no */ :yes", {"yes"}),
        ("SELECT '12:30', x::int, a[1:2], t12:30", set()),
        ("SELECT '--', :yes", {"yes"}),
        (r"SELECT E'it\'s :no', e'\\', :yes, '\', :yes", {"yes"}),
        ("SELECT '$', \"$\"", set()),
    ],
)
def test_names_are_found_in_code_only(query: str, names: set[str]) -> None:
    assert Statement.of(query).names == names


@pytest.mark.parametrize(
    ("chain", "rows"),
    [
        (["SELECT 1 AS a UNION ALL SELECT 2", "SELECT * FROM $ WHERE a > 1"], [(2,)]),
        (["SELECT 1 AS a -- end", "SELECT a + 1 AS a FROM $;", "SELECT a * 10 FROM $"], [(20,)]),
        (["SELECT 1 AS a", "WITH x AS (SELECT a FROM $) SELECT a, '$' FROM x"], [(1, "$")]),
        (["WITH x AS (SELECT 5 AS a) SELECT a FROM x", "SELECT a FROM $ AS y"], [(5,)]),
        (
            [
                "SELECT 3 AS n",
                "with recursive r(i) as (select 1 union all select i+1 from r, $ where i<n) select max(i) from r",
            ],
            [(3,)],
        ),
        (["SELECT 2 AS a", "SELECT one.a + two.a FROM $ one, $ two"], [(4,)]),
        (
            ["SELECT 1 AS a UNION SELECT 2 ORDER BY a LIMIT 2", "SELECT a FROM $ ORDER BY a DESC"],
            [(2,), (1,)],
        ),
    ],
)
def test_chains(chain: list[str], rows: list[tuple[object, ...]]) -> None:
    connection = sqlite3.connect(":memory:")
    assert connection.execute(Statement.of(chain).text).fetchall() == rows
    connection.close()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "neither a query"),
        ([], "neither a query"),
        (["SELECT 1", " "], "neither a query"),
        ("SELECT * FROM $", r"uses \$, and there is no query before it"),
        (["SELECT 1", "SELECT 2"], r"does not use \$"),
        (["SELECT 1", "SELECT '$'"], r"does not use \$"),
        ("SELECT 1 AS a\0, 2", "has a NUL"),
        (["SELECT '\ud800'"], "half of a character"),
    ],
)
def test_what_is_no_query(query, reason: str) -> None:
    with pytest.raises(GraphError, match=reason):
        Statement.of(query)


def test_parameters_must_match() -> None:
    statement = Statement.of("SELECT :a")
    statement.check(["a"])
    with pytest.raises(GraphError, match="no value for :a"):
        statement.check([])
    with pytest.raises(GraphError, match="does not use the parameter 'b'"):
        statement.check(["a", "b"])


def test_a_statement_is_written_for_a_driver() -> None:
    statement = Statement.of(
        "SELECT '100%', :a, x % :b, '%s :a', $$ :no $$ FROM t WHERE d < {today}"
    )
    text = statement.render(lambda name: f"%({name})s", lambda text: text.replace("%", "%%"))
    expected = (
        "SELECT '100%%', %(a)s, x %% %(b)s, '%%s :a', $$ :no $$ FROM t WHERE d < %(aqueduct_today)s"
    )
    assert text == expected
    values = statement.values({"a": 1, "b": 2})
    assert values["a"] == 1
    assert set(values) == {"a", "b", "aqueduct_today"}


def test_dates_are_told_from_one_moment() -> None:
    moment = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
    assert {
        name: str(value) for name, value in macro_values(frozenset(MACROS), moment).items()
    } == {
        "now": "2024-03-01 12:00:00+00:00",
        "today": "2024-03-01",
        "yesterday": "2024-02-29",
        "tomorrow": "2024-03-02",
        "week_ago": "2024-02-23",
        "month_start": "2024-03-01",
        "last_month_start": "2024-02-01",
        "year_start": "2024-01-01",
    }


def test_dates_must_be_known_and_not_in_quotes() -> None:
    with pytest.raises(GraphError, match=r"\{never\} is no date[\s\S]*\{today\}"):
        Statement.of("SELECT {never}")
    with pytest.raises(GraphError, match="stands in quotes"):
        Statement.of("SELECT '{today}'")
    assert Statement.of("SELECT '{a}'").macros == frozenset()
