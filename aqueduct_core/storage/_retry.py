"""Trying again: what, how often and how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aqueduct_core.storage._classify import Fault, fault_of

__all__ = ["Exhausted", "Retry"]

T = TypeVar("T")


class Exhausted(Exception):
    """The last attempt failed like those before it; the cause is that last fault."""

    def __init__(self, attempts: int, seconds: float) -> None:
        super().__init__(f"gave up after {attempts} attempts in {seconds:.1f} s")


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential waits with full jitter: clients that failed together don't come back together.

    Attributes:
        attempts: How often a request is sent at most.
        seconds: After how long no further attempt is started.
        first: The longest first wait; each further one may be twice as long.
        longest: What no wait exceeds.
    """

    attempts: int = 6
    seconds: float = 120.0
    first: float = 0.2
    longest: float = 15.0

    def run(self, call: Callable[[], T]) -> T:
        """Call until it succeeds, fails for good, or there are no attempts left.

        Raises:
            Exhausted: The fault is transient and lasted too long.
        """
        started = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            try:
                return call()
            except Exception as error:
                if fault_of(error) is not Fault.TRANSIENT:
                    raise
                wait = random.uniform(0, min(self.longest, self.first * 2 ** (attempt - 1)))  # noqa: S311  # no secret
                elapsed = time.monotonic() - started
                if attempt >= self.attempts or elapsed + wait > self.seconds:
                    raise Exhausted(attempt, elapsed) from error
            time.sleep(wait)
