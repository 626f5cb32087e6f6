"""xarray's datasets and arrays: their arrays and indexes apart, each in its own format.

NetCDF and Zarr can't hold all of it: they change dtypes of text, times and truth values, and have no
place for attributes that are no text, number or array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexes import PandasIndex
from xarray.core.indexing import PandasIndexingAdapter
from xarray.core.variable import calculate_dimensions

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers import tagged

__all__ = ["XarraySerializer"]


class XarraySerializer:
    """`xarray.Dataset` and `xarray.DataArray` of NumPy arrays.

    What comes back has the same dimensions, names, coordinates, indexes, dtypes, attributes and
    encoding. Arrays of Dask, objects with a MultiIndex or indexes of other packages, and subclasses
    are left to pickle.
    """

    name = "xarray"
    version = 1
    types: tuple[type | str, ...] = ("xarray.Dataset", "xarray.DataArray")
    artifact = "array"

    def accepts(self, obj: Any, /) -> bool:
        if type(obj) not in (xr.Dataset, xr.DataArray) or obj._close is not None:
            return False
        whole = _whole(obj)
        plain = all(
            type(index) is PandasIndex and type(index.index) is not pd.MultiIndex
            for index in whole.xindexes.values()
        )
        return plain and all(
            name in whole.xindexes or isinstance(variable._data, np.ndarray | PandasIndexingAdapter)
            for name, variable in whole.variables.items()
        )

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        whole = _whole(obj)
        variables = [
            {
                "name": name,
                "dims": variable.dims,
                "data": _data(whole, name, variable),
                "index": _index_dtype(whole, name),
                "attrs": variable.attrs,
                "encoding": variable.encoding,
                "coord": name in whole.coords,
            }
            for name, variable in whole.variables.items()
        ]
        told = {"attrs": whole.attrs, "encoding": whole.encoding, "variables": variables}
        meta: dict[str, JSON] = {
            "class": type(obj).__name__,
            "value": tagged.to_json(told, nest=sink.nest),
        }
        if type(obj) is xr.DataArray:
            meta["name"] = tagged.to_json(obj.name, nest=sink.nest)
        return meta

    def load(self, source: Source, /) -> Any:
        meta = source.meta

        def value(node: Any) -> Any:
            return tagged.from_json(node, nested=source.nested, trusted=source.trusted)

        told = value(meta["value"])
        coords: dict[Any, Any] = {}
        indexes: dict[Any, Any] = {}
        arrays: dict[Any, Any] = {}
        for item in told["variables"]:
            name, variable = item["name"], _variable(item)
            if item["index"] is not None:
                kind = np.dtype(item["index"]) if item["index"] else None
                index = PandasIndex(item["data"], item["dims"][0], coord_dtype=kind)
                indexes[name] = index
                [variable] = index.create_variables({name: variable}).values()
                variable.encoding = dict(item["encoding"])
            (coords if item["coord"] else arrays)[name] = variable
        made = xr.Dataset(arrays, coords=xr.Coordinates(coords, indexes), attrs=told["attrs"])
        made.encoding = told["encoding"]
        # Datasets put arrays before coordinates; theirs may have been another order.
        order = [item["name"] for item in told["variables"]]
        made._variables = {name: made._variables[name] for name in order}
        made._dims = calculate_dimensions(made._variables)
        if meta["class"] == "Dataset":
            return made
        if len(arrays) != 1:
            raise CorruptArtifactError("this is no DataArray: it has several variables")
        array = made[next(iter(arrays))]
        array.name = value(meta["name"])
        return array

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Dimensions and variables."""
        whole = _whole(obj)
        shown: list[JSON] = [
            {"name": str(name)[:200], "type": f"{variable.dtype} {_dims(variable)}"}
            for name, variable in [*whole.variables.items()][: budget.rows]
        ]
        sizes = {str(name)[:200]: int(size) for name, size in [*whole.sizes.items()][: budget.rows]}
        return {"schema": shown, "sizes": sizes}


def _whole(obj: Any) -> Any:
    """A dataset; of an array, with one variable beside the coordinates."""
    if type(obj) is xr.Dataset:
        return obj
    name = "value"
    while name in obj.coords:
        name += "_"
    return obj.to_dataset(name=name)


def _data(whole: Any, name: Any, variable: Any) -> Any:
    return whole.xindexes[name].index if name in whole.xindexes else variable.values


def _index_dtype(whole: Any, name: Any) -> str | None:
    """What a coordinate is shown as, where pandas would say something else; None without index."""
    if name not in whole.xindexes:
        return None
    kind = whole.xindexes[name].coord_dtype
    return str(kind) if isinstance(kind, np.dtype) else ""


def _variable(item: Mapping[str, Any]) -> Any:
    data = item["data"]
    if item["index"] is None and type(data) is not np.ndarray:
        raise CorruptArtifactError("a variable of the dataset is no array")
    made = xr.Variable(item["dims"], data, item["attrs"])
    made.encoding = item["encoding"]
    return made


def _dims(variable: Any) -> str:
    return "x".join(f"{name}={size}" for name, size in variable.sizes.items())[:200]
