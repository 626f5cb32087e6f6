"""The kinds of notifications, and how they are made from their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from aqueduct_core.errors import IntegrationError, UnsupportedError
from aqueduct_core.integrations._settings import check_fields
from aqueduct_core.notifications._email import Email
from aqueduct_core.notifications._message import LEVELS, Level, Message
from aqueduct_core.notifications._slack import Slack
from aqueduct_core.notifications._webhook import Webhook

__all__ = ["KINDS", "Notification", "open_notification"]


class Notification(Protocol):
    """Somebody who is told how runs ended.

    Attributes:
        name: What the user calls it.
        kind: What it is: `email`, `slack` or `webhook`.
        secrets: The fields of its configuration that must not be shown.
    """

    kind: ClassVar[str]
    secrets: ClassVar[frozenset[str]]

    @property
    def name(self) -> str: ...

    @property
    def level(self) -> Level:
        """From which kind of end on it is told about workflows that don't say."""
        ...

    def test(self) -> None:
        """Find out whether it can be reached.

        Raises:
            IntegrationError: It can't; the text says why.
        """
        ...

    def send(self, message: Message) -> None:
        """Deliver a message, by one attempt.

        Raises:
            IntegrationError: It could not be delivered.
        """
        ...


KINDS: Mapping[str, type[Email] | type[Slack] | type[Webhook]] = {
    kind.kind: kind for kind in (Email, Slack, Webhook)
}
"""The class of each kind; `KINDS[kind].secrets` are the fields to encrypt."""


def open_notification(name: str, kind: str, config: Mapping[str, Any]) -> Notification:
    """Make a notification from its configuration, without connecting.

    Args:
        name: What it is called.
        kind: One of `KINDS`.
        config: The fields of that class.

    Raises:
        UnsupportedError: There is no such kind.
        IntegrationError: The configuration doesn't fit.
    """
    if kind not in KINDS:
        raise UnsupportedError(
            f"there is no notification of kind {kind!r}", hint=f"what there is: {', '.join(KINDS)}"
        )
    check_fields(KINDS[kind], config, f"{name!r} can't be made a notification of kind {kind!r}")
    if config.get("level", "error") not in LEVELS:
        raise IntegrationError(
            f"{name!r} has the level {config['level']!r}", hint=f"one of {', '.join(LEVELS)}"
        )
    return KINDS[kind](name=name, **config)
