"""What is measured of a value: times, bytes, and whether it comes back as it was."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from aqueduct_core.bench import _worker
from aqueduct_core.bench._places import place_for
from aqueduct_core.bench._touch import _buffers, size_of, touch
from aqueduct_core.bench._ways import BASELINE, Way, takers, ways_for
from aqueduct_core.errors import ParameterError, SerializerNotFoundError
from aqueduct_core.testing import assert_identical

FRAME = pd.DataFrame(
    {
        "id": pd.array([1, None, 3], "Int64"),
        "tag": pd.Categorical(["a", "b", "a"]),
        "x": [0.5, 1, 2],
    }
)


class Forgetful:
    """Its own pickling loses something."""

    def __init__(self) -> None:
        self.kept, self.lost = 1, 2

    def __getstate__(self) -> dict[str, int]:
        return {"kept": self.kept}


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _few_rounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round collects the garbage of the whole test process."""
    if "rounds_go_on" not in request.node.name:
        monkeypatch.setattr(_worker, "_QUICK", 0.0)


def measured(value: Any, *ways: Way) -> list[dict[str, Any]]:
    return _worker.times(value, list(ways), rounds=2, patience=1.0)


def names(value: Any, **options: Any) -> list[str]:
    return [way.name for way in ways_for(value, **options)]


def test_every_way_to_store_a_frame_is_tried() -> None:
    assert names(FRAME) == [
        *(BASELINE, "fast", "balanced", "small"),
        *("arrow", "arrow, zstd 1", "arrow, zstd 3", "arrow, zstd 9", "parquet"),
        *("pickle", "pickle, zstd 1", "pickle, zstd 3", "pickle, zstd 9"),
    ]


def test_ways_can_be_chosen() -> None:
    assert names(FRAME, policies=["small"]) == [BASELINE, "small"]
    assert names(FRAME, serializers=["arrow"], codecs=["none"]) == [BASELINE, "arrow"]
    assert names(FRAME, codecs=["zstd:5"]) == [
        *(BASELINE, "arrow, zstd 5", "parquet", "pickle, zstd 5")
    ]
    two = names(FRAME, policies=["fast"], stores=["", "memory://x"])
    assert two == [BASELINE, "fast @ a folder", "fast @ memory://x"]


def test_ways_that_are_not_there_are_said() -> None:
    with pytest.raises(ParameterError, match="no policy 'best'"):
        names(FRAME, policies=["best"])
    with pytest.raises(ParameterError, match="no codec 'gzip'"):
        names(FRAME, codecs=["gzip"])
    with pytest.raises(SerializerNotFoundError, match="avro"):
        names(FRAME, serializers=["avro"])


def test_only_serializers_that_take_the_value_are_tried() -> None:
    assert takers(np.arange(3))[0] == "npy"
    assert takers([1]) == ["json", "pickle"]


def test_times_bytes_and_what_was_chosen_are_found() -> None:
    baseline, arrow, small = measured(
        FRAME, Way(BASELINE), Way("arrow", "", None, "arrow", "zstd:3"), Way("small", "", "small")
    )
    for result in (baseline, arrow, small):
        assert result["fidelity"] == "exact"
        assert result["stored"] > 100
        for verb in ("save", "load"):
            found = result[verb]
            assert 0 < found["best"] <= found["low"] <= found["median"] <= found["high"]
            assert found["rounds"] >= 2
    assert (arrow["serializer"], arrow["codec"], arrow["safe"]) == ("arrow", "zstd", True)
    assert (small["type"], baseline["safe"]) == ("table", False)


def test_what_can_not_be_stored_says_why_and_the_others_go_on() -> None:
    lock, plain = measured(threading.Lock(), Way(BASELINE), Way("fast", "", "fast"))
    assert lock["refused"].startswith("TypeError")
    assert "save" not in lock
    assert "lock" in plain["refused"]
    (image,) = measured(Image.new("RGB", (4, 4)), Way("arrow", "", None, "arrow", "none"))
    assert "can't keep this" in image["refused"]


def test_what_comes_back_changed_is_said() -> None:
    assert _worker.fidelity([1, 2.0], [1, 2.0]) == "exact"
    assert _worker.fidelity({"a": [1]}, {"a": (1,)}).startswith("at value['a']")
    assert "can't be compared: RuntimeError" in _worker.fidelity(Incomparable(), Incomparable())
    (result,) = measured(Forgetful(), Way(BASELINE))
    assert result["fidelity"].startswith("at value.__dict__: length")


def test_rounds_go_on_while_they_are_quick_and_end_when_patience_does() -> None:
    assert _worker._wants_more([(0.001, 0.001)] * 7, 7, 15.0)
    assert not _worker._wants_more([(0.001, 0.001)] * 25, 7, 15.0)
    assert not _worker._wants_more([(0.3, 0.3)] * 7, 7, 15.0)
    assert _worker._wants_more([(0.3, 0.3)] * 6, 7, 15.0)
    assert not _worker._wants_more([(10.0, 6.0)], 7, 15.0)


def test_memory_is_that_of_one_way(tmp_path: Path) -> None:
    array = np.zeros(4_000_000)
    (found,) = _worker.memory(array, [Way(BASELINE)])
    assert found["memory"]["load"] > 0.9 * array.nbytes
    (mapped,) = _worker.memory(array, [Way("fast", str(tmp_path), "fast")])
    assert mapped["memory"]["save"] < 0.5 * array.nbytes, "nothing is copied"


def test_a_job_is_read_and_its_result_written(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_text('{"a": [1, 2]}')
    job = {
        "source": str(tmp_path / "value.json"),
        "quick": True,
        "ways": [Way("fast", "", "fast").to_json()],
        "rounds": 1,
        "patience": 1.0,
        "memory": False,
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    _worker.main(str(tmp_path / "job.json"), str(tmp_path / "result.json"))
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["class"] == "dict"
    assert found["results"][0]["way"]["name"] == "fast"


@pytest.mark.parametrize("store", ["{folder}/store", "memory://bench-place"])
def test_places_leave_nothing(store: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    url = store.format(folder=tmp_path)
    with place_for(Way("fast", url, "fast")) as place:
        place.save(FRAME)
        assert place.stored() > 0
        assert_identical(place.load(), FRAME)
        storage = place.storage  # type: ignore[attr-defined]
    assert not [*storage.list()]
    assert not [*(tmp_path / "store").iterdir()]


VALUES = [
    np.arange(10_000),
    np.arange(10_000).reshape(100, 100)[:, ::2],
    pd.DataFrame({"a": np.arange(5_000), "b": pd.array(np.arange(5_000), "Int64")}),
    pd.Series(["text"] * 5_000),
    pa.table({"a": np.arange(5_000)}),
    pl.DataFrame({"a": np.arange(5_000)}),
    {"a": np.arange(5_000), "b": np.arange(5_000)},
    b"x" * 40_000,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_read_where_their_memory_is(value: Any) -> None:
    assert touch(value) >= 0
    assert sum(memoryview(buffer).nbytes for buffer in _buffers(value)) >= 20_000
    assert size_of(value) >= 20_000


@pytest.mark.parametrize("value", [{"a": 1}, "text", 1, [1, "x"], None, threading.Lock(), [], {}])
def test_plain_values_have_a_size_too(value: Any) -> None:
    assert touch(value) == 0
    assert size_of(value) > 0


def test_images_are_read_by_their_pixels() -> None:
    image = Image.new("RGB", (30, 20))
    assert touch(image) == 20
    assert size_of(image) == 1_800
