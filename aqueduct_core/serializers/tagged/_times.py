"""The tags of dates, times and the standard library's time zones."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from aqueduct_core.errors import ConversionError
from aqueduct_core.serializers.tagged._base import LEAVES, READERS, TAG, corrupt, field
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder

__all__ = ["read_zone", "zone_node"]


def zone_node(zone: Any, encoder: Encoder) -> Any:
    """The node of a time zone, or None if it can't be rebuilt exactly."""
    build, tracked = encoder.known(type(zone))
    if build is None:
        return None
    return encoder.enter(zone, build) if tracked else build(zone, encoder)


def read_zone(node: Any, decoder: Decoder) -> Any:
    """The time zone of a node."""
    zone = decoder.node(node)
    if not isinstance(zone, tzinfo):
        corrupt("this is not a time zone")
    return zone


def _date(value: date, _encoder: Encoder) -> Any:
    return {TAG: "date", "value": value.isoformat()}


def _datetime(value: datetime, encoder: Encoder) -> Any:
    return _moment("datetime", value, encoder)


def _time(value: time, encoder: Encoder) -> Any:
    return _moment("time", value, encoder)


def _moment(tag: str, value: Any, encoder: Encoder) -> Any:
    node = {TAG: tag, "value": value.replace(tzinfo=None).isoformat()}
    if value.fold:
        node["fold"] = 1
    if value.tzinfo is not None:
        node["zone"] = zone_node(value.tzinfo, encoder)
        if node["zone"] is None:
            return None
    return node


def _timedelta(value: timedelta, _encoder: Encoder) -> Any:
    node = {TAG: "timedelta", "days": value.days, "seconds": value.seconds}
    return {**node, "microseconds": value.microseconds}


def _timezone(value: timezone, encoder: Encoder) -> Any:
    offset, *name = value.__getinitargs__()  # type: ignore[attr-defined]  # left out by typeshed
    node: dict[str, Any] = {TAG: "timezone", "offset": _timedelta(offset, encoder)}
    if name:
        node["name"] = encoder.node(name[0])
    return node


def _zoneinfo(value: zoneinfo.ZoneInfo, _encoder: Encoder) -> Any:
    key = value.key
    # One read from a file or made by no_cache() is another object than the one its key names, and
    # dates compare by wall time or by UTC depending on that.
    if type(key) is not str or zoneinfo.ZoneInfo(key) is not value:
        return None
    return {TAG: "ZoneInfo", "key": key}


def _read_date(node: dict[str, Any], _decoder: Decoder) -> date:
    text = field(node, "value", str)
    value = date.fromisoformat(text)
    if value.isoformat() != text:
        corrupt(f"{text!r} is not a date")
    return value


def _read_datetime(node: dict[str, Any], decoder: Decoder) -> Any:
    return _placed(node, decoder, datetime)


def _read_time(node: dict[str, Any], decoder: Decoder) -> Any:
    return _placed(node, decoder, time)


def _placed(node: dict[str, Any], decoder: Decoder, kind: Any) -> Any:
    text = field(node, "value", str)
    value = kind.fromisoformat(text)
    if value.tzinfo is not None or value.isoformat() != text:
        corrupt(f"{text!r} is not a {kind.__name__}")
    if "fold" in node:
        value = value.replace(fold=field(node, "fold", int))
    if "zone" in node:
        value = value.replace(tzinfo=read_zone(node["zone"], decoder))
    return value


def _read_timedelta(node: dict[str, Any], _decoder: Decoder) -> timedelta:
    parts = [field(node, name, int) for name in ("days", "seconds", "microseconds")]
    value = timedelta(*parts)
    if [value.days, value.seconds, value.microseconds] != parts:
        corrupt("this is not a time span as it was written")
    return value


def _read_timezone(node: dict[str, Any], decoder: Decoder) -> timezone:
    offset = decoder.node(node.get("offset"))
    if type(offset) is not timedelta:
        corrupt("the offset of a time zone must be a timedelta")
    return timezone(offset, decoder.node(node["name"])) if "name" in node else timezone(offset)


def _read_zoneinfo(node: dict[str, Any], _decoder: Decoder) -> zoneinfo.ZoneInfo:
    key = field(node, "key", str)
    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ConversionError(
            f"the time zone {key[:80]!r} is not known on this machine",
            hint="pip install tzdata, or install the system's time zone data",
        ) from error


LEAVES.update(
    {
        date: _date,
        datetime: _datetime,
        time: _time,
        timedelta: _timedelta,
        timezone: _timezone,
        zoneinfo.ZoneInfo: _zoneinfo,
    }
)
READERS.update(
    {
        "date": _read_date,
        "datetime": _read_datetime,
        "time": _read_time,
        "timedelta": _read_timedelta,
        "timezone": _read_timezone,
        "ZoneInfo": _read_zoneinfo,
    }
)
