"""Every dtype is told exactly, and no description makes a dtype of objects."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_core.errors import ConversionError, CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._dtypes import dtype_from_json, dtype_to_json, same_dtype

D = np.dtype
NESTED = D([("a", "<i4"), ("b", [("c", ">f8"), ("d", "S3", (2, 3))])])

PLAIN = [
    "?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "F", "D", "g", "G", "c",
    ">i2", ">u8", ">f4", ">f8", ">c16", ">q", ">g", ">G", "S", "S0", "S1", "S300", "U", "U0", "<U7",
    ">U7", "V", "V0", "V16", "M8", "m8", ">M8[D]", "<M8[25s]", "m8[7ms]", "M8[ns]", "M8[as]",
    "M8[Y]", "M8[M]", "M8[W]", "M8[h]", "M8[m]", "M8[us]", "M8[ps]", "M8[fs]", "m8[100D]",
]  # fmt: skip

STRUCTURED = [
    D([]),
    D({"names": [], "formats": [], "offsets": [], "itemsize": 5}),
    D([("a", "i4"), ("b", "f8")]),
    D([("a", "i1"), ("b", "f8")], align=True),
    D({"names": ["x", "y"], "formats": ["i4", "i2"], "offsets": [8, 2], "itemsize": 16}),
    D({"names": ["x", "y"], "formats": ["i4", "i2"], "offsets": [0, 0]}),
    D({"names": ["x"], "formats": ["i4"], "offsets": [3], "itemsize": 99}),
    D([(("the title", "name"), "f4"), ("other", "i8")]),
    D([("größe", "f4"), ("", "i8"), (" ", "U3")]),
    D({"names": [""], "formats": ["i4"]}),
    NESTED,
    D([("n", NESTED, (2,)), ("q", "q"), ("g", "g"), ("when", ">M8[3h]")]),
    D([("e", "U0"), ("f", "V0"), ("g", "S0")]),
    D((np.record, [("a", "i4")])),
    D((np.record, D([("a", "i1"), ("b", "f8")], align=True))),
    D((np.record, 4)),
    D((np.int32, {"real": (np.int16, 0), "imag": (np.int16, 2)})),
    D(("i4", (2, 3))),
    D((NESTED, (2,))),
    D("f8", metadata={"unit": "m", "n": 1}),
    D("q", metadata={"unit": "m"}),
    D([("a", D("i4", metadata={"k": (1, 2.5, b"x")}))], metadata={"whole": float("nan")}),
    D(("f8", (2,)), metadata={"a": None}),
    np.dtypes.StringDType(),
    np.dtypes.StringDType(coerce=False),
    np.dtypes.StringDType(na_object=None),
    np.dtypes.StringDType(na_object=np.nan),
    np.dtypes.StringDType(na_object="missing", coerce=False),
]


@pytest.mark.parametrize("dtype", [*(D(text) for text in PLAIN), *STRUCTURED], ids=repr)
def test_exact(dtype: np.dtype) -> None:
    node = dtype_to_json(dtype)
    text = json.dumps(node, allow_nan=False)
    back = dtype_from_json(json.loads(text))
    assert same_dtype(back, dtype)
    assert back == dtype
    assert back.char == dtype.char
    assert back.type is dtype.type
    assert repr(back) == repr(dtype)
    if dtype.metadata is not None:
        assert repr(dict(back.metadata)) == repr(dict(dtype.metadata))
    assert dtype_to_json(dtype) == node  # also from the cache


def test_pandas_na_as_missing_string() -> None:
    pd = pytest.importorskip("pandas")
    dtype = np.dtypes.StringDType(na_object=pd.NA)
    assert dtype_from_json(dtype_to_json(dtype)).na_object is pd.NA


def test_simple_ones_are_one_word() -> None:
    assert dtype_to_json(D("f8")) == D("f8").str
    assert dtype_to_json(D(">M8[D]")) == ">M8[D]"


def test_metadata_is_not_hidden_by_the_cache() -> None:
    assert dtype_to_json(D("f4")) == D("f4").str
    assert dtype_to_json(D("f4", metadata={"a": 1})) == {
        "str": D("f4").str,
        "metadata": {"a": 1},
    }


@pytest.mark.parametrize(
    "dtype",
    [
        D("O"),
        D([("a", "O")]),
        D([("a", [("b", "O", (2,))])]),
        D("f8", metadata={"a": object()}),
        np.dtypes.StringDType(na_object=object()),
        D({"names": ["a"], "formats": [np.dtypes.StringDType()], "offsets": [8], "itemsize": 40}),
        D({"names": ["a"], "formats": ["i4"], "titles": [(1, 2)]}),
        D([("\ud800", "i4")]),
    ],
    ids=repr,
)
def test_refused(dtype: np.dtype) -> None:
    with pytest.raises(UnserializableError) as caught:
        dtype_to_json(dtype)
    assert ".dtype" in str(caught.value)


def test_dtypes_of_other_packages_are_refused() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(UnserializableError, match="package"):
        dtype_to_json(D(ml_dtypes.bfloat16))
    with pytest.raises(UnserializableError):
        dtype_to_json(D([("a", ml_dtypes.bfloat16)]))


def test_too_deep_is_refused() -> None:
    dtype = D("i4")
    for _ in range(40):
        dtype = D([("a", dtype)])
    with pytest.raises(UnserializableError, match="deep"):
        dtype_to_json(dtype)


HOSTILE = [
    None, 1, [], {}, "", "O", "|O", "|O8", "object", "int", "f8", "<f3", "<f16", "<f8,<f8", "i4,O",
    "(2,)i4", "numpy.object_", "|S99999999999", "|U4294967295", "|V-1", "<M8[foo]", "<M8[0s]",
    "<f8\n", "<f８", {"str": "|O"}, {"str": 1}, {"str": "<i8", "char": "O"},
    {"str": "<i8", "char": "qq"}, {"str": "<i8", "mantissa": 63}, {"str": "<f16", "mantissa": "x"},
    {"sub": "|O", "shape": [1]}, {"sub": "<f8", "shape": [-1]}, {"sub": "<f8", "shape": 3},
    {"sub": "<f8", "shape": [2**31, 2**31]}, {"sub": "<f8", "shape": [1.5]},
    {"sub": "<f8", "shape": [True]}, {"sub": "<f8", "shape": [1] * 100},
    {"fields": [], "size": -1}, {"fields": [["a"]], "size": 1}, {"fields": 3, "size": 1},
    {"fields": [["a", "<f8", 0], ["a", "<f8", 8]], "size": 16},
    {"fields": [["a", "<f8", -8]], "size": 16}, {"fields": [["a", "<f8", 8]], "size": 8},
    {"fields": [["a", "|O", 0]], "size": 8}, {"fields": [["a", "<f8", 0]], "size": 2**40},
    {"fields": [["a", "<f8", 2**40]], "size": 2**41}, {"fields": [["a", "<f8", 0]], "size": "8"},
    {"fields": [["a", "<f8", 0, 7]], "size": 8}, {"fields": [["a", "<f8", 0, "t", 1]], "size": 8},
    {"fields": [["a", "<f8", 0]]}, {"fields": [["a", "<f8", 0]], "size": 8, "base": "|O"},
    {"fields": [["a", "<f8", 0]], "size": 8, "base": "<i4"},
    {"fields": [["a", "<f8", 0]], "size": 8, "base": 1},
    {"fields": [["a", "<f8", 1]], "size": 9, "align": True},
    {"string": 1}, {"string": {}}, {"string": {"coerce": 1}}, {"str": "<f8", "metadata": 3},
    {"str": "<f8", "metadata": [1]},
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=repr)
def test_hostile(node: object) -> None:
    with pytest.raises(CorruptArtifactError):
        dtype_from_json(node)


def test_hostile_depth() -> None:
    node: object = "<i4"
    for _ in range(5_000):
        node = {"sub": node, "shape": [1]}
    with pytest.raises(CorruptArtifactError):
        dtype_from_json(node)


def test_long_double_of_another_machine() -> None:
    with pytest.raises(ConversionError, match="long double"):
        dtype_from_json({"str": "<f16", "mantissa": 105})


JSON_NODES = st.recursive(
    st.sampled_from(["<f8", "|O", "|V3", 0, 8, -1, True, None, "a", "", 1.5]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["str", "char", "sub", "shape", "fields", "size", "align", "base", "record"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON_NODES)
def test_any_json_is_a_dtype_without_objects_or_refused(node: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            dtype = dtype_from_json(node)
        except CorruptArtifactError:
            return
    assert not dtype.hasobject
