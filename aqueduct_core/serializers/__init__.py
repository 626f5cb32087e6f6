"""Serializers: objects and their bytes, one file per format.

`BUILTIN` lists what comes with this package. Only names stand here: a serializer's module, and the
library it needs, are imported when the first value of its types is met.
"""

from __future__ import annotations

__all__ = ["BUILTIN", "STREAMS", "TABLES"]

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
_HERE = "aqueduct_core.serializers"
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
    ("json", f"{_HERE}.json:JsonSerializer", _JSON, "", ""),
    ("pickle", f"{_HERE}.pickle:PickleSerializer", (object,), "", ""),
)
