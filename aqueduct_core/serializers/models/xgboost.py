"""XGBoost's boosters in XGBoost's own format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xgboost as xgb

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError

__all__ = ["XgboostSerializer"]


class XgboostSerializer:
    """`xgboost.Booster` as a model file in UBJSON, which any later XGBoost and other languages read.

    What comes back predicts the same, and has the same attributes, names and types of features. Its
    configuration comes back in the same version of XGBoost: others read only models, so whoever
    trains on gives the parameters again. The file is read by compiled code that trusts it, so it is
    loaded only from artifacts that are trusted, as a pickle is. `XGBClassifier` and the like are left
    to pickle.
    """

    name = "xgboost"
    version = 1
    types: tuple[type | str, ...] = ("xgboost.core.Booster",)
    safe = False
    artifact = "object"
    suffix = ".ubj"

    def accepts(self, obj: Any, /) -> bool:
        return type(obj) is xgb.Booster and vars(obj).keys() == {"handle"}

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        try:
            model, config = obj.save_raw("ubj"), obj.save_config()
        except xgb.core.XGBoostError as error:
            raise UnserializableError(
                f"XGBoost can't save this booster: {error}", hint="train it first"
            ) from error
        sink.write(model)
        sink.write(config.encode(), part="config")
        return {"xgboost": xgb.__version__}

    def load(self, source: Source, /) -> Any:
        try:
            made = xgb.Booster(model_file=bytearray(source.view()))
            if source.meta.get("xgboost") == xgb.__version__:  # others pass over it, with a warning
                made.load_config(bytes(source.view("config")).decode())
        except xgb.core.XGBoostError as error:
            raise CorruptArtifactError(f"XGBoost can't read its model: {error}") from error
        return made

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """How many rounds and features it has."""
        names = obj.feature_names or []
        return {
            "class": "xgboost.Booster",
            "rounds": int(obj.num_boosted_rounds()),
            "features": int(obj.num_features()),
            "schema": [{"name": str(name)[:200]} for name in names[: budget.rows]],
        }
