"""Secrets at rest: those of integrations are encrypted, API keys are kept as hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from typing import Any

from aqueduct_core.errors import MissingExtraError, TrackingError

__all__ = ["Vault", "api_key_id", "new_api_key"]

_FORMAT = b"\x01"
_NONCE = 12
_API_KEY = re.compile(r"aq_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Vault:
    """Encrypts and hashes with keys that are made from one secret.

    Args:
        secret: The secret, of at least 16 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise TrackingError(
                "the secret of the tracking database is too short", hint="16 bytes or more"
            )
        self._secret = secret

    def seal(self, name: str, values: Mapping[str, Any]) -> bytes:
        """Encrypt the secrets of an integration.

        Args:
            name: Its name: the secrets can't be opened as those of another one.
            values: The secrets, as JSON.
        """
        nonce = os.urandom(_NONCE)
        plain = json.dumps(dict(values), separators=(",", ":")).encode()
        return b"".join((_FORMAT, nonce, self._cipher().encrypt(nonce, plain, name.encode())))

    def open(self, name: str, sealed: bytes) -> dict[str, Any]:
        """Decrypt the secrets of an integration.

        Raises:
            TrackingError: They were encrypted with another secret, or changed since.
        """
        from cryptography.exceptions import InvalidTag

        nonce, data = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            if sealed[:1] != _FORMAT or len(nonce) != _NONCE:
                raise InvalidTag
            values: dict[str, Any] = json.loads(self._cipher().decrypt(nonce, data, name.encode()))
        except InvalidTag:
            raise TrackingError(
                f"the secrets of the integration {name!r} can't be decrypted: they were encrypted "
                "with another signing key, or changed since",
                hint="use the signing key that they were saved with, or connect the integration "
                "again",
            ) from None
        return values

    def hash(self, key: str) -> str:
        """What is kept of an API key. They are random and long: a keyed hash needn't be slow."""
        return hmac.new(self._derive(b"api keys"), key.encode(), hashlib.sha256).hexdigest()

    def _cipher(self) -> Any:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise MissingExtraError("cryptography", "workflows", "encrypting secrets") from error
        return AESGCM(self._derive(b"integrations"))

    def _derive(self, purpose: bytes) -> bytes:
        """A key for one purpose: HKDF with SHA-256 (RFC 5869), of one block."""
        extracted = hmac.new(b"aqueduct_core.tracking", self._secret, hashlib.sha256).digest()
        return hmac.new(extracted, purpose + b"\x01", hashlib.sha256).digest()


def new_api_key() -> tuple[str, str]:
    """The id of a new API key, and the key itself."""
    name = secrets.token_hex(6)
    return name, f"aq_{name}_{secrets.token_urlsafe(32)}"


def api_key_id(key: str) -> str | None:
    """The id inside an API key, or None if it can't be one."""
    match = _API_KEY.fullmatch(key)
    return match[1] if match else None
