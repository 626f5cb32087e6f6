"""What a month of storing a value costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from aqueduct_core.encoding import LOADS, MONTHS, PRICE, SECOND

__all__ = ["Prices"]


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in dollars, and how the value is used.

    Attributes:
        storage: For a gigabyte and a month.
        compute: For an hour of whatever waits while saving and loading.
        transfer: For a gigabyte that is loaded.
        saves: How often it is saved in a month, each time as a new artifact.
        loads: How often each of them is loaded.
        months: For how long each of them is kept.
    """

    storage: float = PRICE
    compute: float = SECOND * 3600
    transfer: float = 0.0
    saves: float = 30.0
    loads: float = float(LOADS)
    months: float = float(MONTHS)

    def month(self, save: float, load: float, stored: int) -> float:
        """Dollars for a month in which as much goes as comes."""
        waiting = (save + self.loads * load) * self.compute / 3600
        moving = self.loads * stored / 1e9 * self.transfer
        keeping = self.months * stored / 1e9 * self.storage
        return self.saves * (waiting + moving + keeping)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)
