"""What an environment needs so that operators in it reach the artifact store."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from aqueduct_core.runtime.environments._requirements import OWN

__all__ = ["is_remote", "with_store"]

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
}


def is_remote(store: str) -> bool:
    """Whether a store's URL names an object store that is known here."""
    return urlsplit(store).scheme in _EXTRAS


def with_store(requirements: Sequence[str], store: str) -> tuple[str, ...]:
    """Requirements, with what it takes to open a store.

    Args:
        requirements: As pip writes them.
        store: The store's URL. Of one that another package brings, the requirements have to
            name that package.
    """
    extra = _EXTRAS.get(urlsplit(store).scheme)
    return (*requirements, *([f"{OWN}[{extra}]"] if extra is not None else []))
