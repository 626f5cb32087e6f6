"""What is typed becomes a value of the type that the parameter has."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.cli._values import read_pairs, read_parameters
from aqueduct_core.dag._spec import ParameterSpec
from aqueduct_core.errors import ParameterError
from aqueduct_core.serializers import tagged


def read(default: Any, text: str) -> Any:
    spec = ParameterSpec(name="p", value={"value": tagged.to_json(default)}, type="x")
    return read_parameters([f"p={text}"], {"p": spec})["p"]


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [
        ("US", "9", "9"),
        ("US", "", ""),
        ("US", "a=b", "a=b"),
        (9, "10", 10),
        (9, "9.5", 9.5),
        (0.5, "1", 1.0),
        (True, "no", False),
        (False, "TRUE", True),
        (None, "null", None),
        (None, "[1, 2]", [1, 2]),
        (None, "plain text", "plain text"),
        (b"a", "é", "é".encode()),
        (Decimal("1.0"), "1.50", Decimal("1.50")),
        (Fraction(1, 2), "1/3", Fraction(1, 3)),
        (date(2024, 1, 1), "2025-02-03", date(2025, 2, 3)),
        (
            datetime(2024, 1, 1, tzinfo=UTC),
            "2025-02-03T04:05Z",
            datetime(2025, 2, 3, 4, 5, tzinfo=UTC),
        ),
        (time(1), "02:30", time(2, 30)),
        (timedelta(1), "1.5", timedelta(seconds=1.5)),
        (UUID(int=1), str(UUID(int=2)), UUID(int=2)),
        (Path("a"), "b/c", Path("b/c")),
        (["a"], '["b", 1]', ["b", 1]),
        (("a",), '["b"]', ("b",)),
        ({1}, "[2, 3]", {2, 3}),
        ({"a": 1}, '{"b": [2]}', {"b": [2]}),
    ],
    ids=repr,
)
def test_the_type_of_the_default_decides(default: Any, text: str, expected: Any) -> None:
    found = read(default, text)
    assert found == expected
    assert type(found) is type(expected)


@given(st.text())
def test_text_is_taken_as_it_is(text: str) -> None:
    assert read("", text) == text


@pytest.mark.parametrize(
    ("default", "text"),
    [(9, "nine"), (True, "perhaps"), (["a"], '{"a": 1}'), ({}, "[]"), (date.min, "x"), ([], "[")],
    ids=repr,
)
def test_what_does_not_fit_is_refused_and_the_default_told(default: Any, text: str) -> None:
    with pytest.raises(ParameterError, match=r"for the parameter 'p'[\s\S]*Hint: the default is"):
        read(default, text)


def test_tables_can_not_be_typed() -> None:
    spec = ParameterSpec(name="p", value={"artifact": {}}, type="table")
    with pytest.raises(ParameterError, match=r"is a table[\s\S]*from Python"):
        read_parameters(["p=1"], {"p": spec})


def test_unknown_and_doubled_names_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"'q'[\s\S]*the parameters are: none"):
        read_parameters(["q=1"], {})
    with pytest.raises(ParameterError, match="given twice"):
        read_pairs(["a=1", "a=2"], "")
    with pytest.raises(ParameterError) as caught:
        read_pairs(["hunter2"], "-p month=9")
    assert "hunter2" not in str(caught.value)
