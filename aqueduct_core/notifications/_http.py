"""Posts to webhooks. Their addresses are secrets: whoever knows one can write there."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aqueduct_core._version import __version__
from aqueduct_core.errors import IntegrationError
from aqueduct_core.notifications._faults import TIMEOUT, TransientError, tls_context, words

__all__ = ["checked", "post"]

_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_SHOWN = 200  # bytes of an answer
_REACH = "check its address, and whether this machine may reach it"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was signed or is secret isn't sent to another place than the one that was given."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def checked(name: str, url: str) -> str:
    """An address that can be posted to.

    Raises:
        IntegrationError: It is none.
    """
    try:
        parts: SplitResult | None = urlsplit(url)
        assert parts is not None
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        fits, parts = False, None
    if not fits or parts is None or re.search(r"[\s\x00-\x20\x7f]", url):
        raise IntegrationError(
            f"the address of {name!r} is no http(s) URL", hint='url="https://hooks.example.org/..."'
        )
    if parts.username or parts.password:
        raise IntegrationError(
            f"the address of {name!r} has a user or password in it",
            hint='put them into a header: headers={"Authorization": "..."}',
        )
    return url


def post(
    name: str, url: str, body: bytes, headers: Mapping[str, str], ca_file: str | None = None
) -> None:
    """Post JSON.

    Args:
        name: What the receiver is called.
        url: Where to; never shown.
        body: The JSON.
        headers: Further headers.
        ca_file: Certificates to trust.

    Raises:
        TransientError: It may work later.
        IntegrationError: It was refused.
    """
    plain = {"Content-Type": "application/json", "User-Agent": f"aqueduct_core/{__version__}"}
    request = urllib.request.Request(url, body, {**plain, **headers})  # noqa: S310 - checked() did
    tls = urllib.request.HTTPSHandler(context=tls_context(ca_file))
    opener = urllib.request.build_opener(_NoRedirect, tls)
    # `from None` throughout: the causes hold the address.
    try:
        opener.open(request, timeout=TIMEOUT).close()
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(name, error) from None
    except urllib.error.URLError as error:
        reason = error.reason
        said = words(reason) if isinstance(reason, OSError) else "the address is not understood"
        kind = IntegrationError if isinstance(reason, ssl.SSLError) else TransientError
        raise kind(f"{name!r} can't be reached: {said}", hint=_REACH) from None
    except (OSError, http.client.HTTPException) as error:
        said = words(error) if isinstance(error, OSError) else "its answer is no HTTP"
        raise TransientError(f"{name!r} can't be reached: {said}", hint=_REACH) from None


def _refused(name: str, error: urllib.error.HTTPError) -> IntegrationError:
    said = f"{name!r} answered {error.code} {error.reason}".rstrip()
    if 300 <= error.code < 400:
        return IntegrationError(
            f"{said}: a redirect, which is not followed", hint="give the final address"
        )
    try:
        # What is there by now: the rest of a slow answer is not worth waiting for.
        answer = error.fp.read1(_SHOWN) if isinstance(error.fp, http.client.HTTPResponse) else b""
    except (OSError, http.client.HTTPException):
        answer = b""
    text = " ".join(answer.decode("utf-8", "replace").split())
    said = f"{said}: {text}" if text else said
    if error.code in _TRANSIENT:
        return TransientError(said, after=_seconds(error.headers.get("Retry-After")))
    return IntegrationError(said, hint="check its address, and whether it was revoked")


def _seconds(header: str | None) -> float | None:
    return float(header) if header and re.fullmatch(r"\d{1,6}", header.strip()) else None
