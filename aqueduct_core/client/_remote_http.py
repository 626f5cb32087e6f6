"""Talking to a server: JSON and bytes, errors as they were raised there."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from time import sleep
from typing import Any

from aqueduct_core import errors
from aqueduct_core._version import __version__
from aqueduct_core.errors import (
    AccessError,
    AqueductError,
    MissingExtraError,
    ParameterError,
    ServerError,
)

__all__ = ["Http"]

_ATTEMPTS = 5
_BUSY = (502, 503)  # not 504: what took too long once would take as long again
_PATIENCE = 60.0


class Http:
    """A connection to a server. Thread-safe.

    What can be asked twice is asked again if the server can't be reached or is too busy.

    Args:
        address: The server's URL.
        key: An API key.
    """

    def __init__(self, address: str, key: str) -> None:
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise MissingExtraError("httpx", "server", "A client of a server") from error
        if not address.startswith(("http://", "https://")):
            raise ParameterError(
                f"{address!r} is no address of a server", hint='"http://host:8080"'
            )
        self.address = address.rstrip("/")
        self._library = httpx
        self._client = httpx.Client(
            base_url=f"{self.address}/api/v1",
            headers={
                "authorization": f"Bearer {key}",
                "user-agent": f"aqueduct-core/{__version__}",
            },
            timeout=_PATIENCE,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, /, **query: Any) -> Any:
        """What the API answers."""
        return self._json(self._send("GET", path, query=query, is_safe=True))

    def get_bytes(self, path: str, /, **query: Any) -> bytes:
        """What the API answers, if that isn't JSON."""
        data: bytes = self._send("GET", path, query=query, is_safe=True).content
        return data

    def post(
        self,
        path: str,
        content: Any = None,
        *,
        is_safe: bool = False,
        patience: float = _PATIENCE,
    ) -> Any:
        """Ask for something to be done.

        Args:
            path: Where.
            content: JSON.
            is_safe: Asking twice does no harm.
            patience: Seconds to wait for the answer.
        """
        answer = self._send("POST", path, json=content, is_safe=is_safe, patience=patience)
        return self._json(answer) if answer.content else None

    def post_for_bytes(self, path: str, content: Any, *, patience: float) -> bytes:
        """Ask a question that is too long for a URL; the answer isn't JSON."""
        answer = self._send("POST", path, json=content, is_safe=True, patience=patience)
        data: bytes = answer.content
        return data

    def put(self, path: str, content: Any, *, patience: float = _PATIENCE) -> Any:
        """Put JSON in place of what is there."""
        return self._json(self._send("PUT", path, json=content, is_safe=True, patience=patience))

    def put_bytes(self, path: str, content: Callable[[], bytes | Iterable[bytes]]) -> None:
        """Put bytes in place of what is there.

        Args:
            path: Where.
            content: Gives the bytes; called again if they have to be sent again.
        """
        self._send("PUT", path, content=content, is_safe=True)

    def delete(self, path: str, /, **query: Any) -> Any:
        """Delete something; what the API says about it."""
        answer = self._send("DELETE", path, query=query, is_safe=False)
        return self._json(answer) if answer.content else None

    def _json(self, answer: Any) -> Any:
        try:
            return answer.json()
        except ValueError as error:  # the page of something else
            raise _stranger(self.address, answer) from error

    def _send(
        self,
        method: str,
        path: str,
        *,
        is_safe: bool,
        patience: float = _PATIENCE,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Callable[[], bytes | Iterable[bytes]] | None = None,
    ) -> Any:
        known = {name: value for name, value in (query or {}).items() if value is not None}
        pause = 0.2
        for attempt in range(1, _ATTEMPTS + 1):
            is_last = attempt == _ATTEMPTS or not is_safe
            try:
                answer = self._client.request(
                    method,
                    path,
                    params=known,
                    json=json,
                    content=None if content is None else content(),
                    timeout=self._library.Timeout(_PATIENCE, read=patience),
                )
            except self._library.TransportError as error:
                if is_last:
                    raise ServerError(
                        f"the server at {self.address} can't be reached: {error}",
                        hint="is the address right, and is `aqueduct server` running there?",
                    ) from error
            else:
                if answer.status_code < 400:
                    return answer
                if is_last or answer.status_code not in _BUSY:
                    raise _error(self.address, answer)
            sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
            pause *= 2
        raise AssertionError("the last attempt returns or raises")


def _error(address: str, answer: Any) -> AqueductError:
    """An error of the server as it was raised there."""
    try:
        told = answer.json()
        detail, hint = str(told["detail"]), told.get("hint")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _stranger(address, answer)
    if answer.status_code == 404 and told.get("error") is None:
        return ServerError(
            f"{address} does not know {answer.request.url.path}",
            hint="is it the address of `aqueduct server` without a path, http://host:8080, and is "
            "that as new as this client?",
        )
    if answer.status_code in (401, 403):
        return AccessError(
            f"{address}: {detail}", hint=hint or "`aqueduct apikey create` makes keys"
        )
    kind = getattr(errors, str(told.get("error")), None)
    if answer.status_code >= 500 and kind is None:
        ident = told.get("request_id", "")
        return ServerError(f"{address}: {detail}", hint=f"the server's log has request {ident}")
    is_ours = isinstance(kind, type) and issubclass(kind, AqueductError)
    if not is_ours or kind is MissingExtraError:
        return ParameterError(detail, hint=hint)
    assert kind is not None
    made: AqueductError = kind(detail, hint=hint)
    return made


def _stranger(address: str, answer: Any) -> ServerError:
    return ServerError(
        f"{address} answers {answer.status_code}, and not as a server of this kind does",
        hint="is this the address of `aqueduct server`, or of something else?",
    )
