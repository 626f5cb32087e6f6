"""Tags: words that people find their workflows by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aqueduct_core.errors import ParameterError

__all__ = ["checked_tags"]

_LONGEST = 100  # characters, as Airflow has it
_MOST = 50
_HINT = f"tags are up to {_MOST} words of up to {_LONGEST} characters: tags=['sales', 'daily']"


def checked_tags(tags: Any) -> tuple[str, ...]:
    """Tags as they are kept: without spaces around them, each once.

    Args:
        tags: What somebody gave.

    Raises:
        ParameterError: One can't be a tag.
    """
    if tags is None:
        return ()
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise ParameterError(f"tags={tags!r:.100}", hint=_HINT)
    found: dict[str, None] = {}
    for tag in tags:
        plain = tag.strip() if isinstance(tag, str) else ""
        if not plain or len(plain) > _LONGEST or not plain.isprintable() or "," in plain:
            raise ParameterError(f"{tag!r:.150} can't be a tag", hint=f"{_HINT}; without commas")
        found[plain] = None
    if len(found) > _MOST:
        raise ParameterError(f"these are {len(found)} tags", hint=_HINT)
    return tuple(found)
