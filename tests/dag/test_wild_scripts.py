"""What people write: classes of all kinds, decorators, models, odd globals."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from aqueduct_core.dag._capture import Captures
from tests.dag.published import call, publish

SCRIPT = """
    import collections, concurrent.futures, contextlib, dataclasses, datetime, decimal, enum
    import functools, logging, operator, os.path, pathlib, random, re, typing, urllib.parse as up
    import xml.etree.ElementTree as ET
    from abc import ABC, abstractmethod
    from typing import Generic, NamedTuple, Protocol, TypeVar

    import numpy as np
    import polars as pl
    import pyarrow as pa
    import scipy.sparse.linalg
    from PIL import Image
    from pydantic import BaseModel, Field, field_validator
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.tree import DecisionTreeClassifier

    import aqueduct_core as aq

    T = TypeVar("T")

    class Model(BaseModel):
        x: int = Field(gt=0)
        tags: list[str] = []

        @field_validator("x")
        @classmethod
        def check(cls, value):
            return value + 1

    @aq.op
    def pydantic(n):
        return Model(x=n).x

    class Has(Protocol):
        def get(self) -> int: ...

    class Base(ABC, Generic[T]):
        @abstractmethod
        def get(self): ...

    class Child(Base[int]):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def get(self):
            return self.value

    @aq.op
    def abstract(n):
        has: Has = Child(n)
        return has.get() if isinstance(has, Base) else None

    @functools.singledispatch
    def show(x):
        return "?"

    @show.register
    def _(x: int):
        return "int"

    show(1)

    @contextlib.contextmanager
    def inside(n):
        yield n + 1

    @aq.op
    def decorators(n):
        with inside(n) as more:
            return [show(more), more]

    PATTERN, FIRST = re.compile("a+", re.I), operator.itemgetter(0)
    DAY, DECIMAL, PATH = datetime.date(2020, 1, 1), decimal.Decimal("1.0"), pathlib.PurePath("a/b")
    COUNTER = collections.Counter("hello world")
    DEFAULTS = collections.defaultdict(list, {"a": [1]})
    RANDOM = random.Random(3)
    log = logging.getLogger(__name__)

    @aq.op
    def standard_library(n):
        log.info("running")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            n = pool.submit(lambda: n).result()
        return [
            bool(PATTERN.match("AA")), FIRST([5]), str(DAY), str(DECIMAL), str(PATH), COUNTER["l"],
            DEFAULTS["b"], RANDOM.random() < 1, os.path.join("a", "b"), ET.fromstring("<a/>").tag,
            up.quote(" "), n,
        ]

    class Shift(BaseEstimator, TransformerMixin):
        def __init__(self, by=1):
            self.by = by

        def fit(self, X, y=None):
            self.mean_ = X.mean()
            return self

        def transform(self, X):
            return X + self.by

    def double(X):
        return X * 2

    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = Pipeline(
        [
            ("double", FunctionTransformer(double)),
            ("shift", Shift(2)),
            ("tree", DecisionTreeClassifier(random_state=0)),
        ]
    ).fit(X, [0, 0, 1, 1])

    @aq.op
    def estimators(n):
        return model.predict(np.array([[n]])).tolist()

    @dataclasses.dataclass(slots=True, order=True, kw_only=True)
    class Slotted:
        x: int
        y: list = dataclasses.field(default_factory=list, compare=False)

        def up(self):
            return dataclasses.replace(self, x=self.x + 1)

    class Flags(enum.Flag):
        A = enum.auto()
        B = enum.auto()

    class Named(NamedTuple):
        a: int
        b: int = 5

        def total(self):
            return self.a + self.b

    class Failure(ValueError):
        pass

    @aq.op
    def classes(n):
        try:
            raise Failure("told")
        except Failure as error:
            text = str(error)
        return [Slotted(x=n).up().x, (Flags.A | Flags.B).value, Named(1).total(), text]

    NESTED = {
        "polars": pl.DataFrame({"a": [1, 2]}),
        "list": [pa.table({"b": [1]}), {"image": Image.new("L", (2, 2), 7)}],
        "sets": {frozenset({"a", "b"}), frozenset({"c"})},
        "objects": np.array(["x", None], dtype=object),
        "masked": np.ma.masked_array([1, 2], [0, 1]),
    }

    @aq.op
    def nested(n):
        pixel = NESTED["list"][1]["image"].getpixel((0, 0))
        norm = float(scipy.sparse.linalg.norm(scipy.sparse.eye(2)))
        return [NESTED["polars"]["a"].sum(), pixel, len(NESTED["sets"]), norm > 1]

    def counting():
        total, seen = 0, {}

        def count(n):
            nonlocal total
            total += n
            seen[n] = total
            return total

        return count

    closure = aq.op(name="closure")(counting())

    STATE = {"n": 0}

    def bump():
        global TOTAL
        TOTAL = STATE["n"] + 1
        STATE["n"] = TOTAL

    @aq.op
    def state(n):
        bump()
        bump()
        return STATE["n"]

    artifacts = [
        each(2)
        for each in (pydantic, abstract, decorators, standard_library, estimators, classes, nested)
    ] + [closure(1), state(1)]
"""

EXPECTED = {
    "pydantic": 4,
    "abstract": 3,
    "decorators": ["int", 4],
    "standard_library": [
        *(True, 5, "2020-01-01", "1.0", "a/b", 3, [], True, "a/b", "a", "%20", 3),
    ],
    "estimators": [1],
    "classes": [4, 3, 6, "told"],
    "nested": [3, 7, 2, True],
    "closure": 3,
    "state": 2,
}


def test_whatever_people_write_has_one_digest_and_runs_elsewhere(tmp_path: Path) -> None:
    one = publish(tmp_path / "one", SCRIPT, seed=1)
    two = publish(tmp_path / "two", SCRIPT, seed=2)
    assert one["spec"]["functions"] == two["spec"]["functions"]
    assert one["digest"] == two["digest"]
    # One call shows all: the last line that is printed is its own.
    every = f"""
        expected = json.loads({json.dumps(json.dumps(EXPECTED))})
        found = {{name: version.function(store, name)(3) for name in expected}}
        assert found == expected, found
    """
    assert call(tmp_path / "one", one, "closure", 3, before=every) == 3


@pytest.mark.parametrize(
    ("before", "after"), [("gt=0", "gt=1"), ("x: int", "x: float"), ("value + 1", "value + 2")]
)
def test_a_change_of_a_pydantic_model_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    source = """
from pydantic import BaseModel, Field, field_validator

class Model(BaseModel):
    x: int = Field(gt=0)  # a comment

    @field_validator("x")
    @classmethod
    def check(cls, value):
        return value + 1

def f(n):
    return Model(x=n).x
"""
    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    texts = [source, source.replace("a comment", "another"), source.replace(before, after)]
    for number, text in enumerate(texts):
        name = f"models_{number}_{abs(hash((before, after)))}"
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        digests.append(Captures().of(importlib.import_module(name).f).task["digest"])
    assert digests[0] == digests[1] != digests[2]
