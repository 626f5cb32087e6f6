from __future__ import annotations

from typing import Any, ClassVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import geometry as shp

from aqueduct_core import ArtifactStore
from aqueduct_core.serializers.science.geopandas import GeoSerializer
from aqueduct_core.testing import SerializerTests, assert_identical

SHAPES = [
    shp.Point(0.1, -0.0),
    None,
    shp.Point(1, 2, 3),
    shp.Point(),
    shp.Polygon([(0, 0), (1, 0), (1, 1)], [[(0.1, 0.1), (0.2, 0.1), (0.2, 0.2)]]),
    shp.GeometryCollection([shp.Point(1, 1), shp.LineString([(0, 0), (1, 1)])]),
    shapely.set_srid(shp.Point(5, 6), 4326),
]


def places() -> gpd.GeoDataFrame:
    made = gpd.GeoDataFrame(
        {
            "n": pd.array([1, None, 3, 4, 5, 6, 7], dtype="Int8"),
            "kind": pd.Categorical(list("abababa"), ["b", "a"]),
            "shape": gpd.GeoSeries(SHAPES, crs="EPSG:4326").array,
            "other": gpd.GeoSeries([shp.Point(i, i) for i in range(7)], crs="EPSG:3857").array,
            3: [(1,), "x", None, 2.5, b"", {}, []],
        },
        geometry="shape",
        index=pd.Index(list("tuvwxyz"), name="key"),
    )
    made.attrs = {"source": ("survey", 1)}
    return made


def no_active() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"a": [1, 2]})


class TestGeoSerializer(SerializerTests):
    serializer = GeoSerializer()
    values: ClassVar = [
        places(),
        places()["shape"],
        places().set_geometry("other")[:0],
        no_active(),
        gpd.GeoSeries([], name=("a", 1)),
        gpd.GeoSeries([shp.Point(1, 2)], crs="+proj=utm +zone=33 +ellps=GRS80 +units=m"),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        if type(value) is gpd.GeoSeries:
            same_series(loaded, value)
            return
        assert loaded._geometry_column_name == value._geometry_column_name
        assert_identical(loaded.attrs, value.attrs)
        assert_identical(loaded.columns, value.columns)
        for at in range(value.shape[1]):
            one, other = loaded.iloc[:, at], value.iloc[:, at]
            if str(other.dtype) == "geometry":
                same_series(one, other)
            else:
                assert_identical(pd.Series(one), pd.Series(other))


def same_series(one: Any, other: Any) -> None:
    assert one.crs == other.crs
    assert str(one.crs) == str(other.crs)
    assert_identical(one.index, other.index)
    assert_identical(one.name, other.name)
    left, right = np.asarray(one.array), np.asarray(other.array)
    assert (shapely.get_type_id(left) == shapely.get_type_id(right)).all()
    assert (shapely.get_srid(left) == shapely.get_srid(right)).all()
    assert shapely.to_wkb(left).tolist() == shapely.to_wkb(right).tolist()


def test_rings_are_left_to_pickle(tmp_path: Any) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    ring = shp.LinearRing([(0, 0), (1, 0), (1, 1)])
    for inside in (ring, shp.GeometryCollection([shp.GeometryCollection([ring])])):
        value = gpd.GeoSeries([inside])
        assert store.put(value, "k").serializer == "pickle"
        assert store.get("k")[0].equals(inside)
