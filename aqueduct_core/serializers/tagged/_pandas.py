"""The tags of pandas' scalars, offsets and dtypes; imported when one of them is met."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from aqueduct_core.serializers.tagged._base import READERS, TAG, Build, corrupt, field
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder, key_is_plain
from aqueduct_core.serializers.tagged._times import read_zone, zone_node

__all__ = ["find"]

_UNITS = ("s", "ms", "us", "ns")


def find(kind: type) -> tuple[Build, bool] | None:
    """The builder of one of its classes."""
    if kind in _BUILDS:
        return _BUILDS[kind], False
    if issubclass(kind, pd.tseries.offsets.BaseOffset):
        return _offset, False
    if issubclass(kind, pd.api.extensions.ExtensionDtype):
        return _dtype, False
    return None


def _timestamp(value: Any, encoder: Encoder) -> Any:
    node = {TAG: "pandas.Timestamp", "value": _number(value), "unit": value.unit}
    if value.fold:
        node["fold"] = 1
    if value.tz is not None:
        node["zone"] = zone_node(value.tz, encoder)
        if node["zone"] is None:
            return None
        # Which of two equal wall times it is follows from the zone, so the zone must agree.
        again = _placed(node["value"], value.unit, value.fold, value.tz)
        if again.fold != value.fold or again.tz is not value.tz:
            return None
    return node


def _timedelta(value: Any, _encoder: Encoder) -> Any:
    return {TAG: "pandas.Timedelta", "value": _number(value), "unit": value.unit}


def _number(value: Any) -> int:
    return int(value.asm8.view(np.int64))


def _period(value: Any, _encoder: Encoder) -> Any:
    again = pd.Period(ordinal=value.ordinal, freq=value.freqstr)
    if again != value or again.freq != value.freq:
        return None
    return {TAG: "pandas.Period", "ordinal": value.ordinal, "freq": value.freqstr}


def _interval(value: Any, encoder: Encoder) -> Any:
    ends = {name: encoder.node(getattr(value, name)) for name in ("left", "right")}
    return {TAG: "pandas.Interval", **ends, "closed": value.closed}


def _offset(value: Any, encoder: Encoder) -> Any:
    if type(value) is pd.DateOffset:
        words = value.kwds
        if (
            not all(map(key_is_plain, words))
            or pd.DateOffset(value.n, value.normalize, **words) != value
        ):
            return None
        node = {TAG: "pandas.DateOffset", "n": value.n, "normalize": value.normalize}
        return {**node, "words": {name: encoder.node(word) for name, word in words.items()}}
    # The custom ones carry calendars that their name doesn't tell.
    if type(value).__name__.startswith("Custom") or value.normalize:
        return None
    try:
        again = pd.tseries.frequencies.to_offset(value.freqstr)
    except ValueError:
        return None
    if type(again) is not type(value) or again != value:
        return None
    return {TAG: "pandas.offset", "freq": value.freqstr}


def _dtype(value: Any, _encoder: Encoder) -> Any:
    if isinstance(value, pd.CategoricalDtype | pd.SparseDtype):
        return None
    if type(value) is pd.StringDtype:
        missing = "NA" if value.na_value is pd.NA else "nan"
        return {TAG: "pandas.StringDtype", "storage": value.storage, "missing": missing}
    text = str(value)
    try:
        again = pd.api.types.pandas_dtype(text)
    except (TypeError, ValueError, NotImplementedError):
        return None
    if type(again) is not type(value) or again != value or repr(again) != repr(value):
        return None
    return {TAG: "pandas.dtype", "name": text}


def _placed(number: int, unit: str, fold: int, zone: Any) -> Any:
    made = pd.Timestamp(np.int64(number).view(f"M8[{unit}]"))
    if zone is not None:
        return made.tz_localize("UTC").tz_convert(zone)
    return made.replace(fold=fold) if fold else made


def _read_timestamp(node: dict[str, Any], decoder: Decoder) -> Any:
    number, unit = _number_and_unit(node)
    fold = field(node, "fold", int) if "fold" in node else 0
    zone = read_zone(node["zone"], decoder) if "zone" in node else None
    made = _placed(number, unit, fold, zone)
    if made is pd.NaT:
        corrupt("this is not a time")
    return made


def _read_timedelta(node: dict[str, Any], _decoder: Decoder) -> Any:
    number, unit = _number_and_unit(node)
    made = pd.Timedelta(np.int64(number).view(f"m8[{unit}]"))
    if made is pd.NaT:
        corrupt("this is not a time span")
    return made


def _number_and_unit(node: dict[str, Any]) -> tuple[int, str]:
    number, unit = field(node, "value", int), field(node, "unit", str)
    if unit not in _UNITS or not -(2**63) < number < 2**63:
        corrupt(f"{unit!r} is not a unit of time")
    return number, unit


def _read_period(node: dict[str, Any], _decoder: Decoder) -> Any:
    return pd.Period(ordinal=field(node, "ordinal", int), freq=field(node, "freq", str))


def _read_interval(node: dict[str, Any], decoder: Decoder) -> Any:
    left, right = (decoder.node(node.get(name)) for name in ("left", "right"))
    return pd.Interval(left, right, closed=field(node, "closed", str))


def _read_date_offset(node: dict[str, Any], decoder: Decoder) -> Any:
    words = decoder.fields(node, "words")
    return pd.DateOffset(field(node, "n", int), field(node, "normalize", bool), **words)


def _read_offset(node: dict[str, Any], _decoder: Decoder) -> Any:
    return pd.tseries.frequencies.to_offset(field(node, "freq", str))


def _read_dtype(node: dict[str, Any], _decoder: Decoder) -> Any:
    made = pd.api.types.pandas_dtype(field(node, "name", str))
    if not isinstance(made, pd.api.extensions.ExtensionDtype):
        corrupt(f"{made} is not a dtype of pandas' own")
    return made


def _read_string_dtype(node: dict[str, Any], _decoder: Decoder) -> Any:
    missing = {"NA": pd.NA, "nan": np.nan}[field(node, "missing", str)]
    return pd.StringDtype(field(node, "storage", str), na_value=missing)


_BUILDS: dict[type, Build] = {
    pd.Timestamp: _timestamp,
    pd.Timedelta: _timedelta,
    pd.Period: _period,
    pd.Interval: _interval,
    type(pd.NA): lambda _value, _encoder: {TAG: "pandas.NA"},
    type(pd.NaT): lambda _value, _encoder: {TAG: "pandas.NaT"},
}
READERS.update(
    {
        "pandas.Timestamp": _read_timestamp,
        "pandas.Timedelta": _read_timedelta,
        "pandas.Period": _read_period,
        "pandas.Interval": _read_interval,
        "pandas.DateOffset": _read_date_offset,
        "pandas.offset": _read_offset,
        "pandas.dtype": _read_dtype,
        "pandas.StringDtype": _read_string_dtype,
        "pandas.NA": lambda _node, _decoder: pd.NA,
        "pandas.NaT": lambda _node, _decoder: pd.NaT,
    }
)
