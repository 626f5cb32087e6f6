"""One value for each format, written into `tests/golden/store-1` when format 1 was fixed.

`python -m tests.golden.values FOLDER` writes them anew: for a new format, into a new folder. What is
there already is never written again.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from PIL import Image

from aqueduct_core.store import ArtifactStore

KEY = b"golden"
POLICIES = ("fast", "small")


def frame() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["letter", None])
    return pd.DataFrame(
        {
            "int": np.arange(6, dtype="int32"),
            "nullable": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "float": [0.5, np.nan, -0.0, np.inf, 1e300, 2.5],
            "text": ["x", None, "", "é", "long " * 9, "z"],
            "category": pd.Categorical([3, 1, None, 3, 1, 3], [3, 2, 1], ordered=True),
            "seconds": pd.date_range("2020-01-01", periods=6, freq="h", tz="Asia/Tokyo", unit="s"),
            "period": pd.period_range("2020-01", periods=6, freq="M"),
            "objects": [1, "one", (1, 2), None, np.nan, {"a": [1]}],
        },
        index=index,
    )


def picture(mode: str) -> Image.Image:
    image = Image.linear_gradient("L").resize((9, 5)).convert(mode)
    image.info["dpi"] = (72, 72)
    return image


def jpeg() -> Image.Image:
    file = io.BytesIO()
    picture("RGB").save(file, "JPEG")
    return Image.open(file)


VALUES: dict[str, Callable[[], Any]] = {
    "text": lambda: "naïve 😀 \ud800",
    "long-text": lambda: "to be or not to be, " * 1_000,
    "bytes": lambda: bytes(range(256)) * 40,
    "json": lambda: {"plain": [1, 2.5, None, True, "x"], "empty": {}},
    "tagged": lambda: {
        ("tuple", 1): {decimal.Decimal("1.10"), 2**70},
        "time": dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=dt.UTC),
        "nan": [float("nan"), float("-inf"), -0.0],
        "bytes": b"\x00\xff",
        "numpy": np.float32(1.5),
        "range": range(1, 10, 2),
    },
    "collection": lambda: {"frame": frame(), "arrays": [np.arange(3), np.eye(2)], "n": 1},
    "array": lambda: np.arange(24, dtype=">f4").reshape(2, 3, 4).T,
    "structured": lambda: np.array([(1, 2.5, b"x")], dtype=[("a", "i2"), ("b", "f8"), ("c", "S3")]),
    "large-array": lambda: np.arange(4_000),
    "masked": lambda: np.ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=9),
    "frame": frame,
    "series": lambda: frame()["seconds"],
    "index": lambda: pd.date_range("2020", periods=4, freq="QE-NOV"),
    "arrow": lambda: pa.table(
        {"d": pa.array(["a", None, "a"]).dictionary_encode(), "l": [[1], [], None]}
    ),
    "polars": lambda: pl.DataFrame({"e": pl.Series(["x", None], dtype=pl.Enum(["y", "x"]))}),
    "image": lambda: picture("RGB"),
    "palette": lambda: picture("P"),
    "image-file": jpeg,
    "object": lambda: defaultdict(np.zeros, {1: np.arange(2_000)}),
}


def main() -> None:
    for policy in POLICIES:
        store = ArtifactStore(sys.argv[1], policy=policy, signing_key=KEY)
        for name, make in VALUES.items():
            store.put(make(), f"{policy}/{name}")


if __name__ == "__main__":
    main()
