"""Handles: what they are for which function, and what they refuse to be."""

from __future__ import annotations

import copy
import decimal
import pickle
import typing

import cloudpickle
import numpy as np
import pandas as pd
import pandera.typing as pat
import polars as pl
import pyarrow as pa
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import GraphError

TABLE = ["head", "number_of_rows", "number_of_missing_values", "min", "max", "mean", "std"]
TABLE += ["select", "validate"]


class Frame(pd.DataFrame):
    """A table of somebody else, as that of geopandas is."""


@pytest.mark.parametrize(
    ("annotation", "handle"),
    [
        (pd.DataFrame, aq.TableArtifact),
        (pl.DataFrame, aq.TableArtifact),
        (pl.LazyFrame, aq.TableArtifact),
        (pa.Table, aq.TableArtifact),
        (pa.RecordBatch, aq.TableArtifact),
        (Frame, aq.TableArtifact),
        (pat.DataFrame[typing.Any], aq.TableArtifact),
        ("pd.DataFrame", aq.TableArtifact),
        (int, aq.NumericArtifact),
        (float, aq.NumericArtifact),
        (np.float32, aq.NumericArtifact),
        (np.int8, aq.NumericArtifact),
        (decimal.Decimal, aq.NumericArtifact),
        (bool, aq.BoolArtifact),
        (np.bool_, aq.BoolArtifact),
        (str, aq.GenericArtifact),
        (pd.Series, aq.GenericArtifact),
        (list[int], aq.GenericArtifact),
        (pd.DataFrame | None, aq.GenericArtifact),
        (typing.Any, aq.GenericArtifact),
        (None, aq.GenericArtifact),
        ("not.there", aq.GenericArtifact),
        ("no python(", aq.GenericArtifact),
        ("1 / 0", aq.GenericArtifact),
    ],
)
def test_annotations_choose_the_handle_and_nothing_else(annotation, handle) -> None:
    function = lambda: None  # noqa: E731
    function.__annotations__["return"] = annotation
    assert type(aq.op(name="f")(function)()) is handle


def test_each_of_several_outputs_has_its_own_handle() -> None:
    @aq.op(outputs=["table", "number"])
    def split(df: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return df, 1.0

    @aq.op(outputs=["a", "b"])
    def alike(df: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        return df, df

    @aq.op(outputs=["a", "b"])
    def wrong(df: pd.DataFrame) -> tuple[pd.DataFrame]:
        return (df,)

    assert [type(item) for item in split(1)] == [aq.TableArtifact, aq.NumericArtifact]
    assert [type(item) for item in alike(1)] == [aq.TableArtifact] * 2
    assert [type(item) for item in wrong(1)] == [aq.GenericArtifact] * 2


def test_methods_are_those_of_the_type_and_all_where_it_is_unknown() -> None:
    @aq.op
    def table() -> pd.DataFrame: ...

    @aq.op
    def number() -> float: ...

    @aq.op
    def unknown(): ...

    @aq.op
    def truth() -> bool: ...

    def offered(handle: object) -> set[str]:
        return {name for name in [*TABLE, "bound"] if hasattr(handle, name)}

    assert offered(table()) == set(TABLE)
    assert offered(number()) == {"bound"}
    assert offered(unknown()) == {*TABLE, "bound"}
    assert offered(truth()) == set()
    assert all(hasattr(item(), "system_metric") for item in (table, number, unknown, truth))
    assert isinstance(aq.metric(name="m")(lambda: 1)(), aq.NumericArtifact)
    assert isinstance(aq.check(name="c")(lambda: True)(), aq.BoolArtifact)


@aq.op
def step(value: object) -> object:
    return value


@pytest.mark.parametrize(
    "use", [bool, len, list, lambda artifact: artifact["column"]], ids=["if", "len", "for", "[]"]
)
def test_a_handle_is_no_value(use) -> None:
    with pytest.raises(GraphError, match=r"no value before the workflow runs[\s\S]*\.get\(\)"):
        use(step(1))


@pytest.mark.parametrize("send", [pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy])
def test_a_handle_goes_nowhere_without_its_graph(send) -> None:
    with pytest.raises(GraphError, match=r"'step' can't be copied, stored or sent[\s\S]*argument"):
        send(step(1))


def test_a_function_that_refers_to_a_handle_is_told_to_take_it_as_an_argument() -> None:
    handle = step(1)
    with pytest.raises(GraphError, match="takes it as an argument"):
        cloudpickle.dumps(lambda: handle)


def test_a_handle_shows_its_name_and_the_line_that_made_it() -> None:
    text = repr(step(1))
    assert text.startswith("<GenericArtifact 'step' of op, made at dag/test_artifacts.py:")


@pytest.mark.parametrize(
    "table",
    [pd.DataFrame({"a": range(9)}), pl.DataFrame({"a": range(9)}), pa.table({"a": range(9)})],
    ids=["pandas", "polars", "arrow"],
)
def test_head_is_the_first_rows_of_any_table(table, monkeypatch) -> None:
    handle = step(table)
    monkeypatch.setattr(type(handle), "get", lambda self: table)
    assert len(handle.head()) == 5
    assert len(handle.head(2)) == 2
    assert type(handle.head()) is type(table)


def test_what_is_no_table_has_no_head() -> None:
    with pytest.raises(GraphError, match=r"'step' has no rows: it is of type int"):
        step(1).head()


def test_some_columns_of_a_table() -> None:
    table = aq.op(name="table")(lambda: None)()
    some = table.select("b", "a")
    assert (some.operator, some.output, some.selected) == (table.operator, "output", ("b", "a"))
    assert table.selected is None
    assert repr(some).startswith("<GenericArtifact 'table' with b, a of op, made at ")
    assert some.select("a").selected == ("a",)
    parameter = aq.op(name="step")(lambda x: x)(1).operator.args[0]
    for handle, columns, hint in [
        (table, (), 'select("id", "score")'),
        (table, (1,), "each a text"),
        (table, (["a"],), "each a text"),
        (table, ("a", "a"), "once"),
        (some, ("c",), "their names"),
        (parameter, ("a",), "given whole"),
    ]:
        with pytest.raises(GraphError, match=r"has no columns .select\(.*test_artifacts") as caught:
            handle.select(*columns)
        assert hint in str(caught.value.hint)


def test_a_handle_has_none_of_the_attributes_of_its_value() -> None:
    table = aq.op(name="table")(lambda: None)()
    for name in ("columns", "shape", "groupby"):
        with pytest.raises(GraphError, match=rf"'table' can't be asked for \.{name}") as caught:
            getattr(table, name)
        assert isinstance(caught.value, AttributeError)
        assert "inside an @op" in str(caught.value.hint)
        assert not hasattr(table, name)
    protocol = "_repr_png_"
    with pytest.raises(AttributeError, match="no attribute '_repr_png_'") as plain:
        getattr(table, protocol)
    assert not isinstance(plain.value, GraphError)


def test_a_handle_is_no_number() -> None:
    metric = aq.op(name="metric")(lambda: None)()
    for calculate in (
        lambda: metric + 1,
        lambda: 2 * metric,
        lambda: -metric,
        lambda: float(metric),
    ):
        with pytest.raises(GraphError, match="'metric' can't be calculated with") as caught:
            calculate()
        assert "inside an @op" in str(caught.value.hint)
    for make in (np.asarray, np.sqrt):
        with pytest.raises(GraphError, match="'metric' can't become an array"):
            make(metric)
    for compare in (lambda: metric > 3, lambda: metric <= 3, lambda: metric < metric):
        with pytest.raises(GraphError, match="'metric' can't be compared") as caught:
            compare()
        assert ".bound(...)" in str(caught.value.hint)
