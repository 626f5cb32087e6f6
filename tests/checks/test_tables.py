"""Numbers about tables: the same for pandas, polars and Arrow."""

from __future__ import annotations

import math
import statistics
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.checks import as_number, preset
from aqueduct_core.errors import ColumnNotFoundError, MissingExtraError, OperatorError

NUMBERS = st.integers(-(2**63), 2**63 - 1)
REALS = st.floats(-1e12, 1e12) | st.just(math.nan)


def tables(columns: dict[str, list]) -> list[object]:
    """One table in every library."""
    arrow = pa.table(columns)
    return [
        arrow,
        arrow.to_batches()[0] if len(arrow) else arrow,
        pl.from_arrow(arrow),
        pl.from_arrow(arrow).lazy(),
        pd.DataFrame(columns),
        arrow.to_pandas(types_mapper=pd.ArrowDtype),
        pd.DataFrame(columns).convert_dtypes(),
    ]


def results(name: str, columns: dict[str, list], **arguments: object) -> list[object]:
    found = [preset(name, **arguments)(table) for table in tables(columns)]
    return [as_number(item) for item in found]


def test_rows() -> None:
    assert results("number_of_rows", {"a": [1, 2, None]}) == [3] * 7
    assert results("number_of_rows", {"a": pa.array([], pa.int64())}) == [0] * 7
    assert preset("number_of_rows")(pd.DataFrame(index=range(4))) == 4


def test_missing_values_are_null_and_nan() -> None:
    columns = {"a": [1.0, None, math.nan], "b": ["x", None, ""], "c": [None, None, None]}
    assert results("number_of_missing_values", columns) == [6] * 7
    assert results("number_of_missing_values", columns, column="a") == [2] * 7
    assert results("number_of_missing_values", columns, column="b") == [1] * 7
    assert results("number_of_missing_values", columns, row=0) == [1] * 7
    assert results("number_of_missing_values", columns, row=1) == [3] * 7
    assert results("number_of_missing_values", columns, row=2) == [2] * 7
    assert results("number_of_missing_values", {"a": pa.array([], pa.int64())}) == [0] * 7


def test_a_row_is_its_place_and_no_label() -> None:
    table = pd.DataFrame({"a": [None, 1.0]}, index=[1, 0])
    assert preset("number_of_missing_values", row=0)(table) == 1
    with pytest.raises(OperatorError, match="the table has 2 rows"):
        preset("number_of_missing_values", row=2)(table)


def test_missing_values_of_columns_of_one_name_and_of_odd_objects() -> None:
    table = pd.DataFrame([[None, 1, object()], [None, None, {}]], columns=["a", "a", "b"])
    assert preset("number_of_missing_values")(table) == 3
    assert preset("number_of_missing_values", column="b")(table) == 0
    with pytest.raises(OperatorError, match="2 columns called 'a'"):
        preset("number_of_missing_values", column="a")(table)


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_whole_numbers_stay_exact(values) -> None:
    columns = {"x": values}
    assert results("min", columns, column="x") == [min(values)] * 7
    assert results("max", columns, column="x") == [max(values)] * 7
    exact = sum(values) / len(values)
    for mean in results("mean", columns, column="x"):
        assert mean == pytest.approx(exact, rel=1e-12, abs=max(map(abs, values)) * 1e-15)
        if max(map(abs, values)) * len(values) < 2**63:
            assert mean == exact


@given(st.lists(REALS, max_size=20))
def test_all_libraries_agree_and_leave_out_what_is_missing(values) -> None:
    columns = {"x": pa.array(values, pa.float64())}
    real = [value for value in values if not math.isnan(value)]
    expected = {
        "min": min(real, default=math.nan),
        "max": max(real, default=math.nan),
        "mean": math.fsum(real) / len(real) if real else math.nan,
        "std": statistics.stdev(real) if len(real) > 1 else math.nan,
    }
    for name, value in expected.items():
        found = results(name, columns, column="x")
        assert found == pytest.approx([value] * 7, rel=1e-9, abs=1e-3, nan_ok=True)
        assert len({repr(item) for item in found[:-1]}) == 1  # the last may have whole numbers


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, 4], dtype="uint8"),
        pd.Series([1, None, 2, 4], dtype="Int64"),
        pd.Series([1, 2, 4], dtype="float32"),
        pd.Series(np.array([1, 2, 4], dtype="float16")),
        pd.Series([1, None, 2, 4], dtype="double[pyarrow]"),
        pd.Series([Decimal(1), None, Decimal(2), Decimal(4)]),
        pd.Series(pd.Categorical([1, 2, 4, None])),
        pd.Series([1, 2, 4], dtype=object),
    ],
    ids=lambda series: str(series.dtype),
)
def test_columns_of_every_kind_of_number(column) -> None:
    table = pd.DataFrame({"x": column})
    found = {name: preset(name, column="x")(table) for name in ("min", "max", "mean", "std")}
    assert all(as_number(value) is value for value in found.values())
    assert (found["min"], found["max"]) == (1, 4)
    assert found["mean"] == pytest.approx(7 / 3)
    assert found["std"] == pytest.approx(statistics.stdev([1, 2, 4]))


def test_truth_values_are_ones_and_zeros() -> None:
    columns = {"x": [True, False, True, None]}
    assert results("mean", columns, column="x") == [2 / 3] * 7
    assert results("min", columns, column="x") == [0] * 7


def test_without_values_there_is_no_number() -> None:
    for name in ("min", "max", "mean", "std"):
        assert all(map(math.isnan, results(name, {"x": [None, None]}, column="x")))
    assert all(map(math.isnan, results("std", {"x": [1]}, column="x")))


def test_labels_of_columns_need_not_be_text() -> None:
    table = pd.DataFrame({0: [1, 2], "0": [3, 4]})
    assert preset("max", column=0)(table) == 2
    assert preset("max", column="0")(table) == 4
    assert preset("number_of_missing_values", column=0)(table) == 0


@pytest.mark.parametrize("table", tables({"a": [1], "b": [2]}))
def test_a_column_that_is_not_there_is_named_together_with_those_that_are(table) -> None:
    with pytest.raises(ColumnNotFoundError, match=r"mean\('c'\)[\s\S]*'c'[\s\S]*'a', 'b'"):
        preset("mean", column="c")(table)
    with pytest.raises(ColumnNotFoundError, match="no column 0"):
        preset("number_of_missing_values", column=0)(table)


def test_a_message_lists_no_thousand_columns() -> None:
    table = pd.DataFrame({f"column {index}": [1] for index in range(1_000)})
    with pytest.raises(ColumnNotFoundError) as caught:
        preset("mean", column="c")(table)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "values", [["x"], [pd.Timestamp(0)], [{"a": 1}], [1, "x"], [[1]], [object()]], ids=repr
)
def test_what_is_no_column_of_numbers(values) -> None:
    with pytest.raises(OperatorError, match=r"min\('x'\): the column ha|min\('x'\): the column ho"):
        preset("min", column="x")(pd.DataFrame({"x": values}))


@pytest.mark.parametrize("value", [None, [1], {"a": [1]}, 3, pd.Series([1]), np.ones((2, 2))])
def test_what_is_no_table(value) -> None:
    for name, arguments in [("number_of_rows", {}), ("max", {"column": "a"})]:
        with pytest.raises(OperatorError, match=rf"needs a table, not {type(value).__name__}"):
            preset(name, **arguments)(value)


def test_subclasses_of_tables_are_tables() -> None:
    class Frame(pd.DataFrame):
        pass

    assert preset("max", column="a")(Frame({"a": [1, 2]})) == 2


def test_statistics_without_arrow_name_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.compute", None)
    with pytest.raises(MissingExtraError, match=r"aqueduct-core\[tables\]"):
        preset("max", column="a")(pd.DataFrame({"a": [1]}))
    assert preset("number_of_rows")(pd.DataFrame({"a": [1]})) == 1
