from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.science.xarray import XarraySerializer
from aqueduct_core.testing import SerializerTests, assert_identical


def weather() -> xr.Dataset:
    made = xr.Dataset(
        {
            "rain": (("time", "place"), np.arange(6, dtype="float32").reshape(3, 2)),
            "wet": ("time", [True, False, True], {"note": None, "levels": (1, 2), "n": {"a": [1]}}),
            "label": ("place", np.array(["a", "bé"], dtype="U3")),
            "lag": ("time", np.array([1, 2, 3], dtype="timedelta64[s]")),
        },
        coords={
            "time": pd.date_range("2026-01-01", periods=3, freq="D"),
            "place": ["north", "south"],
            "height": ("place", [1.5, np.nan]),
            "zero": 0,
        },
        attrs={"title": "weather", 7: b"bytes"},
    )
    made["rain"].encoding = {"zlib": True, "chunksizes": (3, 2)}
    made.encoding = {"unlimited_dims": {"time"}}
    return made


class TestXarraySerializer(SerializerTests):
    serializer = XarraySerializer()
    values: ClassVar = [
        weather(),
        weather()["rain"],
        weather()["zero"],
        weather()["time"],
        xr.Dataset(),
        xr.DataArray(3.5),
        xr.DataArray(np.zeros((2, 0)), dims=("x", "y"), name=("odd", 1)),
        xr.DataArray([1, 2], dims="x", coords={"value": 5}, name=None),
        weather().drop_indexes("time"),
        xr.Dataset(coords={"x": pd.CategoricalIndex(["a", "b"]), "y": [1.0, 2.0]}),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        assert loaded.identical(value)
        one, other = whole(loaded), whole(value)
        assert list(one.data_vars) == list(other.data_vars)
        assert list(one.xindexes) == list(other.xindexes)
        assert_identical(one.encoding, other.encoding)
        for name, variable in other.variables.items():
            found = one.variables[name]
            assert (found.dims, found.dtype) == (variable.dims, variable.dtype)
            assert_identical(found.values, variable.values)
            assert_identical(found.attrs, variable.attrs)
            assert_identical(found.encoding, variable.encoding)
        for name, index in other.xindexes.items():
            assert_identical(one.xindexes[name].index, index.index)  # type: ignore[attr-defined]


def whole(value: Any) -> Any:
    return value if type(value) is xr.Dataset else value.to_dataset(name="the value")


def test_what_it_can_not_rebuild_is_left_to_pickle(tmp_path: Any) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    index = pd.MultiIndex.from_product([["a"], [1, 2]], names=["letter", "number"])
    coords = xr.Coordinates.from_pandas_multiindex(index, "x")
    value = xr.Dataset({"v": ("x", [1, 2])}, coords=coords)
    ref = store.put(value, "k")
    assert ref.serializer == "pickle"
    assert store.get(ref).identical(value)


def test_loading_needs_no_trust(tmp_path: Any) -> None:
    assert ArtifactStore(tmp_path).put(weather(), "k").serializer == "xarray"
    assert ArtifactStore(tmp_path).get("k").identical(weather())


def test_objects_in_it_are_pickled(tmp_path: Any) -> None:
    value = weather().assign({"any": ("place", np.array([1, None], dtype=object))})
    with pytest.raises(UnserializableError, match="pickles can't be read"):
        ArtifactStore(tmp_path).put(value, "k")
    store = ArtifactStore(tmp_path, allow_pickle=True)
    assert store.put(value, "k").serializer == "xarray"
    assert store.get("k").identical(value)


def test_variables_come_in_their_order(tmp_path: Any) -> None:
    array = xr.DataArray(np.ones((2, 3)), dims=("x", "y"), coords={"z": 5, "x": [1, 2]}, name="n")
    store = ArtifactStore(tmp_path)
    value = xr.Dataset({"b": ("q", [1.0]), "a": ("x", [1, 2])}, coords={"x": [3, 4]})
    for each in (
        array.to_dataset(),
        value,
        value.set_coords("a"),
        value.assign_coords(c=("r", [1])),
    ):
        back = store.get(store.put(each, "k"))
        assert [*back.variables] == [*each.variables]
        assert [*back.sizes] == [*each.sizes]
        assert repr(back) == repr(each)
