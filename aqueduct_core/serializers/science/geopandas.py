"""GeoPandas' frames and series: geometries as WKB beside the other columns, in a table.

The table is stored by the formats for pandas, which keep dtypes and indexes that GeoParquet would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError

__all__ = ["GeoSerializer"]

_RING, _COLLECTION = 2, 7  # ids of types in shapely


class GeoSerializer:
    """`geopandas.GeoDataFrame` and `GeoSeries`.

    What comes back has the same geometries, coordinate by coordinate, with Z, M and SRID; the same
    coordinate reference systems, active geometry, columns, dtypes and index. Frames with a
    `LinearRing`, which WKB turns into a line, and subclasses are left to pickle.
    """

    name = "geopandas"
    version = 1
    types: tuple[type | str, ...] = (
        "geopandas.geodataframe.GeoDataFrame",
        "geopandas.geoseries.GeoSeries",
    )
    artifact = "table"

    def accepts(self, obj: Any, /) -> bool:
        if type(obj) is gpd.GeoSeries:
            return _is_kept(obj)
        if type(obj) is not gpd.GeoDataFrame:
            return False
        return all(_is_kept(obj.iloc[:, at]) for at in _geometries(obj))

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        if type(obj) is gpd.GeoSeries:
            plain = pd.Series(_wkb(obj), index=obj.index, name=obj.name, dtype=object)
            plain.attrs = obj.attrs
            return {"crs": _crs(obj.crs), "series": sink.nest(plain)}
        places = _geometries(obj)
        columns = {
            at: pd.Series(_wkb(obj.iloc[:, at]), index=obj.index, dtype=object)
            if at in places
            else pd.Series(obj.iloc[:, at])
            for at in range(obj.shape[1])
        }
        table = pd.DataFrame(columns, index=obj.index, copy=False)
        table.columns = obj.columns
        table.attrs = obj.attrs
        active = obj._geometry_column_name
        return {
            "geometries": [[at, _crs(obj.iloc[:, at].crs)] for at in places],
            "active": None if active is None else sink.nest(active),
            "table": sink.nest(table),
        }

    def load(self, source: Source, /) -> Any:
        meta = source.meta
        if "series" in meta:
            plain = source.nested(meta["series"])
            made = gpd.GeoSeries(_array(plain, meta["crs"]), index=plain.index, name=plain.name)
            made.attrs = plain.attrs
            return made
        table = source.nested(meta["table"])
        crs = dict(meta["geometries"])
        columns = {
            at: pd.Series(_array(table.iloc[:, at], crs[at]), index=table.index)
            if at in crs
            else table.iloc[:, at]
            for at in range(table.shape[1])
        }
        if any(at not in columns for at in crs):
            raise CorruptArtifactError("a column of geometries is not there")
        frame = gpd.GeoDataFrame(pd.DataFrame(columns, index=table.index, copy=False))
        frame.columns = table.columns
        frame._geometry_column_name = (
            None if meta["active"] is None else source.nested(meta["active"])
        )
        frame.attrs = table.attrs
        return frame

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Rows, columns and the reference system."""
        known: dict[str, JSON] = {"rows": len(obj), "crs": None}
        if type(obj) is gpd.GeoSeries or obj._geometry_column_name in obj.columns:
            known["crs"] = None if obj.crs is None else str(obj.crs)[:200]
        if type(obj) is gpd.GeoDataFrame:
            known["columns"] = obj.shape[1]
            known["schema"] = [
                {"name": str(name)[:200], "type": str(kind)}
                for name, kind in zip(obj.columns[: budget.rows], obj.dtypes, strict=False)
            ]
        return known


def _geometries(frame: Any) -> list[int]:
    return [at for at, kind in enumerate(frame.dtypes) if str(kind) == "geometry"]


def _is_kept(series: Any) -> bool:
    """Whether WKB says all of its geometries."""
    parts = np.asarray(series.array)
    while len(parts):
        kinds = shapely.get_type_id(parts)
        if (kinds == _RING).any():
            return False
        inside = parts[kinds == _COLLECTION]
        parts = shapely.get_parts(inside) if len(inside) else inside
    return True


def _wkb(series: Any) -> Any:
    return shapely.to_wkb(
        np.asarray(series.array), output_dimension=4, include_srid=True, flavor="extended"
    )


def _array(values: Any, crs: str | None) -> Any:
    try:
        made = shapely.from_wkb(np.asarray(values, dtype=object))
    except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
        raise CorruptArtifactError(f"a geometry can't be read: {error}") from error
    return gpd.array.GeometryArray(made, crs=None if crs is None else CRS.from_user_input(crs))


def _crs(crs: Any) -> str | None:
    """A reference system in the words that it was made of, if they still say all of it."""
    if crs is None:
        return None
    text = str(crs.srs)
    return text if CRS.from_user_input(text) == crs else str(crs.to_json())
