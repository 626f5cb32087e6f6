"""A value of each optional format, written into `tests/golden/science-1` when they were fixed.

`python -m tests.golden.science FOLDER` writes them anew: for a new version of a format, into a new
folder. Those of PyTorch are written where PyTorch is: `python -m tests.golden.tensors FOLDER`.
What is pickled, or depends on the version of a library that it was made with, is not among them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import lightgbm as lgb
import numpy as np
import pandas as pd
import scipy.sparse as sp
import shapely
import xarray as xr
import xgboost as xgb

from aqueduct_core.store import ArtifactStore
from tests.golden.values import KEY, POLICIES

GIVEN = np.linspace(-1, 1, 60).reshape(30, 2)


def booster() -> xgb.Booster:
    data = xgb.DMatrix(GIVEN, GIVEN[:, 0] > 0, feature_names=["a", "b"])
    return xgb.train({"nthread": 1, "max_depth": 2, "seed": 1}, data, 3)


def trees() -> lgb.Booster:
    known = {
        "verbose": -1,
        "num_threads": 1,
        "seed": 1,
        "min_data_in_leaf": 2,
        "deterministic": True,
    }
    return lgb.train(known, lgb.Dataset(GIVEN, GIVEN[:, 0] > 0), 3)


def places() -> gpd.GeoDataFrame:
    shapes = [shapely.Point(1.5, 2, 3), None, shapely.box(0, 0, 1, 1)]
    made = gpd.GeoDataFrame(
        {"n": pd.array([1, None, 3], dtype="Int8"), "shape": shapes}, geometry="shape", crs=4326
    )
    made.index = pd.Index(["x", "y", "z"], name="key")
    return made


def weather() -> xr.Dataset:
    return xr.Dataset(
        {"rain": (("day", "place"), np.arange(6, dtype="float32").reshape(3, 2), {"unit": None})},
        coords={
            "day": pd.date_range("2026-01-01", periods=3, unit="s"),
            "place": ["n", "s"],
            "zero": 0,
        },
        attrs={"title": "weather", "levels": (1, 2)},
    )


VALUES: dict[str, Callable[[], Any]] = {
    "csr": lambda: sp.csr_array(np.eye(4)[:, ::-1]),
    "coo": lambda: sp.coo_array(([1, 2], ([0, 1], [1, 1], [2, 0])), shape=(2, 3, 4)),
    "bsr": lambda: sp.bsr_matrix(np.kron(np.eye(2), np.ones((2, 3))), blocksize=(2, 3)),
    "dia": lambda: sp.dia_array(np.eye(3)),
    "dataset": weather,
    "dataarray": lambda: weather()["rain"],
    "geodataframe": places,
    "geoseries": lambda: places()["shape"],
    "xgboost": booster,
    "lightgbm": trees,
}


# What models said when they were stored: a later version may train others.
PREDICTIONS: dict[str, Callable[[Any], Any]] = {
    "xgboost": lambda model: model.predict(xgb.DMatrix(GIVEN, feature_names=["a", "b"])),
    "lightgbm": lambda model: model.predict(GIVEN),
}


def main() -> None:
    for policy in POLICIES:
        store = ArtifactStore(sys.argv[1], policy=policy, signing_key=KEY)
        for name, make in VALUES.items():
            store.put(make(), f"{policy}/{name}")
        for name, predict in PREDICTIONS.items():
            store.put(predict(VALUES[name]()), f"{policy}/{name}.predictions")


if __name__ == "__main__":
    main()
