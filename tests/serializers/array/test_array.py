"""Arrays: every dtype, layout and NumPy class comes back as it was, mapped and writable."""

from __future__ import annotations

import copy
import io
import json
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers._dtypes import same_dtype
from aqueduct_core.serializers.array import ArraySerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical
from tests.serializers.array.arrays import (
    VALUES,
    chararray,
    masked,
    rng,
    structured,
)

# NumPy 2.5 deprecates times without a unit; as long as there are some, they are kept.
pytestmark = pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")


@pytest.fixture(scope="module", params=["fast", "balanced", "disk"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "disk":
        return ArtifactStore(tmp_path_factory.mktemp("store"))
    return ArtifactStore(f"memory://arrays-{request.param}", policy=request.param)


def expected_order(array: np.ndarray) -> str:
    kept = np.ndarray.view(array, np.ndarray).copy(order="K")
    return "F" if kept.flags.f_contiguous and not kept.flags.c_contiguous else "C"


def assert_same(back: Any, array: Any) -> None:
    assert type(back) is type(array)
    assert same_dtype(back.dtype, array.dtype)
    assert back.shape == array.shape
    assert back.flags.writeable or back is np.ma.masked
    a, b = np.ndarray.view(back, np.ndarray), np.ndarray.view(array, np.ndarray)
    assert a.flags.f_contiguous if expected_order(array) == "F" else a.flags.c_contiguous
    if array.dtype.char == "T":
        assert repr(a.tolist()) == repr(b.tolist())
    elif not array.dtype.names or all(isinstance(n, str) for n in array.dtype.names):
        assert a.tobytes() == b.tobytes() or array.dtype.names and a.tolist() == b.tolist()
    if isinstance(array, np.ma.MaskedArray) and array is not np.ma.masked:
        assert back._baseclass is array._baseclass
        assert (back._mask is np.ma.nomask) == (array._mask is np.ma.nomask)
        assert np.array_equal(np.ma.getmaskarray(back), np.ma.getmaskarray(array))
        assert back.hardmask == array.hardmask
        assert repr(back._fill_value) == repr(array._fill_value)
        assert repr(back.fill_value) == repr(array.fill_value)


@pytest.mark.parametrize("name", VALUES)
def test_exact(name: str, store: ArtifactStore) -> None:
    array = VALUES[name]()
    state = copy.copy(array.__dict__) if hasattr(array, "__dict__") else None
    ref = store.put(array)
    if state is not None and array is not np.ma.masked:
        assert array.__dict__.keys() == state.keys()
        assert all(array.__dict__[key] is state[key] for key in state), "saving changed the value"
    assert (ref.serializer, ref.type) == ("npy", "array")
    back = store.get(ref)
    assert_same(back, array)
    # What has no items has no order, and what stands between strided fields has no value.
    if array.itemsize and array.flags.writeable and name != "strided structured":
        assert_identical(back, array)
    if array is np.ma.masked:
        assert back is array


@given(
    hnp.arrays(
        hnp.scalar_dtypes() | hnp.byte_string_dtypes() | hnp.nested_dtypes(max_leaves=4),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.randoms(use_true_random=False),
)
def test_any_array_in_any_layout(array: np.ndarray, random: Any) -> None:
    axes = list(range(array.ndim))
    random.shuffle(axes)
    steps = tuple(slice(None, None, random.choice([1, 1, 2, -1])) for _ in axes)
    array = array.transpose(axes)[(..., *steps)]
    store = ArtifactStore("memory://arrays-any", describe=False)
    assert_same(store.get(store.put(array, "x")), array)


@pytest.mark.parametrize("name", VALUES)
def test_others_can_read_the_data_part(name: str) -> None:
    array = VALUES[name]()
    if array is np.ma.masked:
        return
    store = ArtifactStore("memory://arrays-npy", describe=False)
    store.put(array, "x")
    with store.open("x") as file:
        content = file.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's word on names beyond latin-1
        found = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.char == "T":
        assert (
            found.tobytes().decode()
            == "".join(
                item for item in array.ravel().tolist() if isinstance(item, str) and item != "gone"
            )
            or "gone" in found.tobytes().decode()
        )
        return
    assert found.shape == array.shape
    assert found.dtype.itemsize == array.dtype.itemsize or array.dtype.itemsize == 0
    if array.dtype.names is None:
        plain = np.ndarray.view(array, np.ndarray)
        assert found.tobytes() == plain.tobytes()
        assert found.dtype == plain.dtype or array.dtype.itemsize == 0


def test_data_is_aligned_in_the_file(tmp_path: Path) -> None:
    for code in ("f4", ">M8[ns]", [("größe", "f8")]):
        store = ArtifactStore(tmp_path)
        store.put(np.zeros(10_000, code), "x")
        content = store.open("x").read()
        assert (len(content) - 10_000 * np.dtype(code).itemsize) % 64 == 0


def test_loaded_arrays_are_the_mapped_file(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    array = rng.random((500, 400))
    for value in (array, array.T, np.ma.array(array, mask=array > 0.5)):
        store.put(value, "x")
        back = store.get("x")
        base: Any = back.data if isinstance(back, np.ma.MaskedArray) else back
        while isinstance(base.base, np.ndarray):
            base = base.base
        assert type(base.base).__name__ in ("memoryview", "mmap")
        assert back.ctypes.data % 64 == 0
        back[0, 0] = 99.0
        assert np.array_equal(store.get("x"), value)  # the store is as it was


def test_nothing_is_copied() -> None:
    array = np.arange(1_000.0).reshape(20, 50)
    seen: list[Any] = []

    class Sink:
        def write(self, *buffers: Any, part: str = "data") -> None:
            seen.extend(buffers)

    for value in (array, array.T, array.view("M8[s]"), array[3:7], structured()):
        seen.clear()
        meta = ArraySerializer().dump(value, Sink())  # type: ignore[arg-type]
        assert np.shares_memory(np.frombuffer(seen[-1], np.uint8), value)
        assert json.loads(json.dumps(meta, allow_nan=False))

    class Source:
        version = 1
        trusted = False
        bytes = bytearray(b"".join(seen))

        def __init__(self, meta: Any) -> None:
            self.meta = meta

        def view(self, part: str = "data") -> memoryview:
            return memoryview(self.bytes)

    back = ArraySerializer().load(Source(meta))  # type: ignore[arg-type]
    assert np.shares_memory(back, np.frombuffer(Source.bytes, np.uint8))


def test_strided_arrays_need_little_memory(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, describe=False)
    array = np.ones((4_000, 8_000), "f4")[:, ::2]
    tracemalloc.start()
    try:
        store.put(array, "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.3 * array.nbytes  # some MiB wait to be written, however large the array is


def test_memmap(tmp_path: Path, store: ArtifactStore) -> None:
    path = tmp_path / "x.bin"
    array = np.memmap(path, ">f4", "w+", shape=(30, 40), order="F")
    array[:] = rng.random((30, 40))
    for value in (array, array[2:5], np.memmap(path, mode="r"), array[:0]):
        back = store.get(store.put(value, "m"))
        assert_same(back, value)
        if not value.size:
            continue
        assert back.mode == "c"
        assert type(back[:1]) is np.memmap
        back.flush()
        back[0] = 0


WITH_ATTRIBUTES = [
    lambda: np.ma.array([1.5, 2.5], mask=[0, 1]),
    lambda: np.array([[1]]).view(np.matrix),
    lambda: np.zeros(2, [("a", "i4")]).view(np.recarray),
    chararray,
]


def masked_with_options() -> Any:
    array = masked()
    array._optinfo["unit"] = "m"
    return array


@pytest.mark.filterwarnings("ignore:.*chararray:DeprecationWarning")
@pytest.mark.parametrize("make", [*WITH_ATTRIBUTES, masked_with_options])
def test_attributes_of_their_own_take_a_pickle(make: Any, store: ArtifactStore) -> None:
    array = make()
    array.__dict__["unit"] = "m"
    with pytest.raises(UnserializableError, match="can't keep"):
        store.put(array, serializer="npy")
    with pytest.raises(UnserializableError, match="pickles can't be read from this store"):
        store.put(array)
    pickled = ArtifactStore("memory://", allow_pickle=True)
    back = pickled.get(pickled.put(array))
    assert_same(back, array)
    assert back.unit == "m"
    assert getattr(back, "_optinfo", {}) == getattr(array, "_optinfo", {})


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, "a", None], object),
        np.zeros(2, [("a", "O")]),
        np.zeros(2).view(Subclass),
        np.ma.array([1, None], dtype=object),
        np.ma.array(np.zeros(2).view(Subclass)),
        np.zeros(2, np.dtype("f8", metadata={"a": object()})),
    ],
    ids=lambda value: f"{type(value).__name__} {value.dtype}",
)
def test_left_to_pickle(array: Any) -> None:
    assert not ArraySerializer().accepts(array)


def test_dtypes_of_other_packages_are_left_to_pickle() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert not ArraySerializer().accepts(np.zeros(2, ml_dtypes.bfloat16))


class TestConformance(SerializerTests):
    serializer = ArraySerializer()
    values = tuple(
        VALUES[name]()
        for name in (
            "dtype >f8",
            "structured",
            "masked",
            "strings, None",
            "matrix",
            "Fortran",
            "empty",
        )
    )
