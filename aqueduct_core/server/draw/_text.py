"""How wide text is, about: SVG neither wraps nor cuts it."""

from __future__ import annotations

__all__ = ["fit"]

_NARROW = frozenset("iljtfrI.,:;'|!()[]{} ")
_WIDE = frozenset("mwMW@%—…")


def fit(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """As much of a text as fits, with an ellipsis where some is missing.

    Args:
        text: The text.
        width: The room, in pixels.
        size: The font's size.
        bold: Whether it is set in bold.
    """
    text = " ".join(text.split())
    left = width / size / (1.08 if bold else 1.0)
    for index, char in enumerate(text):
        left -= _em(char)
        if left < 0:
            kept = text[: max(index - 1, 1)].rstrip(" _.-")
            return f"{kept}…"
    return text


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.36
    if char in _WIDE:
        return 0.92
    return 1.0 if ord(char) > 0x2E80 else 0.68 if char.isupper() else 0.6
