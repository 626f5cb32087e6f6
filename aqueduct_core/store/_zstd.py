"""zstd, from the standard library where it has it (3.14) and from its backport elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["compress", "compress_stream", "decompress_into"]

_CHUNK = 1 << 20
_THREADED = 4 << 20
# Their number doesn't show in what they write, but whether there are any does. Some builds have none.
_WORKERS = min(os.cpu_count() or 1, 4, zstd.CompressionParameter.nb_workers.bounds()[1])


def compress_stream(buffers: Iterable[Any], level: int, size: int) -> Iterator[bytes]:
    """Compress the concatenation of `buffers`, `size` bytes in all, piece by piece."""
    options: dict[int, int] = {zstd.CompressionParameter.compression_level: level}
    if size >= _THREADED:
        options[zstd.CompressionParameter.nb_workers] = _WORKERS
    compressor = zstd.ZstdCompressor(options=options)
    compressor.set_pledged_input_size(size)
    for buffer in buffers:
        view = memoryview(buffer)
        for start in range(0, view.nbytes, _CHUNK):
            if piece := compressor.compress(view[start : start + _CHUNK]):
                yield piece
    yield compressor.flush()


def compress(buffers: list[Any], level: int) -> bytes:
    """Compress the concatenation of `buffers`."""
    size = sum(memoryview(buffer).nbytes for buffer in buffers)
    return b"".join(compress_stream(buffers, level, size))


def decompress_into(pieces: Iterable[Any], target: memoryview) -> None:
    """Decompress one frame, given piece by piece, into exactly `target`.

    Raises:
        ValueError: The data is not a zstd frame of that very size. Never more than the size of the
            target is decompressed, so a small frame can't fill the memory.
    """
    decompressor = zstd.ZstdDecompressor()
    position = 0
    try:
        for piece in pieces:
            if decompressor.eof:
                raise ValueError("something follows its end")
            given = piece
            while not decompressor.eof:
                # One byte more than fits, so that too many are noticed.
                room = min(_CHUNK, target.nbytes - position + 1)
                data = decompressor.decompress(given, max_length=room)
                if position + len(data) > target.nbytes:
                    raise ValueError("it holds more bytes than its manifest says")
                target[position : position + len(data)] = data
                position += len(data)
                given = b""
                if decompressor.needs_input:
                    break
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if not decompressor.eof:
        raise ValueError("it ends too early")
    if position != target.nbytes:
        raise ValueError("it holds fewer bytes than its manifest says")
