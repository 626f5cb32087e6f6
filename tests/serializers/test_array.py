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

from aqueduct_core.abc import Budget
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._dtypes import same_dtype
from aqueduct_core.serializers.array import ArraySerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, assert_identical

# NumPy 2.5 deprecates times without a unit; as long as there are some, they are kept.
pytestmark = pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")

rng = np.random.default_rng(7)


def structured(**options: Any) -> np.ndarray:
    dtype = np.dtype(
        {
            "names": ["b", "a", "s"],
            "formats": [">f4", "i8", "S3"],
            "offsets": [8, 16, 1],
            "itemsize": 40,
        }
    )
    array = np.zeros(5, dtype)
    array["a"] = np.arange(5)
    array["b"] = 0.5
    array["s"] = b"xy"
    return array


def nested() -> np.ndarray:
    inner = np.dtype([("x", "f4"), ("y", "M8[us]")], align=True)
    array = np.zeros((2, 3), np.dtype([(("title", "n"), inner, (2,)), ("u", "U3"), ("e", "S0")]))
    array["u"] = "öß"
    array["n"]["y"] = np.datetime64("2024-02-29")
    return array


def nan_payloads() -> np.ndarray:
    bits = np.array(
        [0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x7FF0000000000001, 0x8000000000000000]
    )
    return bits.astype(np.uint64).view(np.float64)


def chararray() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.char.array(["a  ", "bb", " "])


def strings(**options: Any) -> np.ndarray:
    return np.array(["a", "", "größe" * 20, "😀", "x\0y\0"], np.dtypes.StringDType(**options))


def missing_strings(marker: Any) -> np.ndarray:
    array = strings(na_object=marker).repeat(2).reshape(2, 5)
    array[0, 1] = marker
    array[1, 4] = marker
    return array


def masked(**options: Any) -> Any:
    return np.ma.array([1.5, np.nan, -0.0], mask=[False, True, False], **options)


def masked_fill(value: Any) -> Any:
    array = masked()
    array.fill_value = value
    return array


VALUES: dict[str, Any] = {
    **{
        f"dtype {code}": lambda code=code: np.arange(6).astype(code).reshape(2, 3)
        for code in ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "g", "F", "D", "G", ">i2", ">u4", ">i8", ">f4", ">f8", ">g", ">c16", "S", "U", "S5", ">U7", "M8[D]", ">M8[25s]", "m8[ns]", "M8[as]", "m8[3W]"]
    },
    "generic timedelta": lambda: np.array([1, 2, "NaT"], "m8"),
    "not a time": lambda: np.array(["NaT", "2024-01-01", "1600-02-29"], "M8[ns]"),
    "NaN payloads": nan_payloads,
    "long double": lambda: np.array([1, np.pi, np.nan], np.longdouble) / 3,
    "bytes with trailing zeros": lambda: np.array([b"a\0\0", b"\0b"], "S5"),
    "text beyond the BMP": lambda: np.array(["😀", "\udcff", "\0x"]),
    "void": lambda: np.array([b"abc", b"\0\1\2"], "V3"),
    "empty items V": lambda: np.empty(3, "V0"),
    "empty items S": lambda: np.zeros(3, [("a", "S0")])["a"],
    "empty items U": lambda: np.zeros((2, 2), [("a", "U0")])["a"],
    "no fields": lambda: np.zeros(3, np.dtype([])),
    "structured": structured,
    "nested": nested,
    "aligned": lambda: np.ones(4, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "overlapping": lambda: np.frombuffer(
        bytes(range(12)), np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i2"], "offsets": [0, 2]})
    ),
    "record without the class": lambda: np.zeros(3, np.dtype((np.record, [("a", "i4")]))),
    "field of a structured": lambda: structured()["b"],
    "fields of a structured": lambda: structured()[["a", "s"]],
    "very many fields": lambda: np.ones(2, [(f"a_long_name_{i}", "f4") for i in range(700)]),
    "field names beyond ASCII": lambda: np.zeros(2, [("größe", "i4"), ("", "i4"), ("日本", "f4")]),
    "0-d": lambda: np.array(3.5),
    "0-d time": lambda: np.array(np.datetime64("2024-01-01T00", "h")),
    "0-d structured": lambda: np.array(structured()[0]),
    "empty": lambda: np.array([]),
    "empty, 3-d": lambda: np.empty((4, 0, 3), ">f4"),
    "empty, Fortran": lambda: np.empty((4, 0, 3), order="F"),
    "empty and huge": lambda: np.empty((0, 2**40)),
    "64 dimensions": lambda: np.ones((1,) * 64),
    "Fortran": lambda: np.asfortranarray(rng.random((3, 4))),
    "Fortran times": lambda: np.asfortranarray(np.arange(12).reshape(3, 4).astype("M8[s]")),
    "Fortran, 3-d": lambda: rng.random((3, 4, 5)).T,
    "column": lambda: rng.random((5, 1)),
    "transposed otherwise": lambda: rng.random((3, 4, 5)).transpose(1, 2, 0),
    "every third": lambda: np.arange(100)[::3],
    "backwards": lambda: np.arange(10)[::-1],
    "backwards on both axes": lambda: rng.random((4, 5))[::-1, ::-1],
    "backwards Fortran": lambda: rng.random((4, 5)).T[::-1],
    "block": lambda: rng.random((40, 50))[5:20, 7:30],
    "broadcast": lambda: np.broadcast_to(np.arange(5.0), (3, 5)),
    "broadcast scalar": lambda: np.broadcast_to(np.float32(7), (3, 4, 2)),
    "overlapping windows": lambda: np.lib.stride_tricks.sliding_window_view(np.arange(9), 4),
    "strided times": lambda: np.arange(20).astype("m8[ms]").reshape(4, 5)[:, ::2],
    "strided text": lambda: np.array([["a", "bb"], ["cc", "d"]])[:, ::-1],
    "strided structured": lambda: structured()[::2],
    "unaligned": lambda: np.frombuffer(b"\0" + np.arange(5.0).tobytes(), np.uint8)[1:].view("f8"),
    "read-only": lambda: np.frombuffer(b"abcdefgh", np.int64),
    "imaginary part": lambda: (rng.random(5) + 1j).imag,
    "dtype metadata": lambda: np.ones(3, np.dtype("f8", metadata={"unit": "m"})),
    "strings": strings,
    "strings, no coercion": lambda: strings(coerce=False),
    "strings, None": lambda: missing_strings(None),
    "strings, NaN": lambda: missing_strings(np.nan),
    "strings, own NaN": lambda: missing_strings(float("nan")),
    "strings, a text for missing": lambda: missing_strings("gone"),
    "strings, 0-d": lambda: np.array("one", np.dtypes.StringDType()),
    "strings, empty": lambda: np.empty((0, 3), np.dtypes.StringDType()),
    "strings, backwards": lambda: strings()[::-1],
    "strings, many": lambda: np.arange(40_000).astype(np.dtypes.StringDType()),
    "matrix": lambda: rng.random((2, 3)).view(np.matrix),
    "matrix, Fortran": lambda: rng.random((2, 3)).view(np.matrix).T,
    "recarray": lambda: np.rec.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("t", "U2")]),
    "recarray of a plain dtype": lambda: np.arange(3).view(np.recarray),
    "recarray, strided": lambda: np.zeros((4, 4), [("n", "i4"), ("f", "f8")]).view(np.recarray)[::2],
    "chararray": chararray,
    "masked": masked,
    "masked, no mask": lambda: np.ma.array([1, 2, 3]),
    "masked, full mask of False": lambda: np.ma.array([1, 2, 3], mask=[False] * 3),
    "masked, hard": lambda: masked(hard_mask=True),
    "masked, fill value": lambda: masked_fill(-1.0),
    "masked, NaN fill value": lambda: masked_fill(np.nan),
    "masked, text": lambda: np.ma.array(["a", "bc"], mask=[1, 0], fill_value="?"),
    "masked, times": lambda: np.ma.array(np.array([1, 2], "M8[s]"), mask=[0, 1]),
    "masked, structured": lambda: np.ma.array(
        np.zeros(2, [("a", "i4"), ("b", "f8")]), mask=[(0, 1), (1, 0)], fill_value=(7, 8.5)
    ),
    "masked, Fortran": lambda: np.ma.array(np.asfortranarray(rng.random((3, 4))), mask=False),
    "masked, strided": lambda: np.ma.array(np.arange(20.0), mask=np.arange(20) % 3 == 0)[::2],
    "masked, 0-d": lambda: np.ma.array(3, mask=True),
    "masked, empty": lambda: np.ma.array(np.empty((0, 2)), mask=np.empty((0, 2), bool)),
    "masked matrix": lambda: np.ma.array(np.array([[1, 2]]).view(np.matrix), mask=[[True, False]]),
    "the masked constant": lambda: np.ma.masked,
}  # fmt: skip


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


REFUSED_ATTRIBUTES = [
    lambda: np.array([[1]]).view(np.matrix),
    lambda: np.zeros(2, [("a", "i4")]).view(np.recarray),
    chararray,
]


@pytest.mark.parametrize("make", REFUSED_ATTRIBUTES)
def test_attributes_of_their_own_are_refused(make: Any, store: ArtifactStore) -> None:
    array = make()
    array.__dict__["unit"] = "m"
    with pytest.raises(UnserializableError, match=r"value\.unit"):
        store.put(array)


def test_attributes_of_masked_arrays_are_refused(store: ArtifactStore) -> None:
    array = masked()
    array._optinfo["unit"] = "m"
    with pytest.raises(UnserializableError, match=r"value\.unit"):
        store.put(array)


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


# --- damaged and hostile -------------------------------------------------------------------------


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
