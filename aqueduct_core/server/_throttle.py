"""Slows down those who try out keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from time import monotonic

__all__ = ["Throttle"]

_REMEMBERED = 10_000  # callers; the one seen longest ago is forgotten first


class Throttle:
    """Counts failures by caller.

    Args:
        limit: So many of one caller are forgiven.
        window: In so many seconds.
        clock: Tells seconds.
    """

    def __init__(self, limit: int, window: float, clock: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait(self, caller: str) -> float:
        """How many seconds a caller has to wait before the next try; 0 if it needn't."""
        now = self._clock()
        with self._lock:
            failures = self._failures.get(_network(caller))
            if failures is None:
                return 0.0
            while failures and failures[0] <= now - self._window:
                failures.popleft()
            if len(failures) < self._limit:
                return 0.0
            return failures[0] + self._window - now

    def failed(self, caller: str) -> None:
        """Count a failure."""
        with self._lock:
            network = _network(caller)
            failures = self._failures.pop(network, None) or deque(maxlen=self._limit)
            failures.append(self._clock())
            self._failures[network] = failures  # the last one now
            if len(self._failures) > _REMEMBERED:
                del self._failures[next(iter(self._failures))]


def _network(caller: str) -> str:
    """One caller has as many IPv6 addresses as it likes, in one network."""
    try:
        address = ip_address(caller)
    except ValueError:
        return caller
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.packed[:8].hex()
    return caller
