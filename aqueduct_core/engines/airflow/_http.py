"""Requests to Airflow: which version of its API there is, signing in, and trying again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import RLock
from time import monotonic, sleep
from typing import Any

from aqueduct_core.errors import IntegrationError, MissingExtraError

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("httpx", "airflow", "An Airflow cluster") from error

__all__ = ["Auth", "Connection", "Unreachable"]

Auth = str | tuple[str, str] | httpx.Auth | None

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_PAUSES = (0.3, 1.0, 2.0)  # seconds before it is tried again
_PATIENCE = 20.0  # seconds after which nothing is tried again
_PASSING = (429, 500, 502, 503, 504)
_NOT_ALLOWED = (401, 403)


class Unreachable(IntegrationError):
    """Airflow doesn't answer, or has trouble of its own."""


class Connection:
    """Requests to the API of one cluster. Thread-safe.

    Args:
        url: Where its API server, or in Airflow 2 its web server, is.
        auth: A token; user name and password; or anything else that signs requests; None where
            nobody has to sign in.
        transport: Another way to send requests.

    Attributes:
        calls: How many requests were made.
        clock: What time it was in Airflow by its last answer.
    """

    def __init__(
        self, url: str, auth: Auth = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.calls = 0
        self.clock = datetime.now(UTC)
        self._auth = auth
        self._lock = RLock()
        own = auth if isinstance(auth, httpx.Auth) else None
        self._http = httpx.Client(
            base_url=self.url, timeout=_TIMEOUT, transport=transport, auth=own
        )
        self._api: str | None = None
        self._headers: Mapping[str, str] | None = None

    def close(self) -> None:
        """Let go of its connections."""
        self._http.close()

    @property
    def is_v1(self) -> bool:
        """Whether it is the API of Airflow 2."""
        return self._version_of_api() == "v1"

    def call(
        self,
        method: str,
        path: str,
        *,
        accept: str | None = None,
        allowed: tuple[int, ...] = (),
        **options: Any,
    ) -> httpx.Response:
        """Make a request, again if it fails for a while.

        Args:
            method: `GET`, `POST`, ...
            path: The path below `/api/v2` or `/api/v1`.
            accept: The type of answer that is wanted.
            allowed: Statuses of failure that are answers, too.
            options: What httpx takes: `json`, `params`.

        Raises:
            Unreachable: There is no answer, or only such as tell of trouble.
            IntegrationError: It was refused.
        """
        path = f"/api/{self._version_of_api()}{path}"
        answer = self._signed(method, path, accept, options)
        if answer.status_code == 401 and not isinstance(self._auth, str | httpx.Auth):
            with self._lock:
                self._headers = None  # it has run out
            answer = self._signed(method, path, accept, options)
        if answer.is_success or answer.status_code in allowed:
            return answer
        raise self._refused(method, path, answer)

    def _signed(
        self, method: str, path: str, accept: str | None, options: Mapping[str, Any]
    ) -> httpx.Response:
        headers = dict(self._signed_in())
        if accept is not None:
            headers["Accept"] = accept
        return self._send(method, path, headers=headers, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        deadline = monotonic() + _PATIENCE
        for pause in (*_PAUSES, None):
            trouble = ""
            try:
                with self._lock:
                    self.calls += 1
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            except httpx.HTTPError as error:
                raise IntegrationError(
                    f"Airflow at {self.url} can't be asked: {error}", hint="is url= right?"
                ) from error
            else:
                self._set_clock(answer)
                if answer.status_code not in _PASSING:
                    return answer
                trouble = f"it answers {answer.status_code} {_told(answer)}"
            if pause is None or monotonic() > deadline:
                break
            sleep(pause)
        raise Unreachable(
            f"Airflow at {self.url} can't be reached: {trouble}",
            hint="is it running, and is url= right as seen from this machine?",
        )

    def _version_of_api(self) -> str:
        with self._lock:
            if self._api is None:
                for version in ("v2", "v1"):
                    answer = self._send("GET", f"/api/{version}/version")
                    # Airflow 2 may want a sign-in even for that.
                    if answer.is_success and _is_json(answer) or answer.status_code in _NOT_ALLOWED:
                        self._api = version
                        break
                else:
                    raise IntegrationError(
                        f"there is no Airflow at {self.url}: it answers {answer.status_code}",
                        hint="url= is what stands before /api/v2 or /api/v1",
                    )
            return self._api

    def _signed_in(self) -> Mapping[str, str]:
        with self._lock:
            if self._headers is None:
                self._headers = self._sign_in()
            return self._headers

    def _sign_in(self) -> dict[str, str]:
        if isinstance(self._auth, httpx.Auth):
            return {}
        if isinstance(self._auth, str):
            return _bearer(self._auth)
        if self._version_of_api() == "v1":
            return {} if self._auth is None else _basic(*self._auth)
        if self._auth is None:
            answer = self._send("GET", "/auth/token")
            return _bearer(_token(answer)) if answer.is_success and _token(answer) else {}
        username, password = self._auth
        answer = self._send(
            "POST", "/auth/token", json={"username": username, "password": password}
        )
        if answer.is_success and _token(answer):
            return _bearer(_token(answer))
        raise IntegrationError(
            f"Airflow at {self.url} refused the sign-in of {username!r}: {answer.status_code}",
            hint='auth=("user", "password") of the integration; or auth="token" where Airflow signs '
            "people in by other means",
        )

    def _set_clock(self, answer: httpx.Response) -> None:
        try:
            self.clock = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError):
            self.clock = datetime.now(UTC)

    def _refused(self, method: str, path: str, answer: httpx.Response) -> IntegrationError:
        hint = None
        if answer.status_code in _NOT_ALLOWED:
            hint = "is auth= right, and may that user do it?"
        elif answer.status_code == 404:
            hint = "was it deleted in Airflow? publish_flow hands a workflow over again"
        return IntegrationError(
            f"Airflow at {self.url} refused {method} {path}: {answer.status_code} {_told(answer)}",
            hint=hint,
        )


def _told(answer: httpx.Response) -> str:
    """What an answer that is none says, in a few words."""
    try:
        found = answer.json()
    except ValueError:
        return ""  # most often a page of some proxy
    detail = found.get("detail", found) if isinstance(found, Mapping) else found
    return str(detail)[:500]


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("content-type", "")


def _token(answer: httpx.Response) -> str:
    return str(answer.json().get("access_token") or "") if _is_json(answer) else ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _basic(username: str, password: str) -> dict[str, str]:
    request = httpx.Request("GET", "http://_")
    signed = next(httpx.BasicAuth(username, password).auth_flow(request))
    return {"Authorization": signed.headers["Authorization"]}
