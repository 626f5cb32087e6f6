"""A small client of Airflow's REST API: v2 of Airflow 3."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

from aqueduct_core.errors import IntegrationError, MissingExtraError

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("httpx", "airflow", "An Airflow cluster") from error

__all__ = ["AirflowApi"]

_TIMEOUT = 30.0


class AirflowApi:
    """The API of one cluster. Thread-safe.

    Args:
        url: Where its API server is.
        auth: A token; or user name and password; None where nobody has to sign in.
    """

    def __init__(self, url: str, auth: str | tuple[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._auth = auth
        self._lock = Lock()
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT)
        self._token = auth if isinstance(auth, str) else None

    def close(self) -> None:
        """Let go of its connections."""
        self._http.close()

    def version(self) -> str:
        """Airflow's version."""
        return str(self._call("GET", "/version")["version"])

    def dag(self, dag_id: str) -> Mapping[str, Any] | None:
        """What Airflow knows of a DAG; None if it doesn't know it."""
        found: Mapping[str, Any] | None = self._call("GET", f"/dags/{_q(dag_id)}", missing=None)
        return found

    def import_errors(self) -> list[Mapping[str, Any]]:
        """The files that Airflow can't read."""
        return list(self._call("GET", "/importErrors", params={"limit": 100})["import_errors"])

    def pause(self, dag_id: str) -> None:
        """Let no run start by itself."""
        self._call("PATCH", f"/dags/{_q(dag_id)}", json={"is_paused": True})

    def unpause(self, dag_id: str) -> None:
        """Let runs start."""
        self._call("PATCH", f"/dags/{_q(dag_id)}", json={"is_paused": False})

    def delete_dag(self, dag_id: str) -> None:
        """Delete a DAG's history; nothing happens if there is none."""
        self._call("DELETE", f"/dags/{_q(dag_id)}", missing=None)

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        """Start a run."""
        body = {"dag_run_id": run_id, "conf": dict(conf), "logical_date": None}
        run: Mapping[str, Any] = self._call("POST", f"/dags/{_q(dag_id)}/dagRuns", json=body)
        return run

    def _call(self, method: str, path: str, **options: Any) -> Any:
        is_optional = "missing" in options
        missing = options.pop("missing", None)
        try:
            answer = self._send(method, path, **options)
            if answer.status_code == 401 and not isinstance(self._auth, str):
                self._token = None
                answer = self._send(method, path, **options)
        except httpx.HTTPError as error:
            raise IntegrationError(
                f"Airflow at {self.url} can't be reached: {error}", hint="is url= right?"
            ) from error
        if answer.status_code == 404 and is_optional:
            return missing
        if answer.is_success:
            return answer.json() if answer.content else None
        raise IntegrationError(
            f"Airflow at {self.url} refused {method} {path}: {answer.status_code} {answer.text[:500]}",
            hint="is auth= right, and may that user do it?"
            if answer.status_code in (401, 403)
            else None,
        )

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self._lock:
            if self._token is None:
                self._token = self._signed_in()
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return self._http.request(method, f"/api/v2{path}", headers=headers, **options)

    def _signed_in(self) -> str:
        if self._auth is None:
            answer = self._http.get("/auth/token")
            return str(answer.json()["access_token"]) if answer.is_success else ""
        assert not isinstance(self._auth, str)
        username, password = self._auth
        body = {"username": username, "password": password}
        answer = self._http.post("/auth/token", json=body)
        if not answer.is_success:
            raise IntegrationError(
                f"Airflow at {self.url} refused the sign-in of {username!r}: {answer.status_code}",
                hint='auth=("user", "password") of the integration',
            )
        return str(answer.json()["access_token"])


def _q(text: str) -> str:
    return quote(text, safe="")
