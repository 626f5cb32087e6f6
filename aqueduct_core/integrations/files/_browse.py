"""A look into a folder, and into the beginning of a file: never more than a little of either."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from aqueduct_core.errors import IntegrationError, MissingExtraError
from aqueduct_core.integrations.files._compressed import MAGIC, codec_of
from aqueduct_core.integrations.files._formats import compressed_suffix, format_of
from aqueduct_core.integrations.files._paths import check_path
from aqueduct_core.integrations.files._place import Place
from aqueduct_core.integrations.files._source import SourceFile, explained

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PIXELS", "TIFF", "Glance", "Listing", "browse", "glance", "open_file"]

PIXELS = 40_000_000  # of an image that no browser shows, so that it has to be turned into another
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how such images begin
_OBJECTS = 10_000  # that a bucket is asked for; it is asked for a thousand at a time
_HEAD = 256 << 10  # bytes of a file that are looked at
_BATCH = 64 << 20  # the largest file of Arrow, whose first batch may be all of it
_PIECE = 64 << 10  # bytes of a column that are read at once
_COLUMNS = 60
_LONGEST = 200  # characters of a value
_STAGED = ".aqueduct-"  # files that are being written


@dataclass(frozen=True, slots=True)
class Listing:
    """What is directly in a folder.

    Attributes:
        folders: The paths of folders, each with its slash.
        files: The path and size of each file.
        is_all: Whether that is all; a bucket may hold more objects than one can ask for.
    """

    folders: Sequence[str]
    files: Sequence[tuple[str, int]]
    is_all: bool = True


@dataclass(frozen=True, slots=True)
class Glance:
    """The beginning of a file.

    Attributes:
        path: Its path.
        size: Its bytes.
        format: Its format, as its name says; `bytes` where it says nothing.
        columns: The names and types of columns, of a table.
        rows: The first rows.
        count: How many rows there are, if the file says so.
        hidden: How many columns are left out.
        text: Text, or bytes in hexadecimal.
        value: A document of JSON that is there as a whole.
        is_cut: Whether the file goes on.
        why: Why nothing is shown.
    """

    path: str
    size: int
    format: str
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[Sequence[str | None]] = ()
    count: int | None = None
    hidden: int = 0
    text: str | None = None
    value: Any = field(default=None)
    is_cut: bool = False
    why: str | None = None


def browse(owner: str, place: Place, folder: str) -> Listing:
    """What is directly in a folder.

    Args:
        owner: The name of the integration.
        place: Where the files are.
        folder: The folder with its slash; empty for the root.

    Raises:
        IntegrationError: It can't be listed.
    """
    if folder:
        check_path(owner, folder)
    with explained(owner, f"list {folder or 'its files'!r}"):
        local = place.local(folder)
        if local is not None:
            return _of_folder(place, folder, local)
        return _of_bucket(place, folder)


def glance(owner: str, place: Place, path: str, rows: int) -> Glance:
    """The beginning of a file, at a cost that doesn't depend on its size.

    Args:
        owner: The name of the integration.
        place: Where the files are.
        path: The file.
        rows: How many rows of a table, or lines.

    Raises:
        IntegrationError: There is no such file, or it isn't what its name says.
    """
    check_path(owner, path)
    with explained(owner, f"look into {path!r}"):
        size = place.size(path)
        if size is None:
            return Glance(path, 0, "bytes", why="There is no such file any more.")
        known = format_of(path)
        name = "bytes" if known is None else known.name
        made: dict[str, Callable[[SourceFile, int], Mapping[str, Any]]] = {
            "parquet": _parquet, "arrow": _arrow, "csv": _csv, "jsonl": _lines, "json": _document,
            "image": _image,
        }  # fmt: skip
        file = SourceFile(owner, place, path, size)
        with file.reading(name):
            return Glance(path, size, name, **made.get(name, _text)(file, rows))


def open_file(owner: str, place: Place, path: str) -> tuple[BinaryIO, int]:
    """A file's bytes, read as they are needed, and how many there are.

    Raises:
        IntegrationError: There is no such file.
    """
    check_path(owner, path)
    with explained(owner, f"open {path!r}"):
        size = place.size(path)
        if size is None:
            raise IntegrationError(f"{owner}: there is no file {path!r}", hint="list its folder")
        return place.open(path, size), size


def _of_folder(place: Place, folder: str, local: os.PathLike[str]) -> Listing:
    folders, files = [], []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(local) as entries:
        for entry in sorted(islice(entries, _OBJECTS), key=lambda entry: entry.name):
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{path}/")
            elif not entry.name.startswith(_STAGED) and (size := place.size(path)) is not None:
                files.append((path, size))
    return Listing(folders, files, len(folders) + len(files) < _OBJECTS)


def _of_bucket(place: Place, folder: str) -> Listing:
    folders: set[str] = set()
    files = []
    count = 0
    for path, size in islice(place.list(folder), _OBJECTS):
        count += 1
        step, slash, _ = path[len(folder) :].partition("/")
        if slash:
            folders.add(f"{folder}{step}/")
        else:
            files.append((path, size))
    return Listing(sorted(folders), sorted(files), count < _OBJECTS)


def _parquet(file: SourceFile, rows: int) -> Mapping[str, Any]:
    pq = _arrow_module("pyarrow.parquet")
    # Page by page, and of the first group of rows that has any.
    with file.open() as opened, pq.ParquetFile(opened, buffer_size=_PIECE) as found:
        schema = found.schema_arrow
        names = list(dict.fromkeys(schema.names))[:_COLUMNS]
        counts = [found.metadata.row_group(at).num_rows for at in range(found.num_row_groups)]
        groups = [at for at, count in enumerate(counts) if count][:1]
        batches = found.iter_batches(batch_size=rows, columns=names, row_groups=groups)
        return _of_batch(next(batches, None), schema, found.metadata.num_rows)


def _arrow(file: SourceFile, rows: int) -> Mapping[str, Any]:
    pa = _arrow_module("pyarrow")
    if file.size > _BATCH:
        return {"why": "It is too large to look into: read it in a workflow."}
    with file.open() as opened:
        is_file = opened.read(6) == b"ARROW1"
        opened.seek(0)
        reader = pa.ipc.open_file(opened) if is_file else pa.ipc.open_stream(opened)
        if is_file:
            batch = reader.get_batch(0) if reader.num_record_batches else None
        else:
            batch = next(iter(reader), None)
        return _of_batch(None if batch is None else batch.slice(0, rows), reader.schema, None)


def _of_batch(batch: pa.RecordBatch | None, schema: pa.Schema, count: int | None) -> dict[str, Any]:
    shown = schema.names[:_COLUMNS]
    columns = [] if batch is None else [column.to_pylist() for column in batch.columns[:_COLUMNS]]
    return {
        "columns": [(str(name), str(schema.field(at).type)) for at, name in enumerate(shown)],
        "rows": [[_cell(value) for value in row] for row in zip(*columns, strict=True)],
        "count": count,
        "hidden": len(schema.names) - len(shown),
        "is_cut": count is None or batch is None or count > batch.num_rows,
    }


def _csv(file: SourceFile, rows: int) -> Mapping[str, Any]:
    text, is_cut = _beginning(file)
    name = file.path.lower().removesuffix(compressed_suffix(file.path))
    lines = text.splitlines(keepends=True)
    if is_cut and len(lines) > 1:
        del lines[-1]  # half of it may be missing
    found = csv.reader(lines, delimiter="\t" if name.endswith(".tsv") else ",")
    try:
        head = next(found, [])
        body = list(islice(found, rows))
    except csv.Error as error:
        return {"text": _cut(text, rows), "is_cut": is_cut, "why": f"It is no CSV: {error}"}
    return {
        "columns": [(name, "") for name in head[:_COLUMNS]],
        "rows": [_padded([_cell(value) for value in row], len(head[:_COLUMNS])) for row in body],
        "hidden": max(0, len(head) - _COLUMNS),
        "is_cut": is_cut or next(found, None) is not None,
    }


def _lines(file: SourceFile, rows: int) -> Mapping[str, Any]:
    text, is_cut = _beginning(file)
    lines = text.splitlines()
    if is_cut and len(lines) > 1:
        del lines[-1]
    found = []
    for line in lines[:rows]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            return {"text": _cut(text, rows), "is_cut": is_cut}
        found.append(value)
    names = list(dict.fromkeys(name for value in found for name in value))
    return {
        "columns": [(name, "") for name in names[:_COLUMNS]],
        "rows": [[_cell(value.get(name)) for name in names[:_COLUMNS]] for value in found],
        "hidden": max(0, len(names) - _COLUMNS),
        "is_cut": is_cut or len(lines) > rows,
    }


def _document(file: SourceFile, rows: int) -> Mapping[str, Any]:
    text, is_cut = _beginning(file)
    why = None
    if not is_cut:
        try:
            return {"value": json.loads(text)}
        except (ValueError, RecursionError):
            why = "It is no JSON."
    return {"text": _cut(text, rows), "is_cut": is_cut, "why": why}


def _text(file: SourceFile, rows: int) -> Mapping[str, Any]:
    text, is_cut = _beginning(file)
    if not _is_text(text):
        data = file.head(1024)
        text, is_cut = data.hex(" ", 2), file.size > len(data)
        return {"text": text, "is_cut": is_cut}
    cut = _cut(text, rows)
    return {"text": cut, "is_cut": is_cut or cut != text}


def _image(file: SourceFile, rows: int) -> Mapping[str, Any]:
    """Nothing, for whoever shows it gets its bytes; or why it can't be shown."""
    with file.open() as opened:
        head = opened.read(MAGIC)
        opened.seek(0)
        if codec_of(head) is not None:
            return {"why": "Images that are compressed once more aren't shown."}
        if not head.startswith(TIFF):
            return {}
        if find_spec("PIL") is None:
            return {"why": "TIFF images are shown where Pillow is installed."}
        return {"why": _too_large(opened)}


def _too_large(opened: BinaryIO) -> str | None:
    from PIL import Image

    try:
        with Image.open(opened, formats=["TIFF"]) as image:  # reads what is in front of the pixels
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "It is too large to be shown: download it."
    if width * height <= PIXELS:
        return None
    return f"It is too large to be shown, with {width:,} \u00d7 {height:,} pixels: download it."


def _beginning(file: SourceFile) -> tuple[str, bool]:
    """The first characters, and whether the file goes on."""
    data = file.head(_HEAD)
    is_cut = file.size > len(data)
    codec = codec_of(data)
    if (
        codec is None
        and compressed_suffix(file.path)
        and not _is_text(data.decode(errors="replace"))
    ):
        raise ValueError("it isn't compressed as its name says")
    if codec is not None:
        data = codec.beginning(data, _HEAD)
        is_cut = is_cut or len(data) >= _HEAD
    return data.decode("utf-8-sig", "replace"), is_cut


def _cut(text: str, rows: int) -> str:
    return "".join(text.splitlines(keepends=True)[: rows * 4])[: _HEAD // 4]


def _is_text(text: str) -> bool:
    return "\0" not in text and text.count("\ufffd") <= len(text) // 20


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, bytes):
        text = value[:_LONGEST].hex(" ")
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _padded(row: Iterable[str | None], count: int) -> list[str | None]:
    cells = [*row][:count]
    return cells + [None] * (count - len(cells))


def _arrow_module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "tables", "A look into such files") from error
