"""Parameters of pandas dtypes and indexes as plain JSON, and back: above all offsets (`freq`).

An offset of `pandas.tseries.offsets` is `[class, n, normalize, {parameter: tagged}]` if that rebuilds an
equal one, which is found out when saving, and else an object of its own.
"""

from __future__ import annotations

import datetime as dt
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.tseries import offsets

from aqueduct_core.abc import JSON
from aqueduct_core.errors import ConversionError, CorruptArtifactError

if TYPE_CHECKING:
    from aqueduct_core.serializers.tables._pandas_context import Reader, Writer

__all__ = [
    "PANDAS_DTYPES",
    "arrow_zone",
    "freq_from_json",
    "freq_to_json",
    "is_known_dtype",
    "period_dtype",
    "text_dtype",
    "text_form",
    "zone_from_json",
]

PANDAS_DTYPES: frozenset[type] = frozenset(
    {
        pd.CategoricalDtype,
        pd.DatetimeTZDtype,
        pd.PeriodDtype,
        pd.IntervalDtype,
        pd.SparseDtype,
        pd.StringDtype,
        pd.ArrowDtype,
        pd.BooleanDtype,
        pd.Float32Dtype,
        pd.Float64Dtype,
        *(getattr(pd, f"{sign}Int{bits}Dtype") for sign in ("", "U") for bits in (8, 16, 32, 64)),
        type(pd.arrays.NumpyExtensionArray(pd.Index([0]).to_numpy()).dtype),
    }
)

_OFFSETS: dict[str, Any] = {
    name: cls
    for name, cls in vars(offsets).items()
    if isinstance(cls, type) and issubclass(cls, offsets.BaseOffset)
}


def is_known_dtype(dtype: Any) -> bool:
    """Whether arrays of this dtype are kept exactly: it is NumPy's or of pandas itself."""
    if not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return True
    if type(dtype) not in PANDAS_DTYPES:
        return False
    if isinstance(dtype, pd.ArrowDtype):
        return _is_own_arrow_type(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return dtype.categories is None or is_known_dtype(dtype.categories.dtype)
    return not isinstance(dtype, pd.IntervalDtype) or is_known_dtype(dtype.subtype)


def _is_own_arrow_type(arrow: pa.DataType) -> bool:
    """Whether the type is pyarrow's, not one that another package registered."""
    if isinstance(arrow, pa.BaseExtensionType):
        return type(arrow).__module__.partition(".")[0] == "pyarrow"
    if pa.types.is_dictionary(arrow):
        return _is_own_arrow_type(arrow.value_type)
    return all(_is_own_arrow_type(arrow.field(i).type) for i in range(arrow.num_fields))


def zone_from_json(node: Any, source: Reader) -> dt.tzinfo:
    """The time zone that `Writer.plain` told."""
    zone = source.plain(node)
    if not isinstance(zone, dt.tzinfo):
        raise CorruptArtifactError(f"{node!r} is no time zone")
    return zone


def arrow_zone(tz: dt.tzinfo) -> str:
    """A name that other tools understand; it shows the right instants even if it is just UTC."""
    if type(tz) is dt.timezone:
        seconds = int(tz.utcoffset(None).total_seconds())
        if seconds % 60 == 0:
            sign = "-" if seconds < 0 else "+"
            hours, minutes = divmod(abs(seconds) // 60, 60)
            return f"{sign}{hours:02}:{minutes:02}" if seconds else "UTC"
    name = getattr(tz, "key", None) or getattr(tz, "zone", None)
    return name if isinstance(name, str) and name.isascii() else "UTC"


def freq_to_json(freq: Any, out: Writer, at: str) -> JSON:
    """The form of an offset such as `index.freq`."""
    if freq is None:
        return None
    name = type(freq).__name__
    if type(freq) is _OFFSETS.get(name):
        # A calendar holds nothing that its weekmask and holidays don't.
        kwds = {key: value for key, value in freq.kwds.items() if key != "calendar"}
        try:
            same = _OFFSETS[name](n=freq.n, normalize=freq.normalize, **kwds)
        except (TypeError, ValueError):
            same = None
        if same == freq and same.kwds.keys() == freq.kwds.keys():
            parameters = {key: out.plain(value, f"{at}.freq") for key, value in kwds.items()}
            return [name, freq.n, freq.normalize, parameters]
    return out.nest(freq, f"{at}.freq")


def freq_from_json(form: Any, source: Reader) -> Any:
    """The offset of a form."""
    if form is None:
        return None
    if isinstance(form, dict):
        freq = source.nested(form)
    else:
        name, n, normalize, parameters = form
        kwds = {key: source.plain(node) for key, node in parameters.items()}
        freq = _OFFSETS[name](n=n, normalize=normalize, **kwds)
    if not isinstance(freq, offsets.BaseOffset):
        raise CorruptArtifactError(f"{form!r} is no offset")
    return freq


def text_form(dtype: pd.StringDtype) -> list[JSON]:
    """Where a dtype of text keeps it, and what stands for a missing one."""
    # Before `na_value` could be given, it was part of the name of the storage.
    storage = dtype.storage.removesuffix("_numpy")
    return [storage, "na" if dtype.na_value is pd.NA else "nan"]


def text_dtype(form: Any) -> pd.StringDtype:
    """The dtype of a form."""
    storage, missing = form
    if missing == "na":
        return pd.StringDtype(storage)
    try:
        return pd.StringDtype(storage, na_value=np.nan)
    except TypeError as error:
        if storage == "pyarrow":
            return pd.StringDtype("pyarrow_numpy")
        raise ConversionError(
            "this pandas has no text that is kept as Python objects with NaN for missing ones",
            hint='pip install -U "pandas>=2.3"',
        ) from error


def period_dtype(freq: Any) -> pd.PeriodDtype:
    """The dtype of periods; the deprecation of some was told to whoever made the data."""
    if not isinstance(freq, offsets.BusinessDay):
        return pd.PeriodDtype(freq)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return pd.PeriodDtype(freq)
