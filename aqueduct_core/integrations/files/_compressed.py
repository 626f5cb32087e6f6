"""Compressed files: told by how they begin, since names may say something else.

No other file of text, and no image, begins as they do.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

__all__ = ["CODECS", "MAGIC", "Codec", "codec_of"]

MAGIC = 16  # bytes of a file that tell how it is compressed
_MEMORY = 256 << 20  # bytes that a look at the beginning of a file may take


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to compress files.

    Attributes:
        magic: How all of its files begin.
        open: Gives what is in a compressed file, as a file.
        decompressor: Makes what decompresses one part of such a file.
    """

    magic: re.Pattern[bytes]
    open: Callable[[BinaryIO], BinaryIO]
    decompressor: Callable[[], Any]

    def beginning(self, data: bytes, most: int) -> bytes:
        """What the first bytes of a file hold, and never more than `most`: few may hold gigabytes.

        Args:
            data: The first bytes.
            most: How many bytes are wanted.
        """
        found = b""
        while self.magic.match(data) and len(found) < most:  # a file may have several parts
            part = self.decompressor()
            found += part.decompress(data, most - len(found))
            if not part.eof:
                break
            data = part.unused_data
        return found


def codec_of(head: bytes) -> Codec | None:
    """How a file that begins like this is compressed; None if it isn't."""
    return next((codec for codec in CODECS.values() if codec.magic.match(head)), None)


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd


CODECS: Mapping[str, Codec] = {  # by how the names of their files end
    ".gz": Codec(
        re.compile(rb"\x1f\x8b\x08"),
        lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb")),
        lambda: zlib.decompressobj(31),
    ),
    ".bz2": Codec(
        re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
        lambda file: cast("BinaryIO", bz2.BZ2File(file)),
        bz2.BZ2Decompressor,
    ),
    ".xz": Codec(
        re.compile(rb"\xfd7zXZ\0"),
        lambda file: cast("BinaryIO", lzma.open(file)),  # noqa: SIM115 - whoever asks closes it
        lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
    ),
    ".zst": Codec(
        re.compile(rb"\x28\xb5\x2f\xfd"),
        lambda file: cast("BinaryIO", _zstd().open(file, "rb")),
        lambda: _zstd().ZstdDecompressor(),
    ),
}
