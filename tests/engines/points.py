"""A module as users have it beside their script."""

from __future__ import annotations

from dataclasses import dataclass

FACTOR = 3


class OddError(Exception):
    """One of the user's own."""


@dataclass
class Point:
    x: int

    def scaled(self) -> Point:
        return Point(self.x * FACTOR)


def scale(point: Point) -> Point:
    if point.x < 0:
        raise OddError("negative")
    return point.scaled()
