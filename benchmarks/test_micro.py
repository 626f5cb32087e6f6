"""Small things that happen often; for comparing two states of the code with pytest-benchmark:
`pytest benchmarks --benchmark-only --benchmark-autosave`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aqueduct_core import ArtifactStore, Manifest, Registry
from aqueduct_core.store._keys import manifest_path
from benchmarks import cases

VALUES: dict[str, Callable[[int], Any]] = {
    "tiny dict": lambda seed: cases.tiny(1, seed),
    "short text": lambda seed: f"hello {seed}",
    "number": float,
    "records": lambda seed: cases.records(100, seed),
    "array 1 kB": lambda seed: np.full(128, float(seed)),
    "array 1 MB": lambda seed: np.full(131_072, float(seed)),
    "frame 1k x 10": lambda seed: cases.mixed(1_000, seed),
    "dict of 20 arrays": lambda seed: cases.many_arrays(20, seed),
}


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


@pytest.mark.parametrize("name", VALUES)
def test_put(benchmark: Any, store: ArtifactStore, name: str) -> None:
    seeds = itertools.count()  # new content each time: equal parts would not be written again

    def fresh() -> tuple[tuple[Any, str], dict[str, Any]]:
        seed = next(seeds)
        return (VALUES[name](seed), f"key{seed}"), {}

    benchmark.pedantic(store.put, setup=fresh, rounds=200, warmup_rounds=3)


@pytest.mark.parametrize("name", VALUES)
def test_get(benchmark: Any, store: ArtifactStore, name: str) -> None:
    store.put(VALUES[name](0), "key")
    benchmark(store.get, "key")


def test_candidates_of_a_class_met_before(benchmark: Any) -> None:
    registry = Registry(plugins=False)
    benchmark(registry.candidates, dict)


def test_manifest_from_bytes(benchmark: Any, store: ArtifactStore) -> None:
    store.put(cases.mixed(1_000, 0), "key")
    data = store.storage.get(manifest_path("key"))
    benchmark(Manifest.from_bytes, data)


def test_key_to_path(benchmark: Any) -> None:
    benchmark(manifest_path, "daily/2024-01-01T00:00:00+00:00/customers")


def test_listing(benchmark: Any, store: ArtifactStore) -> None:
    for index in range(100):
        store.put(index, f"some/{index}")
    assert len(benchmark(lambda: list(store.list("some/")))) == 100
