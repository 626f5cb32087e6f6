"""What is compared with its digest, what is looked into, and what is taken as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.storage._local import LocalStorage
from aqueduct_core.store import ArtifactStore

ROWS = 20_000
TEXTS = pd.DataFrame({"text": pd.Series([f"value {i}" for i in range(ROWS)], dtype="str")})
CELLS = pd.DataFrame({"cell": [(index, "x") if index % 2 else index for index in range(ROWS)]})


class Named:
    """A class that has no serializer of its own."""

    def __init__(self, text: str) -> None:
        self.text = text


def forge(folder: Path, old: bytes, new: bytes) -> None:
    """Change the one stored part, and seal it as if it had been put so."""
    (path,) = [path for path in (folder / "parts").rglob("*") if path.is_file()]
    data = path.read_bytes()
    assert old in data
    LocalStorage(folder).put(path.relative_to(folder).as_posix(), data.replace(old, new))


def offsets(*numbers: int) -> bytes:
    return np.array(numbers, np.int64).tobytes()


def test_a_signed_table_with_forged_offsets_is_refused(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, signing_key="ours")
    store.put(TEXTS, "k")
    forge(tmp_path, offsets(7, 14, 21), offsets(7, 1 << 40, 21))
    with pytest.raises(CorruptArtifactError, match="out of bounds"):
        store.get("k")


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        (CELLS, b'"x"', b'"y"'),
        ({"a": (1, "x" * 5_000)}, b"xxxx", b"yyyy"),
    ],
    ids=["cells", "json"],
)
def test_what_may_name_a_class_is_compared_with_the_signed_digest(
    tmp_path: Path, value: Any, old: bytes, new: bytes
) -> None:
    store = ArtifactStore(tmp_path, signing_key="ours")
    store.put(value, "k")
    forge(tmp_path, old, new)
    with pytest.raises(CorruptArtifactError, match="were changed"):
        store.get("k")


@pytest.mark.parametrize("signing_key", [None, "ours"])
def test_a_pickle_is_always_compared_with_its_digest(
    tmp_path: Path, signing_key: str | None
) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True, signing_key=signing_key)
    store.put(Named("x" * 10_000), "k")
    assert not store.manifest("k").safe
    forge(tmp_path, b"xxxx", b"yyyy")
    with pytest.raises(CorruptArtifactError, match="were changed"):
        store.get("k")


def test_plain_data_of_signed_artifacts_is_mapped_unhashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.store import _source

    store = ArtifactStore(tmp_path, signing_key="ours")
    numbers = pd.DataFrame({"number": np.arange(ROWS)})
    values = {"table": TEXTS, "numbers": numbers, "json": list(range(ROWS))}
    for key, value in values.items():
        store.put(value, key)

    def hashed(_: Any) -> str:
        raise AssertionError("it must not be hashed")

    monkeypatch.setattr(_source, "digest_of", hashed)
    pd.testing.assert_frame_equal(store.get("table"), TEXTS)
    pd.testing.assert_frame_equal(store.get("numbers"), numbers)
    assert store.get("json") == values["json"]
