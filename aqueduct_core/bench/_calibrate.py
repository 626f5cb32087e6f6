"""Measure what a storage costs from here: how long a request takes, and how many bytes go through."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from statistics import median
from typing import Any

from aqueduct_core.abc import Storage
from aqueduct_core.bench._places import storage_options
from aqueduct_core.bench._touch import touch
from aqueduct_core.encoding import PRICE, PROFILES, Profile
from aqueduct_core.storage import open_storage

__all__ = ["Calibration", "calibrate"]

_SMALL, _LARGEST = 1024, 256 << 20
_TRIES = 9
_LONG = 0.4  # seconds; a transfer that takes as long is mostly transfer


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured.

    Attributes:
        url: The storage.
        profile: What the encoding policy is to reckon with.
        size: Bytes of the largest object that was sent.
    """

    url: str
    profile: Profile
    size: int


def calibrate(url: str, *, price: float = PRICE) -> Calibration:
    """Measure a storage with objects of its own, which are removed.

    Sizes grow until a transfer takes long enough for the time of the request itself not to matter; that
    time is measured with small objects, and taken off.

    Args:
        url: The storage.
        price: Dollars for keeping a gigabyte there for a month.

    Raises:
        StorageError: The storage failed.
    """
    storage = open_storage(url, **storage_options(url))
    folder = f"aqueduct-bench-{token_hex(6)}"
    try:
        put, get = _latencies(storage, folder)
        size = 1 << 20
        while True:
            saving, loading = _transfer(storage, f"{folder}/{size}", size)
            if size >= _LARGEST or min(saving, loading) >= _LONG or max(saving, loading) >= 4:
                break
            size *= 4
        again = [_transfer(storage, f"{folder}/{size}-{turn}", size) for turn in range(2)]
        saving, loading = (median(column) for column in zip((saving, loading), *again, strict=True))
    finally:
        storage.delete(*[info.key for info in storage.list(f"{folder}/")])
        local = storage.path(folder)
        if local is not None:
            shutil.rmtree(local, ignore_errors=True)
    profile = Profile(
        upload=size / max(saving - put, saving / 10),
        download=size / max(loading - get, loading / 10),
        default=PROFILES[storage.profile].default,
        latency=get,
        price=price,
    )
    return Calibration(storage.url, profile, size)


def _latencies(storage: Storage, folder: str) -> tuple[float, float]:
    """Seconds to put and to get a small object; the first of each, which connects, isn't counted."""
    puts, gets = [], []
    for turn in range(_TRIES + 1):
        key, data = f"{folder}/small-{turn}", os.urandom(_SMALL)
        puts.append(_seconds(storage.put, key, data))
        gets.append(_seconds(_read, storage, key))
    return median(puts[1:]), median(gets[1:])


def _transfer(storage: Storage, key: str, size: int) -> tuple[float, float]:
    data = os.urandom(size)  # nothing on the way can make it smaller
    saving = _seconds(storage.put, key, data)
    loading = _seconds(_read, storage, key)
    storage.delete(key)
    return saving, loading


def _read(storage: Storage, key: str) -> None:
    touch(_view(storage.get(key)))


def _view(buffer: Any) -> memoryview:
    return memoryview(buffer).cast("B")


def _seconds(action: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start
