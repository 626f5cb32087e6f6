"""What goes wrong with deliveries."""

from __future__ import annotations

import ssl
from pathlib import Path

from aqueduct_core.errors import IntegrationError

__all__ = ["TIMEOUT", "TransientError", "tls_context", "words"]

TIMEOUT = 10.0  # seconds for each step of a conversation


class TransientError(IntegrationError):
    """It might work a moment later.

    Args:
        message: What happened.
        after: Seconds to wait, if the other side said so.
        hint: The way out.
    """

    def __init__(
        self, message: str, *, after: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.after = after


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Checks certificates by the machine's authorities, or those of a file."""
    if ca_file is not None and not Path(ca_file).is_file():
        raise IntegrationError(
            f"there is no file {ca_file} with certificates",
            hint="ca_file= names one on this machine",
        )
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise IntegrationError(
            f"{ca_file} holds no certificates", hint="a file in PEM format"
        ) from error


def words(error: OSError) -> str:
    """An error of the network in a few words, without addresses that may be secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return error.strerror or type(error).__name__
