"""XGBoost's and LightGBM's boosters."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnsafeArtifactError, UnserializableError
from aqueduct_core.serializers.models.lightgbm import LightgbmSerializer
from aqueduct_core.serializers.models.xgboost import XgboostSerializer
from aqueduct_core.testing import SerializerTests, assert_identical
from tests.serializers.tables.doubles import MemorySink, MemorySource

CHANCE = np.random.default_rng(3)
X = pd.DataFrame({"a": CHANCE.normal(size=80), "b é": CHANCE.normal(size=80)})
X.loc[::7, "a"] = np.nan
Y = (X["a"].fillna(0) + X["b é"] > 0).astype(int)


def xgboost_model(**options: Any) -> xgb.Booster:
    data = xgb.DMatrix(X, Y)
    known = {"nthread": 1, "max_depth": 3, "objective": "binary:logistic", "seed": 1, **options}
    made = xgb.train(
        known, data, 9, evals=[(data, "t")], early_stopping_rounds=3, verbose_eval=False
    )
    made.set_attr(note="from a test")
    return made


class TestXgboostSerializer(SerializerTests):
    serializer = XgboostSerializer()
    values: ClassVar = [
        xgboost_model(),
        xgboost_model(booster="gblinear", max_depth=None),
        xgboost_model(booster="dart"),
        xgboost_model()[:2],
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        assert loaded.save_raw("ubj") == value.save_raw("ubj")
        assert loaded.attributes() == value.attributes()
        assert loaded.feature_names == value.feature_names
        assert loaded.feature_types == value.feature_types
        assert loaded.save_config() == value.save_config()
        assert_identical(loaded.predict(xgb.DMatrix(X)), value.predict(xgb.DMatrix(X)))


def lightgbm_model(**options: Any) -> lgb.Booster:
    frame = X.assign(c=pd.Categorical(np.where(X["b é"] > 0, "p", "q")))
    known = {"verbose": -1, "num_threads": 1, "objective": "binary", "metric": ["auc"], "seed": 1}
    data = lgb.Dataset(frame, Y)
    return lgb.train(
        {**known, **options},
        data,
        12,
        valid_sets=[lgb.Dataset(frame[::2], Y[::2], reference=data)],
        callbacks=[lgb.early_stopping(2, verbose=False)],
    )


class TestLightgbmSerializer(SerializerTests):
    serializer = LightgbmSerializer()
    values: ClassVar = [
        lightgbm_model(),
        lightgbm_model(boosting="rf", bagging_freq=1, bagging_fraction=0.5),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        assert loaded.model_to_string(num_iteration=-1) == value.model_to_string(num_iteration=-1)
        assert loaded.best_iteration == value.best_iteration
        assert_identical(
            {name: dict(found) for name, found in loaded.best_score.items()},
            {name: dict(found) for name, found in value.best_score.items()},
        )
        assert_identical(loaded.params, value.params)
        assert loaded.pandas_categorical == value.pandas_categorical
        frame = X.assign(c=pd.Categorical(["p", "q"] * 40))
        assert_identical(loaded.predict(frame), value.predict(frame))


@pytest.mark.parametrize(
    ("model", "name"), [(xgboost_model, "xgboost"), (lightgbm_model, "lightgbm")]
)
def test_a_booster_is_chosen_for_its_format_and_needs_trust(
    model: Any, name: str, tmp_path: Any
) -> None:
    assert ArtifactStore(tmp_path, allow_pickle=True).put(model(), "m").serializer == name
    with pytest.raises(UnsafeArtifactError):
        ArtifactStore(tmp_path).get("m")
    with pytest.raises(UnserializableError):
        ArtifactStore(tmp_path).put(model(), "n")


def test_a_model_of_another_xgboost_is_read_without_a_warning() -> None:
    value, sink = xgboost_model(), MemorySink()
    XgboostSerializer().dump(value, sink)
    config = {**json.loads(sink.parts["config"]), "version": [1, 7, 6]}
    sink.parts["config"] = bytearray(json.dumps(config).encode())
    loaded = XgboostSerializer().load(MemorySource(sink, {"xgboost": "1.7.6"}))
    assert loaded.save_raw("ubj") == value.save_raw("ubj")
    assert loaded.attributes() == value.attributes()
    assert_identical(loaded.predict(xgb.DMatrix(X)), value.predict(xgb.DMatrix(X)))


def test_wrappers_for_scikit_learn_are_pickled(tmp_path: Any) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    for made in (xgb.XGBClassifier(n_estimators=2), lgb.LGBMClassifier(n_estimators=2, verbose=-1)):
        made.fit(X.to_numpy(), Y)
        assert store.put(made, "m").serializer == "pickle"
        assert_identical(store.get("m").predict(X.to_numpy()), made.predict(X.to_numpy()))
