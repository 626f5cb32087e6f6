"""The limit: what saving and loading would cost if nothing but speed mattered.

Values made of arrays are pickled with protocol 5, their buffers written out of band as they lie in
memory and mapped back copy-on-write; an array is a `.npy`, mapped; bytes and text take one write and one
read; JSON takes the quickest library; an image is its raw pixels. No compression, no digest, no
metadata, nothing portable, and nothing left behind that could be read after an upgrade.
"""

from __future__ import annotations

import json
import mmap
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

ALIGNMENT = 64
_MOST_BUFFERS = 1024


class Limit:
    """Saves values of one kind into files of a folder.

    Args:
        folder: Where the files go.
        kind: See `cases.Case.kind`.
    """

    name = "limit"

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._save, self._load = {
            "arrays": (save_arrays, load_arrays),
            "npy": (save_npy, load_npy),
            "json": (save_json, load_json),
            "image": (save_image, load_image),
            "bytes": (save_bytes, load_bytes),
            "text": (save_text, load_text),
        }[kind]

    def save(self, value: Any, key: str) -> None:
        self._save(value, f"{self._folder}/{key}")

    def load(self, key: str) -> Any:
        return self._load(f"{self._folder}/{key}")


def save_arrays(value: Any, path: str) -> None:
    """The sizes, the pickle, and the buffers, each at a multiple of 64."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, 5, buffer_callback=buffers.append)
    raw = [memoryview(data), *(buffer.raw() for buffer in buffers)]
    header = struct.pack(f"<{len(raw) + 1}q", len(raw), *(view.nbytes for view in raw))
    pieces: list[bytes | memoryview] = []
    for view in (memoryview(header), *raw):
        pieces.append(view)
        if padding := -view.nbytes % ALIGNMENT:
            pieces.append(bytes(padding))
    write(path, pieces)


def load_arrays(path: str) -> Any:
    view = mapped(path)
    (count,) = struct.unpack_from("<q", view)
    sizes = struct.unpack_from(f"<{count}q", view, 8)
    begin = 8 * (count + 1)
    begin += -begin % ALIGNMENT
    raw = []
    for size in sizes:
        raw.append(view[begin : begin + size])
        begin += size + -size % ALIGNMENT
    return pickle.loads(raw[0], buffers=raw[1:])


def save_npy(value: np.ndarray, path: str) -> None:
    with open(path, "wb") as file:
        np.save(file, value)


def load_npy(path: str) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="c").view(np.ndarray)
    return array


def save_json(value: Any, path: str) -> None:
    write(path, [orjson.dumps(value)])


def load_json(path: str) -> Any:
    return orjson.loads(read(path))


def save_image(value: Image.Image, path: str) -> None:
    header = json.dumps([value.mode, value.size]).encode().ljust(ALIGNMENT)
    write(path, [header, value.tobytes()])


def load_image(path: str) -> Image.Image:
    view = mapped(path)
    mode, size = json.loads(bytes(view[:ALIGNMENT]))
    return Image.frombytes(mode, tuple(size), view[ALIGNMENT:])


def save_bytes(value: bytes, path: str) -> None:
    write(path, [value])


def load_bytes(path: str) -> bytes:
    return read(path)


def save_text(value: str, path: str) -> None:
    write(path, [value.encode()])


def load_text(path: str) -> str:
    return read(path).decode()


def write(path: str, pieces: list[Any]) -> None:
    """Everything in one call, or in as few as the system allows."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for start in range(0, len(pieces), _MOST_BUFFERS):
            batch = pieces[start : start + _MOST_BUFFERS]
            expected = sum(memoryview(piece).nbytes for piece in batch)
            if os.writev(descriptor, batch) != expected:
                raise OSError(f"{path}: less was written than given; is the disk full?")
    finally:
        os.close(descriptor)


def read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def mapped(path: str) -> memoryview:
    """A file as private, writable memory."""
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
