"""The values that are measured, and what is done with them when they come back."""

from __future__ import annotations

import pickle
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
from PIL import Image

PAGE = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of value.

    Attributes:
        name: What the tables and figures call it.
        kind: Which limit applies: `arrays`, `npy`, `json`, `image`, `bytes`, `text`.
        make: Builds the value; takes the number of things in it, and a seed.
        count: How many things the full value has.
        repeat: How often it is saved in one measurement; small values are saved many times.
        target: The ratios to the limit to reach, save and load; None for those in milliseconds.
        milliseconds: The absolute times to reach, save and load.
    """

    name: str
    kind: str
    make: Callable[[int, int], Any]
    count: int
    repeat: int = 1
    target: tuple[float, float] | None = None
    milliseconds: tuple[float, float] | None = None

    def value(self, *, quick: bool = False, seed: int = 0) -> Any:
        """The value, a tenth as large if in a hurry and if it is large."""
        shrink = quick and self.repeat == 1 and self.count > 1_000
        return self.make(self.count // 10 if shrink else self.count, seed)


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


def small_frame(rows: int, seed: int) -> pd.DataFrame:
    return mixed(rows, seed)


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
        Case("mixed frame 1M x 10", "arrays", mixed, 1_000_000, target=(1.3, 2)),
        Case("frame 5M x 8 float64", "arrays", floats, 5_000_000, target=(1.3, 2)),
        Case("frame 1M x 3 strings", "arrays", strings, 1_000_000, target=(1.3, 2)),
        Case("frame 1k x 2000 float64", "arrays", wide, 1_000, target=(2, 5)),
        Case("array 256 MB float32", "npy", array, 65_536, target=(1.2, 2)),
        Case("dict of 1,000 arrays", "arrays", many_arrays, 1_000, target=(1, 1)),
        Case("JSON 20 MB", "json", records, 95_000, target=(1.5, 1)),
        Case("image 36 MB", "image", image, 3_000, target=(1, 1)),
        Case("sklearn forest", "arrays", forest, 12_000, target=(1.2, 1.5)),
        Case("bytes 200 MB", "bytes", blob, 200_000_000, target=(1.2, 1.5)),
        Case("text 100 MB", "text", prose, 100_000_000, target=(1.2, 1.5)),
        Case("tiny dict", "json", tiny, 1, repeat=200, milliseconds=(0.5, 0.25)),
        Case("frame 1k x 10", "arrays", small_frame, 1_000, repeat=50, milliseconds=(2, 2)),
    )
}


def touch(value: Any) -> int:
    """Read a byte of every page of a value, so that nothing is left in a file unread."""
    if isinstance(value, np.ndarray):
        return _touch_array(value)
    if isinstance(value, pd.DataFrame):
        return sum(touch(block) for block in _blocks(value))
    if isinstance(value, Image.Image):
        # Eight pixels of each row: a row is three or four pages long.
        return value.resize((8, value.height), Image.Resampling.NEAREST).height
    if isinstance(value, dict) and _holds_arrays(value):
        return sum(_touch_array(member) for member in value.values())
    if isinstance(value, bytes):
        return _touch_array(np.frombuffer(value, "u1"))
    if hasattr(value, "estimators_"):
        return sum(
            touch(tree.tree_.value) + touch(tree.tree_.threshold) for tree in value.estimators_
        )
    return 0  # text and JSON are objects of the heap, made while loading


def _touch_array(array: np.ndarray) -> int:
    if not array.flags.forc:
        return int(np.isnan(array).any())
    if array.nbytes <= PAGE:
        return int(array.item(0) != 0) if array.nbytes else 0
    return int(array.reshape(-1, order="A").view("u1")[::PAGE].max())


def _blocks(frame: pd.DataFrame) -> list[Any]:
    """The arrays that a frame is made of, without copying any."""
    found: list[np.ndarray] = []
    for block in frame._mgr.blocks:
        values = block.values
        if isinstance(values, np.ndarray):
            found.append(values)
        elif hasattr(values, "_pa_array"):
            for chunk in values._pa_array.chunks:
                found.extend(np.frombuffer(buffer, "u1") for buffer in chunk.buffers() if buffer)
        elif hasattr(values, "_mask"):
            found.extend([values._data, values._mask])
        else:
            found.append(np.asarray(getattr(values, "_ndarray", values)))
    return found


def same(one: Any, other: Any) -> bool:
    """Whether what came back is what went in."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype) and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Image.Image):
        return bool(one.mode == other.mode and one.tobytes() == other.tobytes())
    if hasattr(one, "estimators_"):
        probe = np.random.default_rng(0).standard_normal((100, 20))
        return bool((one.predict_proba(probe) == other.predict_proba(probe)).all())
    return bool(one == other)


def size(value: Any) -> int:
    """Bytes in memory."""
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(index=True, deep=False).sum())
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, Image.Image):
        return value.width * value.height * len(value.getbands())
    if hasattr(value, "estimators_"):
        return len(pickle.dumps(value, 5))
    if isinstance(value, dict) and _holds_arrays(value):
        return sum(member.nbytes for member in value.values())
    return len(orjson.dumps(value))


def _holds_arrays(value: dict[str, Any]) -> bool:
    return isinstance(next(iter(value.values()), None), np.ndarray)
