"""Which format a file has, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files import _columnar, _csv, _jsonlines, _single
from aqueduct_core.integrations.files._compressed import CODECS
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["FORMATS", "Format", "compressed_suffix", "encode", "format_named", "format_of"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes:
        name: Its name.
        suffixes: How the names of its files end.
        write: Turns a value into bytes.
        read: Turns a file into a value; None where files are read as tables.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Any], list[Any]]
    read: Callable[[SourceFile], Any] | None = None

    @property
    def is_table(self) -> bool:
        """Whether several files are one table."""
        return self.read is None


def _write_png(value: Any) -> list[Any]:
    return _single.write_image(value, ".png")


_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_TEXTS = (".txt", ".md", ".log", ".html", ".htm", ".xml", ".yaml", ".yml", ".toml", ".sql")
FORMATS: Mapping[str, Format] = {
    item.name: item
    for item in (
        Format("csv", (".csv", ".tsv"), _csv.write_csv),
        Format("json", (".json",), _jsonlines.write_document, _jsonlines.read_document),
        Format("jsonl", (".jsonl", ".ndjson"), _jsonlines.write_lines),
        Format("parquet", (".parquet", ".pq"), _columnar.write_parquet),
        Format("arrow", (".arrow", ".feather", ".ipc", ".arrows"), _columnar.write_arrow),
        Format("image", _IMAGES, _write_png, _single.read_image),
        Format("text", _TEXTS, _single.write_text, _single.read_text),
        Format("bytes", (".bin",), _single.write_bytes, _single.read_bytes),
    )
}


def format_named(owner: str, name: str) -> Format:
    """A format by its name.

    Raises:
        IntegrationError: There is none.
    """
    if name not in FORMATS:
        raise IntegrationError(
            f"{owner}: there is no format {name!r}", hint=f"one of {', '.join(FORMATS)}"
        )
    return FORMATS[name]


def format_of(path: str) -> Format | None:
    """The format that a name ends in; None if it says nothing."""
    name = path.lower().removesuffix(compressed_suffix(path))
    suffix = PurePosixPath(name).suffix
    return next((item for item in FORMATS.values() if suffix and suffix in item.suffixes), None)


def compressed_suffix(path: str) -> str:
    """What says that a file is compressed: `.gz`; empty if it isn't."""
    return next((suffix for suffix in CODECS if path.lower().endswith(suffix)), "")


def encode(path: str, known: Format, value: Any) -> list[Any]:
    """A value as the bytes of a file.

    Raises:
        LossyTypeError: The format can't hold all of it.
    """
    if known.name == "image":
        return _single.write_image(value, PurePosixPath(path).suffix)
    if path.lower().endswith(".tsv"):
        raise IntegrationError(f"{path!r}: tables are saved with commas", hint="save it as .csv")
    return known.write(value)
