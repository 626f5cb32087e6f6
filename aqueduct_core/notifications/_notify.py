"""Tells everybody who wants to know."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aqueduct_core.errors import AqueductError
from aqueduct_core.notifications._faults import TransientError
from aqueduct_core.notifications._kinds import Notification
from aqueduct_core.notifications._message import LEVELS, Level, Message

__all__ = ["Delivery", "notify"]

PAUSES = (1.0, 5.0)  # seconds before the second and the third attempt
_LONGEST_PAUSE = 30.0
_AT_ONCE = 8

_log = logging.getLogger("aqueduct_core.notifications")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message to one receiver.

    Attributes:
        name: The notification.
        attempts: How often it was tried.
        error: Why it failed in the end; None if it was delivered.
    """

    name: str
    attempts: int
    error: str | None = None


def notify(
    message: Message,
    notifications: Iterable[Notification],
    levels: Mapping[str, Level] | None = None,
    *,
    pauses: Sequence[float] = PAUSES,
) -> list[Delivery]:
    """Send a message to those who want to know about a run that ended like this.

    Faults that may pass are met by trying again. Whatever goes wrong is in the answer and in the
    log of `aqueduct_core.notifications`; nothing is raised, for the run is over and done.

    Args:
        message: The message.
        notifications: Everybody there is.
        levels: From which level on somebody wants to know about this workflow, by name; the others
            are told by their own `level`.
        pauses: Seconds to wait before each further attempt.

    Returns:
        What became of it, for each that wanted to know.
    """
    known = {item.name: item for item in notifications}
    wanted = {name: item.level for name, item in known.items()} | dict(levels or {})
    told = [name for name, level in wanted.items() if _wants(level, message.level)]
    here = [known[name] for name in told if name in known]
    gone = [
        Delivery(name, 0, "there is no such notification") for name in told if name not in known
    ]
    if not here:
        return _logged(message, gone)
    with ThreadPoolExecutor(min(len(here), _AT_ONCE), "aqueduct-notify") as pool:
        sent = list(pool.map(lambda item: _deliver(item, message, pauses), here))
    return _logged(message, sent + gone)


def _wants(level: Level, happened: Level) -> bool:
    return LEVELS.index(happened) >= LEVELS.index(level)


def _deliver(notification: Notification, message: Message, pauses: Sequence[float]) -> Delivery:
    attempt = 0
    while True:
        attempt += 1
        try:
            notification.send(message)
        except TransientError as error:
            if attempt > len(pauses):
                return Delivery(notification.name, attempt, error.message)
            time.sleep(min(max(pauses[attempt - 1], error.after or 0.0), _LONGEST_PAUSE))
        except AqueductError as error:
            return Delivery(notification.name, attempt, error.message)
        except Exception as error:  # noqa: BLE001 - a run must not fail for it, and it is reported
            # Its text isn't shown: nobody knows what is in it.
            return Delivery(notification.name, attempt, f"{type(error).__name__} in this package")
        else:
            return Delivery(notification.name, attempt)


def _logged(message: Message, deliveries: list[Delivery]) -> list[Delivery]:
    for item in deliveries:
        if item.error is not None:
            _log.warning(
                "%r was not told that %s (run %s): %s",
                item.name, message.title, message.run, item.error,
            )  # fmt: skip
    return deliveries
