"""What errors say about names that there are."""

from __future__ import annotations

from aqueduct_core._offers import offer, offer_parameters


def test_names_are_listed() -> None:
    assert offer("x", ["one", "two"]) == "there is: 'one', 'two'"
    assert offer("x", []) == "there is: none"
    assert offer("x", ["one"], "the parameters are", str) == "the parameters are: one"


def test_parameters_are_listed_with_where_they_come_from() -> None:
    told = offer_parameters("dept", ["train.depth"])
    assert told.startswith("the parameters are: train.depth; ")
    assert "give it in the call" in offer_parameters("n", [])


def test_a_name_that_is_alike_is_offered() -> None:
    assert offer("churn", ["Churn", "Late"]) == "there is: 'Churn', 'Late'; did you mean 'Churn'?"
    assert offer("predicts", ["predict", "fit"]).endswith("; did you mean 'predict'?")
    assert offer(3, ["predict", "fit"]) == "there is: 'predict', 'fit'"


def test_very_many_names_are_not_all_listed() -> None:
    told = offer("part-499x", [f"part-{number}" for number in range(1_000)])
    assert told.startswith("there is: 'part-0', 'part-1', ")
    assert told.endswith("'part-19', and 980 more; did you mean 'part-499'?")
