"""Writing an object where there is none, on any storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from aqueduct_core.abc import Storage

__all__ = ["create"]


def create(storage: Storage, key: str, *buffers: Buffer) -> bool | None:
    """What `Creates.create` does; None, and nothing is done, where a storage hasn't got it."""
    # Not by `isinstance`: with a protocol that takes longer than writing to a local folder is worth.
    ability = getattr(storage, "create", None)
    made: bool | None = None if ability is None else ability(key, *buffers)
    return made
