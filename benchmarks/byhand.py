"""What somebody would write by hand, with the settings that the policy `balanced` uses.

Tables as Parquet with zstd, byte-stream-split for floats and page checksums; images as PNG; bytes, text,
JSON and arrays through zstd where they shrink. Nothing else is kept: no types beyond what the format
knows, no statistics, no metadata. Damage would be noticed as in the store: pages of Parquet, chunks of PNG
and frames of zstd have checksums, which loading checks; what stays as it is ends in its digest, which, as
in the store for local files, is not checked each time.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3
from PIL import Image

from benchmarks.limit import read, write

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 1
PNG_LEVEL = 1
DIGEST = 32  # bytes
THREADED = 4 << 20  # bytes from which on several threads compress or hash


class ByHand:
    """Saves values of one kind into files of a folder."""

    name = "by hand"

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind

    def save(self, value: Any, key: str) -> None:
        _pair(value, self._kind)[0](value, f"{self._folder}/{key}")
        self._value = value  # only its type is looked at, to know how to load

    def load(self, key: str) -> Any:
        return _pair(self._value, self._kind)[1](f"{self._folder}/{key}")


def _pair(value: Any, kind: str) -> tuple[Callable[[Any, str], None], Callable[[str], Any]]:
    if isinstance(value, pd.DataFrame):
        return save_frame, load_frame
    if kind == "image":
        return save_image, load_image
    if kind == "npy":
        return save_array, load_array
    dump, parse = _CODES[kind]
    return (
        lambda value, path: save_compressed(dump(value), path),
        lambda path: parse(load_compressed(path)),
    )


_CODES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "json": (orjson.dumps, orjson.loads),
    "bytes": (bytes, bytes),
    "text": (str.encode, bytes.decode),
    "arrays": (lambda value: pickle.dumps(value, 5), pickle.loads),
}


def save_frame(value: pd.DataFrame, path: str) -> None:
    table = pa.Table.from_pandas(value)
    split = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [field.name for field in table.schema if field.name not in split]
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=others,
        use_byte_stream_split=split,
        write_page_checksum=True,
    )


def load_frame(path: str) -> pd.DataFrame:
    table = pq.read_table(path, memory_map=True, page_checksum_verification=True)
    return table.to_pandas()


def save_image(value: Image.Image, path: str) -> None:
    value.save(path, "PNG", compress_level=PNG_LEVEL)


def load_image(path: str) -> Image.Image:
    image = Image.open(path)
    image.load()
    return image


def save_array(value: np.ndarray, path: str) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, np.lib.format.header_data_from_array_1_0(value))
    save_compressed(value, path, header=buffer.getvalue())


def load_array(path: str) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(load_compressed(path)))
    return array


def save_compressed(data: Any, path: str, header: bytes = b"") -> None:
    """Through zstd, unless a sample of the bytes says that it is no use."""
    view = memoryview(data).cast("B")
    large = view.nbytes >= THREADED
    middle = view.nbytes // 2
    sample = view[middle : middle + 65_536]
    if not view.nbytes or len(zstd.compress(sample, LEVEL)) > 0.95 * sample.nbytes:
        hasher = blake3(header, max_threads=blake3.AUTO if large else 1)
        write(path, [header, view, hasher.update(view).digest()])
        return
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    if large:
        options[zstd.CompressionParameter.nb_workers] = os.cpu_count() or 1
    compressor = zstd.ZstdCompressor(options=options)
    pieces = [compressor.compress(header), compressor.compress(view), compressor.flush()]
    write(f"{path}.zst", pieces)


def load_compressed(path: str) -> bytes:
    if not os.path.exists(path):
        return zstd.decompress(read(f"{path}.zst"))
    with open(path, "rb", buffering=0) as file:
        return file.read(os.fstat(file.fileno()).st_size - DIGEST)
