"""The storage of a server's workspace, as a client of another machine sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.client._remote_http import Http
from aqueduct_core.errors import StorageNotFoundError, UnsupportedError
from aqueduct_core.storage._staging import Staging

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["RemoteStorage"]

_CHUNK = 1 << 20


class RemoteStorage:
    """Reads what the workspace has signed; writes what publishing needs.

    Args:
        http: The connection to the server.
    """

    profile = "remote"

    def __init__(self, http: Http) -> None:
        self.url = http.address
        self._http = http
        self._staging = Staging()

    def put(self, key: str, *buffers: Buffer) -> None:
        """Store bytes; see `Storage.put`."""
        data = b"".join(buffers)
        self._http.put_bytes(f"/storage/{quote(key)}", lambda: data)

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes; see `Storage.put_file`."""
        self._http.put_bytes(f"/storage/{quote(key)}", lambda: _chunks(path))
        path.unlink()

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of an object; see `Storage.get`."""
        return self._http.get_bytes(f"/storage/{quote(key)}", start=start or None, end=end)

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about an object, or None if there is none."""
        try:
            found = self._http.get(f"/objects/{quote(key)}")
        except StorageNotFoundError:
            return None
        return ObjectInfo(found["key"], found["size"], found["modified"])

    def refresh(self, key: str) -> bool:
        """Make an object count as just written; see `Storage.refresh`."""
        return bool(self._http.post(f"/objects/{quote(key)}/refresh", is_safe=True))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`."""
        cursor = ""
        while True:
            page = self._http.get("/objects", prefix=prefix, after=cursor)
            for item in page["items"]:
                yield ObjectInfo(item["key"], item["size"], item["modified"])
            cursor = page["cursor"]
            if cursor is None:
                return

    def delete(self, *keys: str) -> None:
        """Not from another machine."""
        raise UnsupportedError(
            "a client of a server removes no stored bytes", hint="client.delete_flow(name)"
        )

    def path(self, key: str) -> Path | None:
        """None: the objects aren't here."""
        return None

    def staging(self) -> Path:
        """A folder for files that `put_file` will take."""
        return self._staging.folder()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data
