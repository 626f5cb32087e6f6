"""Arrays of every dtype, layout and class."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

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
    one = np.empty((), object)
    one[()] = marker
    array[0, 1] = one
    array[1, 4] = one
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
    "strings, a tuple for missing": lambda: missing_strings(marker=("gone",)),
    "strings, no time for missing": lambda: missing_strings(np.datetime64("NaT")),
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
