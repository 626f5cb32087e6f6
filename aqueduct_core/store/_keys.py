"""Artifact keys: what users may write, and the paths that every backend can hold.

A key is quoted segment by segment. ASCII letters, digits and `-_.=@` stand for themselves; any other
byte of the UTF-8 form becomes `%XX`. Segments that would mean something to a file system (`.`, `..`,
a device name of Windows, a trailing dot, a folder called `x.json`) are quoted too. A key that would be
too long for a backend is replaced by its digest under `%long/`, which no quoted key can start with;
its manifest still holds the key itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from blake3 import blake3

from aqueduct_core.errors import CorruptArtifactError, InvalidKeyError

__all__ = ["FOLDER", "LONG", "SUFFIX", "key_of", "listing_prefix", "manifest_path"]

FOLDER = "manifests/"
LONG = "manifests/%long/"
SUFFIX = ".json"

_MOST_CHARACTERS = 4096
_LONGEST_SEGMENT = 200  # file systems allow 255 bytes, and `.json` comes on top
_LONGEST_PATH = 700  # S3 allows 1,024 bytes, the prefix of the store included
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def manifest_path(key: str) -> str:
    """The storage key of the manifest of artifact `key`.

    Raises:
        InvalidKeyError: The key is empty, has an empty segment or is too long.
    """
    if not isinstance(key, str):
        raise InvalidKeyError(
            f"an artifact key is a str, not {type(key).__name__}",
            hint='for example "daily/customers"; that of a reference is ref.key',
        )
    segments = key.split("/")
    if "" in segments or len(key) > _MOST_CHARACTERS:
        reason = "is too long" if len(key) > _MOST_CHARACTERS else "has an empty segment"
        raise InvalidKeyError(
            f"the key {key[:80]!r} {reason}",
            hint="use segments divided by single slashes, without one at the start or the end",
        )
    *folders, last = segments
    try:
        quoted = [*(_quote(name, folder=True) for name in folders), _quote(last, folder=False)]
    except UnicodeEncodeError as error:
        raise InvalidKeyError(
            f"the key {key[:80]!r} has a lone surrogate, which no storage can hold",
            hint="decode the text properly before it becomes a key",
        ) from error
    path = "/".join(quoted)
    if len(path) > _LONGEST_PATH or any(len(name) > _LONGEST_SEGMENT for name in quoted):
        return f"{LONG}{blake3(key.encode()).hexdigest()}{SUFFIX}"
    return f"{FOLDER}{path}{SUFFIX}"


def key_of(path: str) -> str | None:
    """The artifact key of a manifest's storage key; None if only the manifest itself knows it."""
    if path.startswith(LONG):
        return None
    try:
        return unquote(path[len(FOLDER) : -len(SUFFIX)], errors="strict")
    except UnicodeDecodeError as error:
        raise CorruptArtifactError(
            f"{path!r} is no manifest of this store", hint="move the file out of the store"
        ) from error


def listing_prefix(prefix: str) -> str:
    """The storage prefix under which all manifests of keys starting with `prefix` lie.

    Only whole folders are used: the last segment may be cut in the middle of a quoted character.
    """
    folders = prefix.split("/")[:-1]
    if any("\ud800" <= character <= "\udfff" for character in prefix):
        raise InvalidKeyError("no key has a lone surrogate", hint="decode the text properly")
    return FOLDER + "".join(f"{_quote(name, folder=True)}/" for name in folders)


@lru_cache(maxsize=4096)  # keys have folders in common
def _quote(segment: str, *, folder: bool) -> str:
    quoted = quote(segment, safe="=@").replace("~", "%7E")
    if segment in (".", "..") or quoted.endswith("."):
        quoted = quoted[:-1] + "%2E" if segment not in (".", "..") else "%2E" * len(segment)
    if folder and quoted.endswith(SUFFIX):  # or it would stand where another key's manifest does
        quoted = quoted[: -len(SUFFIX)] + "%2Ejson"
    if _DEVICES.match(quoted):
        quoted = f"%{ord(quoted[0]):02X}{quoted[1:]}"
    return quoted
