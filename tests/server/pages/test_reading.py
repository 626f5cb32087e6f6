"""What several pages look up."""

from __future__ import annotations

import pytest

from aqueduct_core.server.pages._reading import Recent


@pytest.mark.parametrize("value", ["made", None])
def test_what_was_made_is_not_made_again(value: str | None) -> None:
    recent: Recent[str | None] = Recent(2)
    asked = []

    def make() -> str | None:
        asked.append(value)
        return value

    assert [recent.get("key", make) for _ in range(3)] == [value] * 3
    assert asked == [value]
    assert recent.known("key") == value
    assert recent.known("other") is None


def test_what_was_used_longest_ago_is_forgotten() -> None:
    recent: Recent[int] = Recent(2)
    for number in (1, 2, 1, 3):
        recent.get(number, lambda number=number: number)  # type: ignore[misc]
    assert [recent.known(number) for number in (1, 2, 3)] == [1, None, 3]
