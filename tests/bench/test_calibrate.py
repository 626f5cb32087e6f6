"""What a storage costs is measured, written, and reckoned with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.bench import _calibrate, calibrate
from aqueduct_core.storage import open_storage
from aqueduct_core.store._profiles import profile_of, save_profile


class Clock:
    """Time that passes only while a storage is at work: so much a request, and so much a byte."""

    def __init__(self, latency: float, upload: float, download: float) -> None:
        self.now = 0.0
        self.latency, self.upload, self.download = latency, upload, download

    def perf_counter(self) -> float:
        return self.now


class Slow:
    """A storage that takes its time on a clock."""

    profile = "remote"

    def __init__(self, url: str, clock: Clock) -> None:
        self._inner, self._clock = open_storage(url), clock
        self.url = url

    def put(self, key: str, data: bytes) -> None:
        self._clock.now += self._clock.latency + len(data) / self._clock.upload
        self._inner.put(key, data)

    def get(self, key: str) -> Any:
        data = self._inner.get(key)
        self._clock.now += self._clock.latency + memoryview(data).nbytes / self._clock.download
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(latency=0.05, upload=20e6, download=80e6)
    monkeypatch.setattr(_calibrate, "time", clock)
    monkeypatch.setattr(_calibrate, "open_storage", lambda url, **_: Slow(url, clock))
    return clock


def test_speeds_are_found_whatever_a_request_takes(slow: Clock) -> None:
    found = calibrate("memory://slow-line", price=0.1)
    assert found.profile.upload == pytest.approx(20e6, rel=0.02)
    assert found.profile.download == pytest.approx(80e6, rel=0.02)
    assert found.profile.latency == pytest.approx(0.05, rel=0.02)
    assert (found.profile.price, found.profile.default) == (0.1, "balanced")
    assert not [*open_storage("memory://slow-line").list()]


@pytest.mark.parametrize("url", ["{folder}/store", "memory://calibrated"])
def test_real_storages_are_measured_and_left_as_they_were(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_calibrate, "_LARGEST", 1 << 20)
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    storage = open_storage(url.format(folder=tmp_path))
    found = calibrate(url.format(folder=tmp_path))
    assert all(0 < speed < math.inf for speed in (found.profile.upload, found.profile.download))
    assert not [*storage.list()]
    assert not [*tmp_path.glob("store/aqueduct-bench-*")]
    save_profile(found.url, found.profile)
    assert profile_of(storage) == found.profile
