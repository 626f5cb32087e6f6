"""LightGBM's boosters in LightGBM's own format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import lightgbm as lgb

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers import tagged

__all__ = ["LightgbmSerializer"]


class LightgbmSerializer:
    """`lightgbm.Booster` as a model file in text, which any later LightGBM reads.

    What comes back has the same trees, best iteration, scores and parameters, and predicts the
    same. As with `Booster.save_model` and pickle, the data it was trained with don't come along. The
    file is read by compiled code that trusts it, so it is loaded only from artifacts that are
    trusted, as a pickle is. `LGBMClassifier` and the like are left to pickle.
    """

    name = "lightgbm"
    version = 1
    types: tuple[type | str, ...] = ("lightgbm.basic.Booster",)
    safe = False
    artifact = "object"
    suffix = ".txt"

    def accepts(self, obj: Any, /) -> bool:
        return type(obj) is lgb.Booster

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        try:
            text = obj.model_to_string(num_iteration=-1)  # all of them, not the best ones only
        except lgb.basic.LightGBMError as error:
            raise UnserializableError(
                f"LightGBM can't save this booster: {error}", hint="train it first"
            ) from error
        sink.write(text.encode())
        scores = {name: dict(found) for name, found in obj.best_score.items()}
        return {
            "lightgbm": lgb.__version__,
            "iteration": obj.best_iteration,
            "scores": tagged.to_json(scores, nest=sink.nest),
            "parameters": tagged.to_json(obj.params, nest=sink.nest),
        }

    def load(self, source: Source, /) -> Any:
        meta = source.meta

        def value(node: Any) -> Any:
            return tagged.from_json(node, nested=source.nested, trusted=source.trusted)

        try:
            made: Any = lgb.Booster(model_str=bytes(source.view()).decode())
        except (lgb.basic.LightGBMError, ValueError) as error:
            raise CorruptArtifactError(f"LightGBM can't read its model: {error}") from error
        made.best_iteration = meta["iteration"]
        scores: Any = defaultdict(dict)
        scores.update({name: dict(found) for name, found in value(meta["scores"]).items()})
        made.best_score = scores
        made.params = value(meta["parameters"])
        return made

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """How many trees and features it has."""
        names = obj.feature_name()
        return {
            "class": "lightgbm.Booster",
            "trees": int(obj.num_trees()),
            "features": int(obj.num_feature()),
            "schema": [{"name": str(name)[:200]} for name in names[: budget.rows]],
        }
