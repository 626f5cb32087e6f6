"""A mistake: the model's raw decision in place of a probability. The check must notice."""

from __future__ import annotations

import pandas as pd
from sklearn.pipeline import Pipeline

import aqueduct_core as aq
from aqueduct_core.cli.demo.second import LATE, train

__all__ = ["predict", "train"]


@aq.op
def predict(model: Pipeline, flights: pd.DataFrame) -> pd.DataFrame:
    """Score each flight with the probability that it arrives late."""
    flights["late"] = flights["arr_delay"] > LATE
    flights["score"] = model.decision_function(flights[model.feature_names_in_])
    return flights.drop(columns="arr_delay")
