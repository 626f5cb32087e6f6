"""Arrays whose bytes or description are damaged, and what is told of arrays."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.abc import Budget
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.array import ArraySerializer
from tests.serializers.array.arrays import (
    VALUES,
    masked,
    missing_strings,
    strings,
    structured,
)

# NumPy 2.5 deprecates times without a unit; as long as there are some, they are kept.
pytestmark = pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")


class Double:
    """A source of whatever bytes and meta a test comes up with."""

    version = 1
    trusted = False

    def __init__(self, meta: Any, parts: dict[str, bytes]) -> None:
        self.meta = meta
        self.parts = parts

    def view(self, part: str = "data") -> memoryview:
        return memoryview(bytearray(self.parts.get(part, b"")))


def dumped(array: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    parts: dict[str, bytes] = {}

    class Sink:
        def write(self, *buffers: Any, part: str = "data") -> None:
            parts[part] = parts.get(part, b"") + b"".join(bytes(buffer) for buffer in buffers)

    meta = ArraySerializer().dump(array, Sink())  # type: ignore[arg-type]
    return json.loads(json.dumps(meta)), parts


def load(meta: Any, parts: dict[str, bytes]) -> Any:
    return ArraySerializer().load(Double(meta, parts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [4]}, {"shape": [2]}, {"shape": [-3]}, {"shape": [3.0]}, {"shape": "3"},
        {"shape": None}, {"shape": [True] * 3}, {"shape": [2**62, 2**62]}, {"shape": [2**70]},
        {"shape": [1] * 99 + [3]}, {"shape": [0, 2**62, 2**62]}, {"dtype": "|O"}, {"dtype": "<f4"},
        {"dtype": None}, {"dtype": "<M8[x]"}, {"order": "K"}, {"order": []}, {"class": "os.system"},
        {"class": 3}, {"class": "matrix"}, {"class": "chararray"}, {"class": []},
        {"dtype": "|V0", "shape": [2**60]}, {"dtype": "|S0", "shape": []},
        {"class": "masked", "mask": {"dtype": "<f8", "shape": [3]}},
        {"class": "masked", "mask": 1},
        {"class": "masked", "fill": {"dtype": "<f8", "shape": [3]}},
    ],
    ids=repr,
)  # fmt: skip
def test_hostile_meta(change: dict[str, Any]) -> None:
    meta, parts = dumped(np.arange(3.0))
    parts["mask"] = parts["fill"] = parts["data"]
    assert load(meta, parts).tolist() == [0, 1, 2]
    with pytest.raises(CorruptArtifactError):
        load({**meta, **change}, parts)


@pytest.mark.parametrize(
    "data", [b"", b"x" * 200, b"\x93NUMPY", b"\x93NUMPY\x01\0\xff\xff" + b" " * 99]
)
def test_hostile_data(data: bytes) -> None:
    meta, _ = dumped(np.arange(3.0))
    with pytest.raises(CorruptArtifactError):
        load(meta, {"data": data})


def test_truncated_anywhere() -> None:
    for value in (np.arange(3.0), missing_strings(None), masked()):
        meta, parts = dumped(value)
        for name, content in parts.items():
            for cut in range(0, len(content), 7):
                with pytest.raises(CorruptArtifactError):
                    load(meta, {**parts, name: content[:cut]})


@given(st.data())
def test_flipped_bits_never_crash(data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([missing_strings(None), strings(), masked()]))
    meta, parts = dumped(value)
    name = data.draw(st.sampled_from(sorted(parts)))
    content = bytearray(parts[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = load(meta, {**parts, name: bytes(content)})
    except CorruptArtifactError:
        return
    assert back.shape == value.shape
    repr(back)


# --- descriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_description_is_bounded_json(name: str) -> None:
    array = VALUES[name]()
    found = ArraySerializer().describe(array, Budget())
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 40_000
    assert found["shape"] == list(array.shape)


def test_description_of_numbers() -> None:
    found = ArraySerializer().describe(np.array([1.0, 2, 3, np.nan, np.inf]), Budget())
    stats: Any = found["statistics"]
    assert (stats["nulls"], stats["infinite"], stats["min"], stats["max"]) == (1, 1, 1.0, 3.0)
    assert stats["mean"] == 2.0
    assert stats["quantiles"]["0.5"] == 2.0
    assert sum(stats["histogram"]["counts"]) == 3
    assert found["preview"] == [1.0, 2.0, 3.0, "nan", "inf"]


def test_description_of_masked_numbers() -> None:
    found: Any = ArraySerializer().describe(np.ma.array([1, 2, 9], mask=[0, 0, 1]), Budget())
    assert found["statistics"]["nulls"] == 1
    assert found["statistics"]["max"] == 2
    assert found["preview"] == [1, 2, None]


def test_description_of_large_arrays_is_sampled() -> None:
    found: Any = ArraySerializer().describe(np.ones((1_000, 3_000)), Budget())
    assert found["sampled"] <= 80_000
    assert found["statistics"]["mean"] == 1.0
    assert len(found["preview"]) == 20


def test_description_of_text_and_fields() -> None:
    found: Any = ArraySerializer().describe(np.array(["b", "a", "b"]), Budget())
    assert found["statistics"]["top"] == [["b", 2], ["a", 1]]
    found = ArraySerializer().describe(structured(), Budget())
    assert found["statistics"]["a"]["max"] == 4
