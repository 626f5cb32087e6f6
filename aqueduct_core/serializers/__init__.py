"""Serializers: objects and their bytes, one file per format.

`BUILTIN` lists what comes with this package, so that it can be looked at without being imported: a
serializer's module, and the library it needs, are imported when the first value of its types is met.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BUILTIN", "ON_REQUEST", "STREAMS", "TABLES", "Builtin"]

_NOTHING = type(None)
TABLES = (
    "pandas.DataFrame",
    "pandas.Series",
    "pandas.Index",
    "pandas.api.extensions.ExtensionArray",
    "pyarrow.Table",
    "pyarrow.RecordBatch",
    "pyarrow.Array",
    "pyarrow.ChunkedArray",
    "pyarrow.Scalar",
    "pyarrow.Schema",
    "polars.DataFrame",
    "polars.LazyFrame",
    "polars.Series",
)
_JSON = (_NOTHING, bool, int, float, complex, list, tuple, dict, set, frozenset, object)
_SPARSE = tuple(
    f"scipy.sparse.{layout}_{kind}"
    for layout in ("csr", "csc", "bsr", "coo", "dia")
    for kind in ("array", "matrix")
)
_HERE = "aqueduct_core.serializers"
_SCIENCE = f"{_HERE}.science"
_MODELS = f"{_HERE}.models"
STREAMS = (f"{_HERE}.tables.FrameStream",)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A serializer of this package, as far as it is known without importing it.

    Attributes:
        name: Its permanent name.
        target: Its module and class.
        types: What it takes, subclasses included.
        needs: The libraries that its module imports, or that its values come from.
        extra: The extra that brings them.
        family: What it shares with those that store the same values.
        safe: Whether loading runs no code.
        version: What it writes.
    """

    name: str
    target: str
    types: tuple[type | str, ...]
    needs: tuple[str, ...] = ()
    extra: str = ""
    family: str = ""
    safe: bool = True
    version: int = 1


def _table(name: str, target: str, *streams: str) -> Builtin:
    return Builtin(
        name,
        f"{_HERE}.tables:{target}",
        (*TABLES, *streams),
        ("numpy", "pyarrow"),
        "tables",
        "table",
    )


def _image(name: str, target: str, family: str = "") -> Builtin:
    return Builtin(name, f"{_HERE}.image:{target}", ("PIL.Image.Image",), ("PIL",), "image", family)


def _torch(name: str, target: str, *types: str) -> Builtin:
    return Builtin(name, f"{_SCIENCE}.torch:{target}", types, ("torch",), "torch")


# Where several take one type they are asked in this order.
BUILTIN = (
    Builtin("text", f"{_HERE}.text:TextSerializer", (str,)),
    Builtin("bytes", f"{_HERE}.text:BytesSerializer", (bytes, bytearray)),
    Builtin("npy", f"{_HERE}.array:ArraySerializer", ("numpy.ndarray",), ("numpy",), "tables"),
    _table("arrow", "ArrowSerializer"),
    _table("parquet", "ParquetSerializer", *STREAMS),
    _image("image.file", "ImageFileSerializer"),
    _image("image.raw", "RawImageSerializer", "image"),
    _image("image.png", "PngImageSerializer", "image"),
    Builtin("scipy.sparse", f"{_SCIENCE}.sparse:SparseSerializer", _SPARSE, ("scipy",), "scipy"),
    _torch("torch.tensor", "TensorSerializer", "torch.Tensor", "torch.nn.parameter.Parameter"),
    _torch("torch.state_dict", "StateDictSerializer", "collections.OrderedDict"),
    Builtin(
        "xarray",
        f"{_SCIENCE}.xarray:XarraySerializer",
        ("xarray.Dataset", "xarray.DataArray"),
        ("xarray",),
        "xarray",
    ),
    Builtin(
        "geopandas",
        f"{_SCIENCE}.geopandas:GeoSerializer",
        ("geopandas.geodataframe.GeoDataFrame", "geopandas.geoseries.GeoSeries"),
        ("geopandas",),
        "geopandas",
    ),
    Builtin(
        "xgboost",
        f"{_MODELS}.xgboost:XgboostSerializer",
        ("xgboost.core.Booster",),
        ("xgboost",),
        "xgboost",
        safe=False,
    ),
    Builtin(
        "lightgbm",
        f"{_MODELS}.lightgbm:LightgbmSerializer",
        ("lightgbm.basic.Booster",),
        ("lightgbm",),
        "lightgbm",
        safe=False,
    ),
    Builtin(
        "skops",
        f"{_MODELS}.skops:SkopsSerializer",
        ("sklearn.base.BaseEstimator",),
        ("skops",),
        "skops",
    ),
    Builtin(
        "matplotlib",
        f"{_HERE}.figure:FigureSerializer",
        ("matplotlib.figure.Figure",),
        ("matplotlib",),
        "matplotlib",
        safe=False,
    ),
    Builtin(
        "great_tables",
        f"{_HERE}.report:GreatTableSerializer",
        ("great_tables.gt.GT",),
        ("great_tables",),
        "reports",
        safe=False,
    ),
    Builtin("json", f"{_HERE}.json:JsonSerializer", _JSON),
    Builtin("pickle", f"{_HERE}.pickle:PickleSerializer", (object,), safe=False),
)

# These take a value only if they are asked to, by `serializer=` or `Registry.prefer`.
ON_REQUEST = frozenset({"skops"})
