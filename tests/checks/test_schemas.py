"""Tables against schemas of pandera."""

from __future__ import annotations

import cloudpickle
import pandas as pd
import pandera.pandas as pa_pandas
import pandera.polars as pa_polars
import polars as pl
import pyarrow as pa
import pytest

import aqueduct_core as aq
from aqueduct_core.checks import Verdict
from aqueduct_core.dag import Graph
from tests.dag.computing import value_of

GOOD = pd.DataFrame({"price": [1.0, 2.5], "name": ["a", "b"]})
BAD = pd.DataFrame({"price": [1.0, -2.0, -3.0, -4.0, -5.0], "name": ["a", None, "c", "d", "e"]})

SCHEMA = pa_pandas.DataFrameSchema(
    {"price": pa_pandas.Column(float, pa_pandas.Check.ge(0)), "name": pa_pandas.Column(str)},
    name="Prices",
)


class PandasModel(pa_pandas.DataFrameModel):
    price: float = pa_pandas.Field(ge=0)
    name: str


class PolarsModel(pa_polars.DataFrameModel):
    price: float = pa_polars.Field(ge=0)
    name: str


POLARS = pa_polars.DataFrameSchema(
    {"price": pa_polars.Column(float, pa_polars.Check.ge(0)), "name": pa_polars.Column(str)}
)


@aq.op
def prices(df: object) -> pd.DataFrame:
    return df


@pytest.mark.parametrize("schema", [SCHEMA, PandasModel, POLARS, PolarsModel], ids=range(4))
@pytest.mark.parametrize(
    "library",
    [lambda df: df, pl.from_pandas, lambda df: pl.from_pandas(df).lazy(), pa.Table.from_pandas],
    ids=["pandas", "polars", "lazy", "arrow"],
)
def test_a_table_of_any_library_fits_a_schema_of_any(schema, library) -> None:
    validate = prices(1).validate(schema).operator.task.function
    assert validate(library(GOOD)) == Verdict(True)
    verdict = validate(library(BAD))
    assert not verdict
    assert "the table does not fit:\n- " in verdict.reason
    assert "column 'name', not_nullable: 1 not valid (" in verdict.reason
    assert "column 'price', greater_than_or_equal_to(0): 4 not valid (" in verdict.reason
    assert ", ...)" in verdict.reason


def test_the_failing_rows_are_named() -> None:
    verdict = prices(1).validate(SCHEMA).operator.task.function(BAD)
    assert "4 not valid (-2.0 in row 1, -3.0 in row 2, -4.0 in row 3, ...)" in verdict.reason


def test_what_concerns_the_whole_table() -> None:
    validate = prices(1).validate(SCHEMA).operator.task.function
    assert validate(GOOD[["price"]]).reason == (
        "the table does not fit:\n- column_in_dataframe: 1 not valid ('name')"
    )


def test_a_reason_does_not_list_everything() -> None:
    columns = {f"c{index}": pa_pandas.Column(int, name=f"c{index}") for index in range(50)}
    validate = prices(1).validate(pa_pandas.DataFrameSchema(columns)).operator.task.function
    reason = validate(pd.DataFrame({name: ["x"] for name in columns})).reason
    assert reason.count("\n") <= 11
    assert "more" in reason


def test_it_is_a_check_that_holds_back_saves_unless_told_otherwise() -> None:
    df = prices(GOOD)
    check = df.validate(SCHEMA)
    assert isinstance(check, aq.BoolArtifact)
    assert check.name == "Prices of prices"
    assert (check.operator.kind, check.operator.task.severity) == ("check", "error")
    assert df.validate(PandasModel, severity="warning").operator.task.severity == "warning"
    assert value_of(check) is True
    assert value_of(prices(BAD).validate(SCHEMA)) is False


def test_every_schema_is_a_check_of_its_own_and_the_same_one_is_one() -> None:
    df = prices(GOOD)
    for schema in (SCHEMA, POLARS, pa_pandas.DataFrameSchema({}), SCHEMA):
        df.validate(schema)
    names = [item for item in Graph.of([df]).names.values() if " of " in item]
    assert sorted(names) == ["Prices of prices", "schema of prices", "schema of prices-2"]


def test_it_can_be_sent_to_another_process() -> None:
    function = prices(1).validate(SCHEMA).operator.task.function
    assert not cloudpickle.loads(cloudpickle.dumps(function))(BAD)
