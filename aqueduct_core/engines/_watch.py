"""Waiting for the end of runs that go on somewhere else: whoever asks too often is a burden there."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

__all__ = ["FINISHED", "watch"]

FINISHED = ("succeeded", "warning", "failed", "canceled", "skipped")
"""The states of runs that have ended."""

State = TypeVar("State", bound=str)


def watch(look: Callable[[], State], timeout: float | None, pauses: tuple[float, float]) -> State:
    """Look at a run, ever more seldom, until it has ended or time is over.

    Args:
        look: Tells its state.
        timeout: Seconds to wait at most; None for as long as it takes.
        pauses: The shortest and the longest time between two looks, in seconds.

    Returns:
        The state that it had at the last look.
    """
    deadline = None if timeout is None else monotonic() + timeout
    pause, longest = pauses
    while (state := look()) not in FINISHED:
        left = longest if deadline is None else deadline - monotonic()
        if left <= 0:
            break
        sleep(min(pause, left))
        pause = min(pause * 1.5, longest)
    return state
