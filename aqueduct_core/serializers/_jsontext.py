"""JSON text, by orjson where it is installed and by the standard library where it isn't.

Both write UTF-8 without spaces and each reads what the other wrote.
"""

from __future__ import annotations

import json
from typing import Any

from aqueduct_core.errors import CorruptArtifactError

try:
    import orjson
except ImportError:  # the `json` extra isn't installed; the standard library is only slower
    orjson = None  # type: ignore[assignment]  # what None means is asked for wherever it is used

__all__ = ["dumps", "has_utf8", "loads", "orjson"]


def dumps(node: Any) -> bytes:
    """The text of plain JSON that is known to have no cycles, NaN or unusual types."""
    if orjson is not None:
        try:
            return orjson.dumps(node)
        except TypeError:  # nested deeper than orjson allows
            pass
    return _slow(node)


def loads(data: Any) -> Any:
    """The value of a JSON text.

    Raises:
        CorruptArtifactError: It isn't JSON, or is nested too deeply to be ours.
    """
    try:
        if orjson is not None:
            return orjson.loads(data)
        return json.loads(str(data, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptArtifactError(f"this is not valid JSON: {error}") from error


def has_utf8(text: str) -> bool:
    """Whether a text can be UTF-8: all can but those with lone surrogates."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _slow(node: Any) -> bytes:
    text = json.dumps(
        node, ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
    )
    return text.encode()
