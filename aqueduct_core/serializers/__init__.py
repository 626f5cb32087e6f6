"""Serializers: objects and their bytes, one file per format.

`BUILTIN` lists what comes with this package. Only names stand here: a serializer's module, and the
library it needs, are imported when the first value of its types is met.
"""

from __future__ import annotations

__all__ = ["BUILTIN", "ON_REQUEST", "STREAMS", "TABLES"]

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
_IMAGES = ("PIL.Image.Image",)
_SPARSE = tuple(
    f"scipy.sparse.{layout}_{kind}"
    for layout in ("csr", "csc", "bsr", "coo", "dia")
    for kind in ("array", "matrix")
)
_HERE = "aqueduct_core.serializers"
_SCIENCE = f"{_HERE}.science"
_MODELS = f"{_HERE}.models"
STREAMS = (f"{_HERE}.tables.FrameStream",)

# name, where it is, the types it takes, its family, the extra that brings what it imports. Where several
# take one type they are asked in this order.
BUILTIN: tuple[tuple[str, str, tuple[type | str, ...], str, str], ...] = (
    ("text", f"{_HERE}.text:TextSerializer", (str,), "", ""),
    ("bytes", f"{_HERE}.text:BytesSerializer", (bytes, bytearray), "", ""),
    ("npy", f"{_HERE}.array:ArraySerializer", ("numpy.ndarray",), "", "tables"),
    ("arrow", f"{_HERE}.tables:ArrowSerializer", TABLES, "table", "tables"),
    ("parquet", f"{_HERE}.tables:ParquetSerializer", (*TABLES, *STREAMS), "table", "tables"),
    ("image.file", f"{_HERE}.image:ImageFileSerializer", _IMAGES, "", "image"),
    ("image.raw", f"{_HERE}.image:RawImageSerializer", _IMAGES, "image", "image"),
    ("image.png", f"{_HERE}.image:PngImageSerializer", _IMAGES, "image", "image"),
    ("scipy.sparse", f"{_SCIENCE}.sparse:SparseSerializer", _SPARSE, "", "scipy"),
    (
        "torch.tensor",
        f"{_SCIENCE}.torch:TensorSerializer",
        ("torch.Tensor", "torch.nn.parameter.Parameter"),
        "",
        "torch",
    ),
    (
        "torch.state_dict",
        f"{_SCIENCE}.torch:StateDictSerializer",
        ("collections.OrderedDict",),
        "",
        "torch",
    ),
    (
        "xarray",
        f"{_SCIENCE}.xarray:XarraySerializer",
        ("xarray.Dataset", "xarray.DataArray"),
        "",
        "xarray",
    ),
    (
        "geopandas",
        f"{_SCIENCE}.geopandas:GeoSerializer",
        ("geopandas.geodataframe.GeoDataFrame", "geopandas.geoseries.GeoSeries"),
        "",
        "geopandas",
    ),
    ("xgboost", f"{_MODELS}.xgboost:XgboostSerializer", ("xgboost.core.Booster",), "", "xgboost"),
    (
        "lightgbm",
        f"{_MODELS}.lightgbm:LightgbmSerializer",
        ("lightgbm.basic.Booster",),
        "",
        "lightgbm",
    ),
    ("skops", f"{_MODELS}.skops:SkopsSerializer", ("sklearn.base.BaseEstimator",), "", "skops"),
    (
        "matplotlib",
        f"{_HERE}.figure:FigureSerializer",
        ("matplotlib.figure.Figure",),
        "",
        "matplotlib",
    ),
    ("json", f"{_HERE}.json:JsonSerializer", _JSON, "", ""),
    ("pickle", f"{_HERE}.pickle:PickleSerializer", (object,), "", ""),
)

# These take a value only if they are asked to, by `serializer=` or `Registry.prefer`.
ON_REQUEST = frozenset({"skops"})
