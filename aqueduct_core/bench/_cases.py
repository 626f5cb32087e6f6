"""The values that are measured where nobody brings one: what occurs in practice, from a seed.

Needs the extras `tables` and `image`.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of value.

    Attributes:
        name: What the tables and figures call it.
        make: Builds the value; takes the number of things in it, and a seed.
        count: How many things the full value has.
    """

    name: str
    make: Callable[[int, int], Any]
    count: int

    def value(self, *, quick: bool = False) -> Any:
        """The value, a tenth as large if in a hurry and if it is large."""
        return self.make(self.count // 10 if quick and self.count > 1_000 else self.count, 0)


def mixed(rows: int, seed: int) -> pd.DataFrame:
    """Ten columns as they occur in practice, most of them with missing values."""
    random = np.random.default_rng(seed)
    missing = random.random(rows) < 0.1
    cities = np.array(["Amsterdam", "Bern", "Cairo", "Delhi", "Edinburgh", "Fes", "Genoa", "Hanoi"])
    start = np.datetime64("2020-01-01", "us")
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "amount": np.round(random.gamma(2.0, 40.0, rows), 2),
            "score": np.where(missing, np.nan, random.standard_normal(rows)),
            "rate": random.random(rows).astype("float32"),
            "count": pd.array(random.integers(0, 50, rows), dtype="Int64").copy(),
            "active": random.random(rows) < 0.5,
            "seen": pd.Series(start + random.integers(0, 10**14, rows).astype("m8[us]")).mask(
                missing
            ),
            "city": pd.Series(random.choice(cities, rows), dtype="str").mask(missing),
            "code": pd.Series(words(rows, seed, length=12), dtype="str"),
            "group": pd.Categorical(random.choice(cities, rows)),
        }
    ).assign(count=lambda frame: frame["count"].mask(missing))


def words(count: int, seed: int, length: int) -> list[str]:
    """Random lower-case words of one length."""
    random = np.random.default_rng(seed + 1)
    letters = np.frombuffer(string.ascii_lowercase.encode(), "u1")
    block = random.choice(letters, (count, length)).tobytes().decode()
    return [block[start : start + length] for start in range(0, count * length, length)]


def floats(rows: int, seed: int) -> pd.DataFrame:
    values = np.random.default_rng(seed).standard_normal((rows, 8))
    return pd.DataFrame(values, columns=list("abcdefgh"))


def wide(rows: int, seed: int) -> pd.DataFrame:
    values = np.random.default_rng(seed).standard_normal((rows, 2000))
    return pd.DataFrame(values, columns=[f"column_{index}" for index in range(2000)])


def strings(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    names = words(5_000, seed, length=9)
    return pd.DataFrame(
        {
            "code": pd.Series(words(rows, seed, length=16), dtype="str"),
            "name": pd.Series(np.take(names, random.integers(0, 5_000, rows)), dtype="str"),
            "place": pd.Series(np.take(names, random.integers(0, 40, rows)), dtype="str"),
        }
    )


def array(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 1024), dtype=np.float32)


def many_arrays(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {f"layer_{index}": random.standard_normal((16, 16)) for index in range(count)}


def records(count: int, seed: int) -> list[dict[str, Any]]:
    """About 200 bytes of JSON each."""
    random = np.random.default_rng(seed)
    names = words(count, seed, length=10)
    numbers = random.random((count, 4)).round(6).tolist()
    return [
        {
            "id": index,
            "name": name,
            "tags": [name[:3], name[3:6]],
            "position": {"x": x, "y": y},
            "weights": [z, w],
            "active": index % 3 == 0,
            "parent": None if index % 5 else index // 5,
            "note": "the quick brown fox jumps over the lazy dog",
        }
        for index, (name, (x, y, z, w)) in enumerate(zip(names, numbers, strict=True))
    ]


def image(height: int, seed: int) -> Image.Image:
    """Something like a photograph: smooth shapes with a little noise on top."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype="u1"))
    smooth = np.asarray(coarse.resize((4000, height), Image.Resampling.BICUBIC), dtype="i2")
    noise = random.normal(0, 2.0, smooth.shape).astype("i2")
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype("u1"))


def forest(rows: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(seed)
    data = random.standard_normal((rows, 20))
    label = (data[:, :5].sum(axis=1) + random.standard_normal(rows)) > 0
    return RandomForestClassifier(100, random_state=seed, n_jobs=-1).fit(data, label)


def blob(count: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(count)


def prose(count: int, seed: int) -> str:
    vocabulary = words(20_000, seed, length=7)
    picks = np.random.default_rng(seed).zipf(1.3, count // 8) % len(vocabulary)
    return " ".join([vocabulary[pick] for pick in picks.tolist()])


def tiny(_: int, seed: int) -> dict[str, Any]:
    return {"model": "v3", "seed": seed, "rate": 0.05, "layers": [64, 32], "early": True}


CASES = {
    case.name: case
    for case in (
        Case("mixed frame", mixed, 1_000_000),
        Case("float frame", floats, 2_000_000),
        Case("string frame", strings, 1_000_000),
        Case("small frame", mixed, 1_000),
        Case("array", array, 32_768),
        Case("dict of arrays", many_arrays, 1_000),
        Case("records", records, 50_000),
        Case("image", image, 3_000),
        Case("model", forest, 12_000),
        Case("bytes", blob, 100_000_000),
        Case("text", prose, 50_000_000),
        Case("tiny dict", tiny, 1),
    )
}
