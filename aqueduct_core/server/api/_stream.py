"""Answers that are read from the store while they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import StreamingResponse

__all__ = ["chunks", "part_response"]

_CHUNK = 1 << 20


def part_response(file: BinaryIO, size: int, name: str) -> StreamingResponse:
    """A file to be saved. Browsers never show it, whatever is in it.

    Args:
        file: What is read, and closed.
        size: Its bytes.
        name: What to call it.
    """
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)
    told = f'attachment; filename="{plain.encode("ascii", "replace").decode().replace("?", "_")}"'
    told += f"; filename*=UTF-8''{quote(plain, safe='')}"
    return StreamingResponse(
        chunks(file),
        media_type="application/octet-stream",
        headers={
            "content-disposition": told,
            "content-length": str(size),
            "content-encoding": "identity",  # it is compressed already
        },
    )


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """A file piece by piece."""
    with file:
        while data := file.read(_CHUNK):
            yield data
