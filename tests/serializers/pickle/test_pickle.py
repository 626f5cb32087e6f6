"""Pickles: other processes, buffers, trust, damage, and what is told of them."""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import io
import json
import pickle
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path, PurePosixPath
from typing import Any

import cloudpickle
import numpy as np
import pytest

from aqueduct_core.abc import Budget
from aqueduct_core.errors import (
    CorruptArtifactError,
    IncompatibleEnvironmentError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.pickle import PickleSerializer
from aqueduct_core.serializers.pickle._pickler import Pickler, Unpickler
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests
from tests.processes import PATIENCE
from tests.serializers.pickle.pickles import (
    BrokenState,
    Plain,
    again,
    generic,
    local_class,
)


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://pickles", allow_pickle=True)


def test_saving_and_loading_leave_the_programs_own_classes_alone(store: ArtifactStore) -> None:
    cls = local_class()
    method, registry = cls.__dict__["double"], cls.registry
    ref = store.put(cls(3), serializer="pickle")
    cls.registry["b"] = 2
    back = store.get(ref)
    assert type(back) is cls
    assert cls.__dict__["double"] is method
    assert cls.registry is registry == {"a": 1, "b": 2}


def test_a_class_that_ends_while_it_is_loaded_again_is_loaded_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has it any more, and the garbage is collected just when the new one is made."""
    make = cloudpickle.cloudpickle._make_skeleton_class

    def make_after_collection(*arguments: Any) -> type:
        gc.collect()
        found: type = make(*arguments)
        return found

    file = io.BytesIO()
    Pickler(file).dump(local_class()(3))  # its class is garbage now, and still known
    monkeypatch.setattr(cloudpickle.cloudpickle, "_make_skeleton_class", make_after_collection)
    file.seek(0)
    assert Unpickler(file).load().double() == 6


def test_another_process_gets_all_of_it(tmp_path: Path) -> None:
    script = tmp_path / "save.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, enum, dataclasses, functools, typing
            import numpy as np
            from aqueduct_core import ArtifactStore

            FACTOR = 10

            @functools.lru_cache
            def slow(x):
                return x * FACTOR

            UserId = typing.NewType("UserId", int)

            class Colour(enum.Enum):
                RED = 1

            @dataclasses.dataclass
            class Model:
                weights: np.ndarray
                colour: Colour
                def predict(self, x):
                    return float(self.weights.sum() * x * FACTOR)

            model = Model(np.ones(10_000), Colour.RED)
            store = ArtifactStore(sys.argv[1], allow_pickle=True)
            store.put({"m": model, "f": model.predict, "e": None}["m"], "model", serializer="pickle")
            store.put(model.predict, "method", serializer="pickle")
            store.put(slow, "slow", serializer="pickle")
            try:
                store.put([UserId], "id", serializer="pickle")
            except TypeError as error:
                assert "[0]" in str(error) and "no other process" in str(error), error
            else:
                raise AssertionError("another process could not load this")
            """
        )
    )
    subprocess.run([sys.executable, script, tmp_path / "store"], check=True, timeout=PATIENCE)
    store = ArtifactStore(tmp_path / "store", allow_pickle=True)
    model = store.get("model")
    assert model.predict(2) == 200_000
    assert type(model).__name__ == "Model"
    assert model.colour.name == "RED"
    assert model.weights.flags.writeable
    assert store.get("method")(1) == 100_000
    assert store.get("slow")(3) == 30


# --- buffers -------------------------------------------------------------------------------------


def test_arrays_inside_are_mapped_and_writable(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    value = Plain(
        a=np.arange(100_000.0),
        b=np.asfortranarray(np.ones((300, 70))),
        c=np.arange(3),
        d=np.frombuffer(bytes(10_000), np.uint8),
        e=bytearray(b"x" * 10_000),
    )
    value.a_again = value.a
    store.put(value, "x", serializer="pickle")
    assert {*store.manifest("x").content.parts} == {"data", "buffers"}
    assert len(store.open("x").read()) < 40_000
    back = store.get("x")
    for name in "abcd":
        original, found = getattr(value, name), getattr(back, name)
        assert np.array_equal(original, found)
        assert found.flags.f_contiguous == original.flags.f_contiguous
        assert found.flags.writeable == original.flags.writeable
    assert back.a.ctypes.data % 64 == 0
    assert back.b.ctypes.data % 64 == 0
    assert not back.a.flags.owndata
    assert back.a_again is back.a
    back.a[0] = -1.0
    assert store.get("x").a[0] == 0.0
    assert value.e == back.e


def test_nothing_is_copied_on_the_way_out() -> None:
    value = Plain(a=np.arange(100_000.0), b=np.ones((300, 70)).T)
    seen: dict[str, list[Any]] = {}

    class Sink:
        def write(self, *buffers: Any, part: str = "data") -> None:
            seen.setdefault(part, []).extend(buffers)

    meta = PickleSerializer().dump(value, Sink())  # type: ignore[arg-type]
    arrays = [b for b in seen["buffers"] if memoryview(b).nbytes > 100]
    assert np.shares_memory(np.frombuffer(arrays[0], "f8"), value.a)
    assert np.shares_memory(np.frombuffer(arrays[1], "f8"), value.b)
    assert json.loads(json.dumps(meta))["buffers"] == [[800_000, False], [168_000, False]]


def test_large_pickles_are_streamed(store: ArtifactStore) -> None:
    value = Plain(text=["x" * 50 + str(i) for i in range(60_000)], blob=b"y" * 3_000_000)
    back = again(value, store)
    assert vars(back) == vars(value)


def test_an_error_late_in_a_large_pickle_stores_nothing(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    value = Plain(text=["x" * 50 + str(i) for i in range(60_000)], last=threading.Lock())
    with pytest.raises(UnserializableError, match="lock") as caught:
        store.put(value, "x", serializer="pickle")
    assert caught.value.path == ".last"
    assert [*store.list()] == []


def test_models_of_scikit_learn(store: ArtifactStore) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    x = np.random.default_rng(1).random((300, 5))
    forest = ensemble.RandomForestClassifier(5, random_state=1).fit(x, x[:, 0] > 0.5)
    ref = store.put(forest, serializer="pickle")
    back = store.get(ref)
    assert np.array_equal(back.predict_proba(x), forest.predict_proba(x))
    meta = store.manifest(ref).content.meta
    assert meta["packages"]["sklearn"] == sys.modules["sklearn"].__version__
    assert meta["class"].endswith("RandomForestClassifier")


def test_images_and_frames_inside_objects(store: ArtifactStore) -> None:
    pd = pytest.importorskip("pandas")
    image = pytest.importorskip("PIL.Image").new("RGB", (4, 3), (1, 2, 3))
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2024", periods=2, freq="D"))
    frame.attrs["unit"] = "m"
    back = again(Plain(image=image, frame=frame), store)
    assert back.image == image
    pd.testing.assert_frame_equal(back.frame, frame, check_freq=True)
    assert back.frame.attrs == {"unit": "m"}


class TestConformance(SerializerTests):
    serializer = PickleSerializer()
    values = (
        types.SimpleNamespace(a=np.arange(5_000), b="x"),
        np.array([1, None, "a"], object),
        collections.Counter("abca"),
        functools.lru_cache,
    )


# --- loading -------------------------------------------------------------------------------------


def test_unsafe(store: ArtifactStore) -> None:
    ref = store.put(Plain(a=1), "unsafe", serializer="pickle")
    with pytest.raises(UnsafeArtifactError):
        ArtifactStore(store.storage).get(ref)


class Double:
    version = 1
    trusted = True

    def __init__(self, data: bytes, meta: Any, buffers: bytes = b"") -> None:
        self.meta = meta
        self._parts = {"data": data, "buffers": buffers}

    def view(self, part: str = "data") -> memoryview:
        return memoryview(bytearray(self._parts[part]))

    def open(self, part: str = "data") -> Any:
        return io.BytesIO(self._parts[part])


META = {"class": "acme.Model", "python": "3.11.1", "packages": {"acme": "1.2", "numpy": "1.0"}}


def load(data: bytes, meta: Any = META, buffers: bytes = b"") -> Any:
    return PickleSerializer().load(Double(data, meta, buffers))  # type: ignore[arg-type]


def test_a_missing_module_is_named_with_what_to_install() -> None:
    with pytest.raises(IncompatibleEnvironmentError) as caught:
        load(b"cacme.models\nModel\n.")
    text = str(caught.value)
    assert "acme.Model" in text
    assert "'acme'" in text
    assert "Python 3.11.1" in text
    assert "install acme==1.2" in text
    assert isinstance(caught.value, ImportError)


def test_a_missing_class_is_named_with_the_versions() -> None:
    with pytest.raises(IncompatibleEnvironmentError) as caught:
        load(b"cnumpy\nGone\n.")
    assert "Gone" in str(caught.value)
    assert "numpy==1.0" in str(caught.value)


def test_a_changed_class_is_an_error_of_ours() -> None:
    data = pickle.dumps(Plain()).replace(b"Plain", b"NeedsArguments"[:5])
    broken = pickle.dumps(BrokenState())
    for content in (data, broken):
        with pytest.raises(IncompatibleEnvironmentError, match=r"acme\.Model"):
            load(content)


def test_code_of_another_python_is_not_run(store: ArtifactStore) -> None:
    ref = store.put(lambda: 1, serializer="pickle")
    meta = dict(store.manifest(ref).content.meta)
    assert meta["code"] == sys.implementation.cache_tag
    data = store.open(ref).read()
    assert load(data, meta)() == 1
    with pytest.raises(IncompatibleEnvironmentError, match=r"code for Python 3\.\d"):
        load(data, {**meta, "code": "cpython-299"})
    assert "code" not in store.manifest(store.put(generic, serializer="pickle")).content.meta


def test_paths_are_found_that_python_3_13_stored() -> None:
    assert load(b"cpathlib._local\nPurePosixPath\n(Va/b\ntR.") == PurePosixPath("a/b")


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x05", b"garbage", pickle.dumps([1, 2])[:-2]])
def test_damaged(data: bytes) -> None:
    with pytest.raises((CorruptArtifactError, IncompatibleEnvironmentError)):
        load(data)


@pytest.mark.parametrize(
    "lengths", [[[800_000, False]], [[-1, False]], [["x", False]], [[1]], [1], 5, [[10, False]] * 2]
)
def test_damaged_buffers(lengths: Any) -> None:
    buffers: list[Any] = []
    data = pickle.dumps(np.arange(10.0), 5, buffer_callback=buffers.append)
    with pytest.raises((CorruptArtifactError, IncompatibleEnvironmentError, TypeError, ValueError)):
        load(data, {**META, "buffers": lengths}, bytes(11))


# --- descriptions --------------------------------------------------------------------------------


class BrokenRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "value",
    [
        BrokenRepr(),
        Plain(a=1, b=BrokenRepr(), c="\ud800" * 500),
        [1] * 1_000_000,
        ValueError("x" * 100_000),
        generic,
        type,
        cloudpickle,
    ],
    ids=lambda value: type(value).__name__,
)
def test_description(value: Any) -> None:
    found = PickleSerializer().describe(value, Budget())
    assert len(json.dumps(found)) < 10_000
    assert found["class"]


class Watched(tuple[int, ...]):
    """Members whose `repr` would be noticed."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("repr() of a large member was asked for")


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str
    weights: Watched
    never: int = dataclasses.field(init=False)


def test_what_slots_hold_is_looked_at_before_it_is_printed() -> None:
    budget = Budget()
    told = PickleSerializer().describe(Slotted("a model", Watched(range(20_000))), budget)
    assert "Slotted(" in str(told["preview"])
    assert "name='a model'" in str(told["preview"])
    assert "weights=..." in str(told["preview"])
