"""Requirements as people write them, in one form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["OWN", "normalized", "redacted", "with_own"]

OWN = "aqueduct-core"
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*(.*)")
_LIMIT = r"[<>=!~]{1,3} ?[\w.*+!-]+"
_LIMITED = re.compile(
    rf"(?P<url>@ ?\S.*)|(?P<versions>(?:{_LIMIT}(?: ?, ?{_LIMIT})*)?) ?(?:;(?P<marker>.*))?"
)
_LOCATED = re.compile(r"[./~-]|[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z0-9._-]+/")
_PASSWORD = re.compile(r"//[^/@\s]+@")

# What this package needs to move values of a library between operators.
_EXTRAS = {"pandas": "tables", "polars": "polars", "pyarrow": "tables", "pillow": "image"}


def normalized(requirements: Iterable[str]) -> tuple[str, ...]:
    """Requirements without comments and needless spaces, names in lower case, sorted."""
    return tuple(sorted({_normalize(item) for item in requirements} - {""}))


def with_own(requirements: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split normalized requirements into those of others, and the extras of this package.

    This package is always installed as it is here, whatever a requirement says about its version;
    its extras follow from the libraries that are asked for.
    """
    others: list[str] = []
    extras: set[str] = set()
    for item in requirements:
        named = None if _LOCATED.match(item) else _NAMED.match(item)
        if named is None:
            others.append(item)
        elif named[1] == OWN:
            extras.update(extra.strip() for extra in (named[2] or "").split(",") if extra.strip())
        else:
            others.append(item)
            extras.update([_EXTRAS[named[1]]] if named[1] in _EXTRAS else [])
    return tuple(others), tuple(sorted(extras))


def redacted(text: str) -> str:
    """A text without the names and passwords in its URLs."""
    return _PASSWORD.sub("//***@", text)


def _normalize(requirement: str) -> str:
    text = " ".join(re.sub(r"(^|\s)#.*", "", requirement).split())
    named = None if _LOCATED.match(text) else _NAMED.fullmatch(text)
    limited = named and _LIMITED.fullmatch(named[3])
    if named is None or limited is None:
        return text  # a path, a URL, or what nobody understands: that is for uv to say
    name = re.sub(r"[-_.]+", "-", named[1]).lower()
    extras = sorted(extra.strip().lower() for extra in (named[2] or "").split(",") if extra.strip())
    written = f"{name}[{','.join(extras)}]" if extras else name
    if limited["url"]:
        return f"{written} {limited['url']}"
    limits = sorted(item.replace(" ", "") for item in limited["versions"].split(",") if item)
    marker = (limited["marker"] or "").strip()
    return f"{written}{','.join(limits)}{';' if marker else ''}{marker}"
