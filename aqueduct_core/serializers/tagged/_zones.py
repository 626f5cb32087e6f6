"""The tags of the time zones of pytz and dateutil; imported when one of them is met."""

from __future__ import annotations

import sys
from datetime import timedelta, tzinfo
from importlib import import_module
from typing import Any

from aqueduct_core.errors import ConversionError
from aqueduct_core.serializers.tagged._base import (
    READERS,
    TAG,
    Build,
    corrupt,
    field,
)
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder

__all__ = ["find"]


def find(kind: type) -> tuple[Build, bool] | None:
    """The builder of one of their classes."""
    if not issubclass(kind, tzinfo):
        return None
    if kind.__module__.startswith("pytz"):
        return _pytz, False
    # Dates of one zone object compare by wall time. Of most zones there is one object for each name;
    # tzlocal() makes another each time.
    return _dateutil, kind.__name__ == "tzlocal"


def _pytz(value: Any, _encoder: Encoder) -> Any:
    pytz = _package("pytz")

    if value is pytz.utc:
        return {TAG: "pytz.timezone", "zone": "UTC"}
    make, arguments = value.__reduce__()
    if make is pytz.FixedOffset:
        same = pytz.FixedOffset(*arguments) is value
        return {TAG: "pytz.FixedOffset", "minutes": arguments[0]} if same else None
    if make is not pytz._p:
        return None
    zone, *variant = arguments
    node = {TAG: "pytz.timezone", "zone": zone}
    if variant:
        node["variant"] = variant
    return node if _pytz_zone(zone, variant) is value else None


def _pytz_zone(zone: str, variant: list[Any]) -> Any:
    pytz = _package("pytz")

    found = pytz.timezone(zone)
    if not variant:
        return found
    offset, dst, name = variant
    key = (timedelta(seconds=offset), timedelta(seconds=dst), name)
    return getattr(found, "_tzinfos", {}).get(key)


def _dateutil(value: Any, _encoder: Encoder) -> Any:
    tz = _package("dateutil.tz")

    kind = type(value)
    if kind is tz.tzutc:
        return {TAG: "dateutil.tzutc"}
    if kind is tz.tzlocal:
        return {TAG: "dateutil.tzlocal"}
    if kind is tz.tzoffset:
        name = value._name
        if name is not None and type(name) is not str:
            return None
        offset = value._offset
        return {
            TAG: "dateutil.tzoffset",
            "name": name,
            "seconds": offset.days * 86_400 + offset.seconds,
            "microseconds": offset.microseconds,
        }
    if kind is not tz.tzfile:
        return None
    # The name it was asked for by, or what its file is called below the folder of all zones.
    for name in (getattr(value, "_key", ""), str(value._filename).partition("zoneinfo/")[2]):
        # gettz() gives one object for each name as long as somebody holds it.
        if type(name) is str and _is_name(name) and tz.gettz(name) is value:
            return {TAG: "dateutil.gettz", "name": name}
    return None


def _is_name(name: str) -> bool:
    """Whether this names a zone, and not a file anywhere on the machine."""
    return (
        name != "" and name.isascii() and not name.startswith(("/", ".", ":")) and ".." not in name
    )


def _read_pytz(node: dict[str, Any], _decoder: Decoder) -> Any:
    pytz = _package("pytz")
    zone, variant = field(node, "zone", str), node.get("variant", [])
    if not isinstance(variant, list) or [type(part) for part in variant] not in (
        [],
        [int, int, str],
    ):
        corrupt("this is not a time zone of pytz")
    try:
        found = _pytz_zone(zone, variant)
    except pytz.UnknownTimeZoneError as error:
        raise _unknown(zone, "pytz") from error
    if found is None:
        raise _unknown(f"{zone} at {variant}", "pytz")
    return found


def _read_pytz_fixed(node: dict[str, Any], _decoder: Decoder) -> Any:
    return _package("pytz").FixedOffset(field(node, "minutes", int))


def _read_offset(node: dict[str, Any], _decoder: Decoder) -> Any:
    name = node.get("name")
    if name is not None and type(name) is not str:
        corrupt("the name of a time zone must be text")
    seconds, micros = field(node, "seconds", int), field(node, "microseconds", int)
    return _package("dateutil.tz").tzoffset(name, timedelta(seconds=seconds, microseconds=micros))


def _read_gettz(node: dict[str, Any], _decoder: Decoder) -> Any:
    name = field(node, "name", str)
    if not _is_name(name):
        corrupt(f"{name[:80]!r} is not the name of a time zone")
    tz = _package("dateutil.tz")
    found = tz.gettz(name)
    if not isinstance(found, tz.tzfile):
        raise _unknown(name, "dateutil")
    return found


def _package(name: str) -> Any:
    found = sys.modules.get(name)
    if found is not None:
        return found
    try:
        return import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        raise ConversionError(
            f"it holds a time zone of {top}, which is not installed",
            hint=f"pip install {'python-dateutil' if top == 'dateutil' else top}",
        ) from error


def _unknown(zone: str, package: str) -> ConversionError:
    return ConversionError(
        f"the {package} here has no time zone {zone[:80]!r}",
        hint=f"pip install --upgrade {package} tzdata",
    )


READERS.update(
    {
        "pytz.timezone": _read_pytz,
        "pytz.FixedOffset": _read_pytz_fixed,
        "dateutil.tzutc": lambda _node, _decoder: _package("dateutil.tz").tzutc(),
        "dateutil.tzlocal": lambda _node, _decoder: _package("dateutil.tz").tzlocal(),
        "dateutil.tzoffset": _read_offset,
        "dateutil.gettz": _read_gettz,
    }
)
