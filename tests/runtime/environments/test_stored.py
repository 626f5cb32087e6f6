"""Environments have what the store takes."""

from __future__ import annotations

import pytest

from aqueduct_core.runtime.environments import is_remote, with_store
from aqueduct_core.runtime.environments._requirements import normalized, with_own


@pytest.mark.parametrize(
    ("store", "extras"),
    [
        ("s3://bucket/prefix", ("s3", "tables")),
        ("gs://bucket", ("gcs", "tables")),
        ("abfss://container@account/prefix", ("azure", "tables")),
        ("file:///a/folder", ("tables",)),
        ("/a/folder", ("tables",)),
        ("acme://of-a-plugin", ("tables",)),
    ],
)
def test_the_library_of_the_store_is_installed_too(store: str, extras: tuple[str, ...]) -> None:
    wanted = with_store(["pandas>=3"], store)
    assert with_own(normalized(wanted)) == (("pandas>=3",), extras)
    assert is_remote(store) == (len(extras) == 2)
