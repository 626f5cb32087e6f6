"""Real scripts: published in one process, run in another that has none of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dag.published import call, publish

SCRIPT = """
    import functools
    import math
    import features
    from shapes import Point, area as surface

    import aqueduct_core as aq

    LIMIT = 5
    TAGS = {"red", "green", "blue", "yellow"}

    def helper(x):
        return x + LIMIT

    @aq.op
    def step(x: int, by: int = 2) -> float:
        '''Docs.'''
        words = {w for w in ("a", "b", "c")} | TAGS
        point = Point(x, by)
        return helper(surface(point)) + math.floor(features.scale(x)) + len(words)

    @aq.op
    def late(x):
        import features
        from deep.inner import thing
        import deep.other as other
        return features.scale(x) + thing(x) + other.TEN

    artifacts = [step(late(1), 3)]
"""
MODULES = {
    "features": """
        import threading
        from collections import Counter
        FACTOR = 10
        lock = threading.Lock()  # can't be pickled, and isn't used
        def scale(x):
            return helper(x) * FACTOR
        def helper(x):
            return Counter([x])[x]
    """,
    "shapes": """
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
            y: int
            def shifted(self):
                return Point(self.x + 1, self.y)
        def area(point):
            return point.shifted().x * point.y
    """,
    "deep__inner": """
        from . import other
        def thing(x):
            return x + other.TEN
    """,
    "deep__other": """
        from . import inner  # a cycle
        TEN = 10
        def back(x):
            return inner.thing(x)
    """,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published") / "one"


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    return publish(folder, SCRIPT, seed=1, **MODULES)


def test_published_twice_is_one_version_also_with_another_hash_seed(
    folder: Path, document: dict[str, Any]
) -> None:
    other = publish(folder.parent / "two", SCRIPT, seed=2, **MODULES)
    assert (document["new"], other["new"]) == (True, False)
    for name in ("digest", "ids", "code", "spec"):
        assert document[name] == other[name]


def test_a_worker_needs_none_of_the_users_modules(folder: Path, document: dict[str, Any]) -> None:
    assert call(folder, document, "step", 3, 2) == 8 + 5 + 10 + 7
    assert call(folder, document, "late", 1) == 10 + 11 + 10


def test_modules_that_are_imported_late_are_gone_after_the_call(
    folder: Path, document: dict[str, Any]
) -> None:
    check = """
        late = version.function(store, "late")
        late(1)
        assert not {"features", "deep", "deep.inner"} & {*sys.modules}
    """
    assert call(folder, document, "late", 1, before=check) == 31


def test_classes_stay_the_same_when_only_one_of_two_operators_changes(tmp_path: Path) -> None:
    script = """
        import aqueduct_core as aq
        from shapes import Color, Point

        @aq.op
        def make(x):
            return Point(x, 1), Color.RED

        @aq.op
        def use(made):
            point, color = made
            return [isinstance(point, Point), color is Color.RED, 1]

        artifacts = [use(make(1))]
    """
    shapes = """
        import dataclasses, enum

        @dataclasses.dataclass
        class Point:
            x: int
            y: int

        class Color(enum.Enum):
            RED = 1
    """
    one = publish(tmp_path / "one", script, shapes=shapes)
    two = publish(tmp_path / "two", script.replace(", 1]", ", 2]"), shapes=shapes)
    assert one["code"]["make"] == two["code"]["make"]
    assert one["code"]["use"] != two["code"]["use"]
    both = """
        made = version.function(store, "make")(1)
        kept = store.get(store.put(made, "made"))
        assert version.function(store, "use")(kept) == [True, True, 2]
        arguments = [made]
    """
    assert call(tmp_path / "one", two, "use", before=both) == [True, True, 2]


UNIMPORTANT = {
    "a comment elsewhere": ("LIMIT = 5", "LIMIT = 5  # as agreed"),
    "empty lines": ("    LIMIT = 5", "\n\n\n    LIMIT = 5"),
    "a function that nobody calls": ("    LIMIT = 5", "    def other(): ...\n    LIMIT = 5"),
    "a global that nobody uses": ("    LIMIT = 5", "    LIMIT = 5\n    OTHER = 1"),
    "the order of imports": (
        "import math\n    import features",
        "import features\n    import math",
    ),
}


@pytest.mark.parametrize("change", UNIMPORTANT)
def test_what_does_not_matter_makes_no_version(
    tmp_path: Path, document: dict[str, Any], change: str
) -> None:
    first, second = UNIMPORTANT[change]
    assert first in SCRIPT
    other = publish(tmp_path / "flow", SCRIPT.replace(first, second), **MODULES)
    assert document["digest"] == other["digest"]


IMPORTANT = {
    "the code": ("flow", "words = {w for", "words = {w + w for"),
    "a helper": ("flow", "return x + LIMIT", "return x - LIMIT"),
    "a constant": ("flow", "LIMIT = 5", "LIMIT = 6"),
    "a set": ("flow", '"yellow"', '"pink"'),
    "a default": ("flow", "by: int = 2", "by: int = 3"),
    "an argument": ("flow", "late(1)", "late(2)"),
    "the value of a parameter": ("flow", ", 3)", ", 4)"),
    "an alias": ("flow", "area as surface", "Point as surface"),
    "a method": ("shapes", "self.x + 1", "self.x + 2"),
    "a field": ("shapes", "y: int", "y: int = 1"),
    "a function of a module": ("features", "helper(x) * FACTOR", "helper(x)"),
    "a function of a function of a module": ("features", "Counter([x])[x]", "Counter([x, x])[x]"),
    "a constant of a module": ("features", "FACTOR = 10", "FACTOR = 11"),
    "a module that is imported late": ("deep__other", "TEN = 10", "TEN = 11"),
}


@pytest.mark.parametrize("change", IMPORTANT)
def test_what_matters_makes_a_version(
    tmp_path: Path, document: dict[str, Any], change: str
) -> None:
    file, first, second = IMPORTANT[change]
    files = {"flow": SCRIPT, **MODULES}
    assert first in files[file]
    files[file] = files[file].replace(first, second)
    other = publish(tmp_path / "flow", files.pop("flow"), **files)
    assert document["digest"] != other["digest"]
    assert set(document["ids"].values()).isdisjoint(other["ids"].values())


def test_a_model_that_was_trained_in_the_script_is_captured(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    script = """
        import numpy as np
        import pandas as pd
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        import aqueduct_core as aq

        FEATURES = ["a", "b"]
        table = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, [0, 0, 1, 1])
        forest = RandomForestClassifier(5, random_state=0).fit(table, [0, 0, 1, 1])
        weights = np.arange(2000.0)
        kinds = np.zeros(3, dtype=np.dtype("i1,f8", align=True))

        @aq.op
        def predict(df):
            df = pd.DataFrame(df)
            df["score"] = model.predict_proba(df[FEATURES])[:, 1]
            assert len(kinds) + len(table) == 7
            return [*forest.predict(df[FEATURES]).tolist(), float(weights.sum())]

        artifacts = [predict({"a": [0, 3], "b": [1, 1]})]
    """
    one = publish(tmp_path / "one", script, seed=1)
    two = publish(tmp_path / "two", script, seed=2)
    assert one["digest"] == two["digest"]
    found = call(tmp_path / "one", one, "predict", {"a": [0, 3], "b": [1, 1]})
    assert found == [0, 1, 1999000.0]
    values = one["spec"]["functions"][0]["values"]
    assert {name: text.split()[0] for name, text in values.items()} == {
        "FEATURES": "list",
        "forest": "RandomForestClassifier",
        "kinds": "ndarray",
        "model": "Pipeline",
        "table": "DataFrame",
        "weights": "ndarray",
    }
    packages = one["metadata"]["packages"]
    assert {"numpy", "pandas", "scikit-learn"} <= set(packages)
