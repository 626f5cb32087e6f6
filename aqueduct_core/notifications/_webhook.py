"""Webhooks: JSON for programs, signed as https://www.standardwebhooks.com says."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aqueduct_core.errors import IntegrationError
from aqueduct_core.notifications._http import checked, post
from aqueduct_core.notifications._message import Level, Message

__all__ = ["Webhook"]

_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A program that wants to know how runs end.

    Attributes:
        name: What the user calls it.
        url: Where messages are posted to.
        secret: What they are signed with: any text, or `whsec_` and base64; None for no signature.
        headers: Further headers, `{"Authorization": "Bearer ..."}`.
        level: From which kind of end on it is told: `success`, `warning`, `error` or `never`.
        ca_file: Certificates to trust instead of the machine's.
    """

    kind: ClassVar[str] = "webhook"
    secrets: ClassVar[frozenset[str]] = frozenset({"url", "secret", "headers"})

    name: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    level: Level = "error"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        checked(self.name, self.url)
        _key(self)
        for name, value in self.headers.items():
            if not name.isascii() or any(ord(letter) < 32 for letter in f"{name}{value}"):
                raise IntegrationError(
                    f"a header of {self.name!r} holds letters that it can't",
                    hint="headers are plain Latin letters, in one line",
                )

    def test(self) -> None:
        self._post("test", Message(flow="test", run="test", state="succeeded"))

    def send(self, message: Message) -> None:
        self._post("run.finished", message)

    def _post(self, kind: str, message: Message) -> None:
        content: dict[str, Any] = {
            "type": kind,
            "timestamp": message.time.isoformat(timespec="seconds"),
            "data": message.to_json(),
        }
        body = json.dumps(content, separators=(",", ":")).encode()
        headers = {**self.headers, **self._signature(message, body)}
        post(self.name, self.url, body, headers, self.ca_file)

    def _signature(self, message: Message, body: bytes) -> dict[str, str]:
        time = str(int(message.time.timestamp()))
        known = {"webhook-id": message.id, "webhook-timestamp": time}
        key = _key(self)
        if key is None:
            return known
        signed = f"{message.id}.{time}.".encode() + body
        digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return {**known, "webhook-signature": f"v1,{digest}"}


def _key(webhook: Webhook) -> bytes | None:
    if webhook.secret is None:
        return None
    if not webhook.secret.startswith(_PREFIX):
        return webhook.secret.encode()
    try:
        return base64.b64decode(webhook.secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise IntegrationError(
            f"the secret of {webhook.name!r} begins with {_PREFIX} and is no base64 after that",
            hint="copy it whole, or leave the beginning out of a text of your own",
        ) from None
