"""What storages cost, as it was measured; and codecs that are chosen by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aqueduct_core.encoding import PROFILES, Profile
from aqueduct_core.errors import ParameterError
from aqueduct_core.storage import open_storage
from aqueduct_core.store import ArtifactStore
from aqueduct_core.store._profiles import profile_of, profiles_file, save_profile

SLOW = Profile(upload=1e6, download=1e6, default="small", latency=0.2, price=0.5)
QUICK = Profile(upload=1e12, download=1e12, default="fast")
FRAME = pd.DataFrame({"value": np.arange(200_000) % 100})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def profile_at(url: str) -> Profile:
    return profile_of(open_storage(url))


def test_nothing_is_measured_until_somebody_does() -> None:
    assert profile_at("memory://x") == PROFILES["memory"]
    assert not profiles_file().exists()


def test_a_measured_profile_holds_for_its_url_and_what_is_below() -> None:
    save_profile("memory://bucket/a", SLOW)
    assert profile_at("memory://bucket/a") == profile_at("memory://bucket/a/b") == SLOW
    for other in ("memory://bucket", "memory://bucket/ab", "memory://other/bucket/a"):
        assert profile_at(other) == PROFILES["memory"]


def test_the_nearest_profile_counts_and_the_last_measurement() -> None:
    save_profile("memory://bucket", SLOW)
    save_profile("memory://bucket/near", SLOW)
    save_profile("memory://bucket/near/", QUICK)
    assert profile_at("memory://bucket/near/er") == QUICK
    assert profile_at("memory://bucket/far") == SLOW


def test_folders_are_found_by_their_url(tmp_path: Path) -> None:
    url = open_storage(str(tmp_path / "a folder")).url
    save_profile(url, SLOW)
    assert profile_at(str(tmp_path / "a folder" / "inside")) == SLOW


def test_stores_choose_by_it() -> None:
    save_profile("memory://slow", SLOW)
    save_profile("memory://quick", QUICK)
    slow, quick = ArtifactStore("memory://slow"), ArtifactStore("memory://quick")
    assert (slow.policy, quick.policy) == ("small", "fast")
    assert slow.put(FRAME).serializer == "parquet"
    assert ArtifactStore("memory://slow", policy="fast").put(FRAME).serializer == "parquet"
    assert quick.put(FRAME).serializer == "arrow"


def test_what_keeping_costs_weighs_for_balanced() -> None:
    cheap = Profile(upload=1e12, download=1e12, default="balanced", price=1e-6)
    save_profile("memory://cheap", cheap)
    assert ArtifactStore("memory://cheap").put(FRAME).serializer == "arrow"
    assert ArtifactStore("memory://usual", policy="balanced").put(FRAME).serializer == "parquet"


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"memory://x/": {"upload": 1}}',
        '{"memory://x/": {"upload": 0, "download": 1, "latency": 0, "price": 1, "default": "fast"}}',
        '{"memory://x/": {"upload": 1, "download": 1, "latency": 0, "price": 1, "default": "best"}}',
    ],
)
def test_a_file_that_can_not_be_read_is_named(home: Path, text: str) -> None:
    home.mkdir()
    profiles_file().write_text(text)
    with pytest.raises(ParameterError, match=r"profiles\.json can't be read") as caught:
        ArtifactStore("memory://x")
    assert "--calibrate" in str(caught.value)


@pytest.mark.parametrize("policy", ["fast", "balanced", "small"])
def test_a_codec_can_be_chosen_whatever_the_policy(policy: str) -> None:
    store = ArtifactStore(f"memory://codec-{policy}", policy=policy)  # type: ignore[arg-type]
    array = np.zeros(100_000)
    sizes = {}
    for codec in ("none", "zstd:1", "zstd:19"):
        ref = store.put(array, codec, codec=codec)
        (part,) = [part for part in store.manifest(ref).parts if part.inline is None]
        assert part.codec == (None if codec == "none" else "zstd")
        sizes[codec] = part.stored
        assert np.array_equal(store.get(ref), array)
    assert sizes["none"] > 100 * sizes["zstd:1"] > 100 * sizes["zstd:19"] / 2


def test_a_format_that_compresses_is_not_compressed_again() -> None:
    store = ArtifactStore("memory://codec")
    ref = store.put(FRAME, serializer="parquet", codec="zstd:3")
    assert {part.codec for part in store.manifest(ref).parts} == {None}


@pytest.mark.parametrize("codec", ["gzip", "zstd", "zstd:0", "zstd:20", "zstd:x", ""])
def test_there_are_no_other_codecs(codec: str) -> None:
    store = ArtifactStore("memory://codec")
    with pytest.raises(ParameterError, match=f"there is no codec {codec!r}") as caught:
        store.put(1, codec=codec)
    assert "zstd:1 to zstd:19" in str(caught.value)
