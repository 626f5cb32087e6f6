"""Another mistake: a column that the query does not give. The trace must say so."""

from __future__ import annotations

import pandas as pd
from sklearn.pipeline import Pipeline

import aqueduct_core as aq
from aqueduct_core.cli.demo.second import LATE, train

__all__ = ["predict", "train"]


@aq.op
def predict(model: Pipeline, flights: pd.DataFrame) -> pd.DataFrame:
    """Score each flight with the probability that it arrives late."""
    print(f"scoring {len(flights):,} flights")
    flights["late"] = flights["arrival_delay"] > LATE
    flights["score"] = model.predict_proba(flights[model.feature_names_in_])[:, 1]
    return flights.drop(columns="arr_delay")
