from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from aqueduct_core import ArtifactStore, Registry
from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.models.skops import SkopsSerializer
from aqueduct_core.testing import SerializerTests, assert_identical

CHANCE = np.random.default_rng(3)
X = CHANCE.normal(size=(40, 3))
Y = X[:, 0] > 0


class TestSkopsSerializer(SerializerTests):
    serializer = SkopsSerializer()
    values: ClassVar = [
        LogisticRegression(C=0.5).fit(X, Y),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        PCA(2, random_state=1).fit(X),
        StandardScaler(),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        assert repr(loaded) == repr(value)
        if hasattr(value, "predict"):
            assert_identical(loaded.predict_proba(X), value.predict_proba(X))


class Mine(BaseEstimator):
    pass


def test_models_are_pickled_unless_skops_is_asked_for(tmp_path: Any) -> None:
    model = LogisticRegression().fit(X, Y)
    store = ArtifactStore(tmp_path, allow_pickle=True)
    assert store.put(model, "m").serializer == "pickle"
    safe = ArtifactStore(tmp_path)
    assert safe.put(model, "m", serializer="skops").serializer == "skops"
    assert_identical(safe.get("m").coef_, model.coef_)
    registry = Registry()
    registry.prefer("skops")
    assert ArtifactStore(tmp_path, registry=registry).put(model, "m").serializer == "skops"


@pytest.mark.parametrize(
    "model", [FunctionTransformer(print), RandomForestClassifier(n_estimators=3).fit(X, Y), Mine()]
)
def test_what_skops_does_not_load_by_itself_is_refused(tmp_path: Any, model: Any) -> None:
    with pytest.raises(UnserializableError, match="skops"):
        ArtifactStore(tmp_path, allow_pickle=True).put(model, "m", serializer="skops")
