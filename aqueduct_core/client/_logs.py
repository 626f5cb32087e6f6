"""What operators print, where their workers put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aqueduct_core.errors import StorageNotFoundError

if TYPE_CHECKING:
    from aqueduct_core.abc import Storage

__all__ = ["read_log"]


def read_log(storage: Storage, operator: str, run: str, stream: str) -> str:
    """A stream of an operator's last attempt; empty if it has printed nothing.

    Args:
        storage: The storage of the artifacts.
        operator: The operator's UUID.
        run: The run key.
        stream: `stdout` or `stderr`.
    """
    folder = f"operators/{operator}/{run}/attempts/"
    keys = [item.key for item in storage.list(folder)]
    numbers = {int(key[len(folder) :].partition("/")[0]) for key in keys}
    if not numbers:
        return ""
    try:
        data = bytes(storage.get(f"{folder}{max(numbers)}/{stream}.log"))
    except StorageNotFoundError:
        return ""
    return data.decode("utf-8", "replace")
