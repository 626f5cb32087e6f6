"""Lists that somebody filters and sorts: what they chose, which all stands in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aqueduct_core.errors import ParameterError

__all__ = ["Chosen", "Days"]

_FIRST, _LAST = date(1970, 1, 1), date(9000, 1, 1)  # while somebody types a year, it is 2 or 20


@dataclass(frozen=True, slots=True)
class Days:
    """From one day to another, both whole, in the reader's time zone.

    Attributes:
        first: The first day, `2026-03-01`, or nothing.
        last: The last day.
        zone: The name of the time zone; UTC if nothing is said.
    """

    first: str
    last: str
    zone: str

    @property
    def since(self) -> datetime | None:
        """When the first day begins."""
        return self._begin_of(self.first, 0)

    @property
    def until(self) -> datetime | None:
        """When the last day is over."""
        return self._begin_of(self.last, 1)

    def _begin_of(self, text: str, later: int) -> datetime | None:
        if not text:
            return None
        try:
            day = min(max(date.fromisoformat(text), _FIRST), _LAST) + timedelta(days=later)
        except ValueError as error:
            raise ParameterError(f"{text!r} is no day", hint="2026-03-01") from error
        return datetime.combine(day, clock(), self._zone())

    def _zone(self) -> tzinfo:
        try:
            return ZoneInfo(self.zone or "UTC")
        except (LookupError, ValueError, OSError) as error:
            raise ParameterError(
                f"there is no time zone {self.zone!r}", hint="Europe/Zurich"
            ) from error


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody chose of a list: filters, an order, rows that are ticked.

    Attributes:
        path: The page.
        filters: What the form says; a value that is empty chooses nothing.
        order: What the list is ordered by: with a `-`, the other way round than usual.
        usual: The order if nothing is said.
        ticks: The rows that are ticked.
    """

    path: str
    filters: Mapping[str, str]
    order: str
    usual: str
    ticks: Sequence[str] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether some rows are left out."""
        return any(value for name, value in self.filters.items() if name != "zone")

    def href(
        self, *, order: str | None = None, ticks: Sequence[str] | None = None, **more: str
    ) -> str:
        """The address of this list, but for what is said here."""
        order = order or self.order
        pairs = [(name, value) for name, value in self.filters.items() if value]
        if not any(name in ("since", "until") for name, _ in pairs):
            pairs = [pair for pair in pairs if pair[0] != "zone"]
        pairs += [("order", order)] if order != self.usual else []
        pairs += [("tick", tick) for tick in (self.ticks if ticks is None else ticks)]
        query = urlencode([*pairs, *more.items()])
        return f"{self.path}?{query}" if query else self.path

    def unfiltered(self) -> str:
        """The address of all rows, in the same order."""
        return Chosen(self.path, {}, self.order, self.usual, self.ticks).href()

    def unticked(self, name: str, cursor: str | None = None) -> str:
        """The address of this page of the list, with a row that is no longer ticked."""
        others = [tick for tick in self.ticks if tick != name]
        return self.href(ticks=others, **({"cursor": cursor} if cursor else {}))

    def head(self, key: str, *, is_down: bool = True) -> dict[str, Any]:
        """The head of a column that the list can be ordered by.

        Args:
            key: The order.
            is_down: Whether what is largest or newest comes first, unless somebody wants it otherwise.
        """
        is_turned = self.order == f"-{key}"
        sort = None
        if is_turned or self.order == key:
            sort = "descending" if is_down != is_turned else "ascending"
        other = f"-{key}" if self.order == key else key
        return {"key": key, "sort": sort, "href": self.href(order=other)}
