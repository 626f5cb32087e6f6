"""The first version: a linear model on the schedule of the day."""

from __future__ import annotations

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import aqueduct_core as aq

LATE = 15  # minutes, as the statistics of the airlines count it


@aq.op(cache=True)
def train(history: pd.DataFrame) -> Pipeline:
    """Learn which flights arrive late."""
    categories = ["carrier", "origin", "dest", "weekday"]
    numbers = ["hour", "distance"]
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), categories),
        (StandardScaler(), numbers),
    )
    model = make_pipeline(prepare, LogisticRegression(max_iter=300))
    return model.fit(history[categories + numbers], history["arr_delay"] > LATE)


@aq.op
def predict(model: Pipeline, flights: pd.DataFrame) -> pd.DataFrame:
    """Score each flight with the probability that it arrives late."""
    flights["late"] = flights["arr_delay"] > LATE
    flights["score"] = model.predict_proba(flights[model.feature_names_in_])[:, 1]
    return flights.drop(columns="arr_delay")
