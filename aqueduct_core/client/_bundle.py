"""A value on its way from one process to another: the objects that a store makes of it, in a row.

Each object is a line of JSON with its key and size, and its bytes. Pickles don't travel this way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.store import ArtifactStore

__all__ = ["pack", "unpack"]

_KEY = "value"
_CHUNK = 1 << 20
_LONGEST_LINE = 4096


def pack(value: Any) -> Iterator[bytes]:
    """The bytes of a value.

    The value is stored before this returns; the files go when the last byte was taken.

    Raises:
        UnserializableError: It can't be stored without a pickle.
    """
    folder = TemporaryDirectory(prefix="aqueduct-")
    try:
        store = ArtifactStore(Path(folder.name) / "store", describe=False)
        store.put(value, _KEY)
    except BaseException:
        folder.cleanup()
        raise
    return _packed(folder, store)


def unpack(file: BinaryIO) -> Any:
    """The value of these bytes.

    Raises:
        CorruptArtifactError: They are not what `pack` made.
    """
    store = ArtifactStore("memory://", describe=False)
    while line := file.readline(_LONGEST_LINE):
        try:
            head = json.loads(line)
            key, size = str(head["key"]), int(head["size"])
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptArtifactError("these bytes hold no value") from error
        data = file.read(size)
        if len(data) != size:
            raise CorruptArtifactError("these bytes end too early", hint="ask for them again")
        store.storage.put(key, data)
    return store.get(_KEY)


def _packed(folder: TemporaryDirectory[str], store: ArtifactStore) -> Iterator[bytes]:
    with folder:
        for info in store.storage.list():
            yield json.dumps({"key": info.key, "size": info.size}).encode() + b"\n"
            for start in range(0, info.size, _CHUNK):
                yield bytes(store.storage.get(info.key, start, min(start + _CHUNK, info.size)))
