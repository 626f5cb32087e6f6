"""Paths as users write them: checked, matched against patterns, and read for partitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from aqueduct_core.errors import IntegrationError

__all__ = ["check_path", "fixed_part", "is_hidden", "is_pattern", "matcher", "partitions_of"]

_WILD = re.compile(r"[*?\[]")
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")
_HIDDEN = ("_", ".")
_NULL = "__HIVE_DEFAULT_PARTITION__"  # how Hive and Spark write a partition of missing values
_LONGEST = 1024  # bytes of a key that every object store takes


def check_path(owner: str, path: object) -> str:
    """A path below the root of an integration.

    Raises:
        IntegrationError: It is none, or leads out of the root.
    """
    hint = "paths are relative to the root: 'sales/2026.csv'"
    if not isinstance(path, str):
        raise IntegrationError(f"{owner}: a path is a str, not {type(path).__name__}", hint=hint)
    if "://" in path:
        raise IntegrationError(
            f"{owner}: {path!r} is a URL", hint=f"{hint}; the integration knows where its root is"
        )
    segments = path.split("/")
    folder = segments[-1] == "" and len(segments) > 1
    steps = segments[:-1] if folder else segments
    if path.startswith(("/", "~")) or ".." in segments or "\\" in path:
        raise IntegrationError(
            f"{owner}: {path!r} leads out of the root", hint=f"{hint}; no '..', '~' or backslash"
        )
    if any(step in ("", ".") for step in steps) or not path.isprintable():
        raise IntegrationError(f"{owner}: {path!r} can't be a path", hint=hint)
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise IntegrationError(
            f"{owner}: {path[:40]!r}... is longer than the {_LONGEST:,} bytes that a path may have",
            hint="use shorter names",
        )
    return path


def is_pattern(path: str) -> bool:
    """Whether a path has wildcards."""
    return _WILD.search(path) is not None


def is_hidden(path: str, pattern: str = "") -> bool:
    """Whether a file is one that writers leave for themselves: `_SUCCESS`, `.crc`, `_temporary/0`.

    Args:
        path: Its path.
        pattern: What it is looked for with: `_*` means those that begin like this.
    """
    *folders, name = path.split("/")
    sign = pattern.rpartition("/")[2][:1]
    meant = sign in _HIDDEN and name.startswith(sign)
    steps = folders if sign and meant else [*folders, name]
    return any(step.startswith(_HIDDEN) and "=" not in step for step in steps)


def fixed_part(pattern: str) -> str:
    """The folder, with its slash, that all matches are in."""
    found = _WILD.search(pattern)
    fixed = pattern if found is None else pattern[: found.start()]
    return fixed[: fixed.rfind("/") + 1]


def matcher(pattern: str) -> re.Pattern[str]:
    """What a pattern matches: `*` and `?` within a name, `**` over folders, `[a-c]`, `[!a-c]`."""
    out, at = [], 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out.append("(?:[^/]+/)*")
            at += 3
        elif pattern.startswith("**", at):
            out.append(".*")
            at += 2
        elif pattern[at] == "*":
            out.append("[^/]*")
            at += 1
        elif pattern[at] == "?":
            out.append("[^/]")
            at += 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end]
            negated = inside[0] in "!^"
            chosen = re.escape(inside[negated:]).replace(r"\-", "-")
            out.append(f"(?!/)[{'^' if negated else ''}{chosen}]")
            at = end + 1
        else:
            out.append(re.escape(pattern[at]))
            at += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise IntegrationError(
            f"the pattern {pattern!r} can't be read: {error}", hint="[a-c] is a range of characters"
        ) from error


def partitions_of(path: str, base: str) -> Mapping[str, str | None]:
    """The values in the names of folders: `{"year": "2026"}` of `sales/year=2026/1.parquet`.

    Args:
        path: The path of a file.
        base: The folder, with its slash, from which on folders are partitions.
    """
    found: dict[str, str | None] = {}
    for step in path[len(base) :].split("/")[:-1]:
        named = _PARTITION.fullmatch(step)
        if named is not None:
            value = unquote(named[2])
            found[unquote(named[1])] = None if value == _NULL else value
    return found
