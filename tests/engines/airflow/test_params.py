"""Parameters on their way through Airflow's trigger form, and back."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.dag import FlowSpec, ParameterSpec
from aqueduct_core.engines.airflow._params import conf_of, form, overrides
from aqueduct_core.errors import ParameterError
from aqueduct_core.serializers import tagged

numbers = st.integers() | st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
special = st.dates() | st.datetimes() | st.binary(max_size=4) | st.tuples(st.integers(0, 5))
values = plain | special


def spec_of(**defaults: Any) -> FlowSpec:
    parameters = {
        name: ParameterSpec(name=name, value={"value": tagged.to_json(value)}, type="json")
        for name, value in defaults.items()
    }
    return FlowSpec(name="flow", parameters=parameters, operators={}, python="3.11")


def value_of(found: Any) -> Any:
    return tagged.from_json(found["value"])


@given(values, values)
def test_what_a_run_is_given_arrives(default: Any, value: Any) -> None:
    spec = spec_of(x=default)
    conf = json.loads(json.dumps(conf_of(spec, {"x": {"value": tagged.to_json(value)}})))
    found = overrides(spec, conf)
    expected = tagged.to_json(value)
    if "x" not in found:
        assert json.dumps(tagged.to_json(default)) == json.dumps(expected)
    else:
        assert json.dumps(found["x"]["value"]) == json.dumps(expected)


@given(values)
def test_defaults_of_the_form_override_nothing(default: Any) -> None:
    spec = spec_of(x=default)
    given = {name: field[0] for name, field in form(spec).items()}
    assert overrides(spec, json.loads(json.dumps(given))) == {}


@pytest.mark.parametrize(
    ("default", "kinds"),
    [
        (3, ["number", "null"]),
        (0.5, ["number", "null"]),
        (True, ["boolean", "null"]),
        ("a", ["string", "null"]),
        (Decimal(1), ["object", "null"]),
        (math.nan, ["object", "null"]),
    ],
)
def test_fields_have_the_type_of_the_default(default: Any, kinds: list[str]) -> None:
    assert form(spec_of(x=default))["x"][1]["type"] == kinds


def test_dates_have_a_field_of_their_own() -> None:
    spec = spec_of(day=date(2026, 1, 31), moment=datetime(2026, 1, 31, 8, tzinfo=UTC))
    fields = form(spec)
    assert fields["day"] == ("2026-01-31", {"type": ["string", "null"], "format": "date"})
    assert fields["moment"][1]["format"] == "date-time"
    found = overrides(spec, {"day": "2026-02-01", "moment": "2026-02-01T09:30:00"})
    assert value_of(found["day"]) == date(2026, 2, 1)
    assert value_of(found["moment"]) == datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
    with pytest.raises(ParameterError, match="2026-01-31"):
        overrides(spec, {"day": "tomorrow"})


def test_other_types_count_as_other_values() -> None:
    spec = spec_of(x=1)
    assert overrides(spec, {"x": True}) == {"x": {"value": True}}
    assert overrides(spec, {"x": None}) == {"x": {"value": None}}
    assert overrides(spec, {"x": 1, "unknown": 5}) == {}


def test_what_json_cannot_hold_is_left_to_its_artifact() -> None:
    table = ParameterSpec(name="t", value={"artifact": {"key": "k"}}, type="table")
    spec = FlowSpec(name="flow", parameters={"t": table}, operators={}, python="3.11")
    assert form(spec)["t"] == (None, {"type": ["object", "null"]})
    other = {"artifact": {"key": "other"}, "digest": "d"}
    assert overrides(spec, conf_of(spec, {"t": other})) == {"t": other}
    assert overrides(spec, {"t": None}) == {}
