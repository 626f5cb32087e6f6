"""The type. It knows nothing of how it is stored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Temperature:
    """A temperature.

    Attributes:
        degrees: How warm it is.
        unit: `C`, `F` or `K`.
    """

    degrees: float
    unit: str = "C"
