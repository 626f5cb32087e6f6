"""A small client of Airflow's REST API: v2 of Airflow 3, and v1 of Airflow 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aqueduct_core.engines.airflow._http import Auth, Connection
from aqueduct_core.engines.airflow._rows import DagRun, TaskInstance, moment
from aqueduct_core.errors import IntegrationError

__all__ = ["AirflowApi"]

_PAGE = 1000  # rows of a page; Airflow may give fewer
_NOBODYS = "aqueduct_is_this_allowed"
_IDS = 500  # ids that are named in one request


class AirflowApi:
    """What the engine asks of one cluster. Thread-safe.

    Fields that an answer has beyond those that are known are ignored, and missing ones are None.

    Args:
        url: Where its API server, or in Airflow 2 its web server, is.
        auth: A token; or user name and password; None where nobody has to sign in.
        connection: Another way to make requests.
    """

    def __init__(
        self, url: str, auth: Auth = None, *, connection: Connection | None = None
    ) -> None:
        self._connection = connection or Connection(url, auth)
        self.url = self._connection.url

    def close(self) -> None:
        """Let go of its connections."""
        self._connection.close()

    @property
    def calls(self) -> int:
        """How many requests were made."""
        return self._connection.calls

    @property
    def clock(self) -> datetime:
        """What time it was in Airflow by its last answer."""
        return self._connection.clock

    def version(self) -> str:
        """Airflow's version."""
        return str(self._get("/version")["version"])

    def may_change(self) -> None:
        """Find out whether whoever signs in may pause, trigger and delete DAGs, by one there isn't.

        Raises:
            IntegrationError: They may not.
        """
        path = f"/dags/{_NOBODYS}"
        run: dict[str, Any] = {"dag_run_id": _NOBODYS, "conf": {}}
        if not self._connection.is_v1:
            run["logical_date"] = None
        self._connection.call("PATCH", path, json={"is_paused": True}, allowed=(404,))
        self._connection.call("POST", f"{path}/dagRuns", json=run, allowed=(404,))
        self._connection.call("DELETE", path, allowed=(404,))

    def dag(self, dag_id: str) -> Mapping[str, Any] | None:
        """What Airflow knows of a DAG; None if it doesn't know it."""
        answer = self._connection.call("GET", f"/dags/{_q(dag_id)}", allowed=(404,))
        found: Mapping[str, Any] | None = None if answer.status_code == 404 else answer.json()
        return found

    def import_errors(self) -> list[Mapping[str, Any]]:
        """Files that Airflow can't read: those that it has looked at last, if there are very many."""
        found = self._get("/importErrors", limit=100, order_by="-timestamp")
        return list(found["import_errors"])

    def pause(self, dag_id: str) -> None:
        """Let no run start by itself."""
        self._connection.call("PATCH", f"/dags/{_q(dag_id)}", json={"is_paused": True})

    def unpause(self, dag_id: str) -> None:
        """Let runs start."""
        self._connection.call("PATCH", f"/dags/{_q(dag_id)}", json={"is_paused": False})

    def delete_dag(self, dag_id: str) -> None:
        """Delete a DAG's history; nothing happens if there is none.

        Raises:
            IntegrationError: Tasks of it are running.
        """
        answer = self._connection.call("DELETE", f"/dags/{_q(dag_id)}", allowed=(404, 409))
        if answer.status_code == 409:
            raise IntegrationError(
                f"Airflow doesn't delete the DAG {dag_id!r} while tasks of it are running",
                hint="run.cancel() stops a run",
            )

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> DagRun:
        """Start a run.

        A run of this id that is there is the one that is wanted: the answer to an earlier request may
        have been lost.

        Raises:
            IntegrationError: Airflow doesn't have the DAG, or doesn't take what the run is given.
        """
        body: dict[str, Any] = {"dag_run_id": run_id, "conf": dict(conf)}
        if not self._connection.is_v1:
            body["logical_date"] = None  # has to be there; Airflow 2 doesn't take None
        path = f"/dags/{_q(dag_id)}/dagRuns"
        answer = self._connection.call("POST", path, json=body, allowed=(409,))
        if answer.status_code != 409:
            return DagRun.of(answer.json())
        found = self.dag_run(dag_id, run_id)
        if found is None:
            raise IntegrationError(f"Airflow has another run of {dag_id!r} at the same moment")
        return found

    def dag_run(self, dag_id: str, run_id: str) -> DagRun | None:
        """A run; None if Airflow doesn't have it any more."""
        answer = self._connection.call("GET", _run(dag_id, run_id), allowed=(404,))
        return None if answer.status_code == 404 else DagRun.of(answer.json())

    def dag_runs(
        self,
        dag_ids: Sequence[str],
        *,
        states: Sequence[str] | None = None,
        ended_since: datetime | None = None,
    ) -> Iterator[DagRun]:
        """Runs of some DAGs.

        Args:
            dag_ids: The DAGs.
            states: Only runs in these states.
            ended_since: Only runs that ended at this moment or later.
        """
        for some in _batches(dag_ids):
            body: dict[str, Any] = {"dag_ids": some}
            if states is not None:
                body["states"] = list(states)
            if ended_since is not None:
                body["end_date_gte"] = ended_since.isoformat()
            for row in self._pages("/dags/~/dagRuns/list", "dag_runs", body):
                yield DagRun.of(row)

    def task_instances(self, runs: Sequence[DagRun]) -> Iterator[TaskInstance]:
        """The tasks of some runs."""
        wanted = {(run.dag, run.id) for run in runs}
        for some in _batches(sorted(wanted, key=lambda item: item[1])):
            body = {
                "dag_ids": sorted({dag for dag, _ in some}),
                "dag_run_ids": sorted({run for _, run in some}),
            }
            path = "/dags/~/dagRuns/~/taskInstances/list"
            for row in self._pages(path, "task_instances", body):
                task = TaskInstance.of(row)
                if (task.dag, task.run) in wanted:
                    yield task

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Say that a run is `success` or `failed`; what runs of it is stopped."""
        self._connection.call("PATCH", _run(dag_id, run_id), json={"state": state})

    def clear(self, dag_id: str, run_id: str, task_ids: Sequence[str]) -> None:
        """Let tasks of a run run again."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._connection.call("POST", f"/dags/{_q(dag_id)}/clearTaskInstances", json=body)

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """What Airflow has in its log of a task; empty if there is nothing."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{_q(task_id)}/logs/{attempt}"
        accept = "text/plain" if self._connection.is_v1 else "application/json"
        options = {"params": {"full_content": "true"}}
        answer = self._connection.call("GET", path, accept=accept, allowed=(404,), **options)
        if answer.status_code == 404:
            return ""
        if self._connection.is_v1:
            return answer.text
        content = answer.json().get("content", ())
        return content if isinstance(content, str) else "".join(map(_line, content))

    def _get(self, path: str, **params: Any) -> Any:
        return self._connection.call("GET", path, params=params).json()

    def _pages(self, path: str, name: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """All rows of a list. Airflow may make pages smaller than they are asked for."""
        seen = 0
        while True:
            asked = {**body, "order_by": "id", "page_limit": _PAGE, "page_offset": seen}
            if self._connection.is_v1:
                del asked["order_by"]
            page = self._connection.call("POST", path, json=asked).json()
            rows = page.get(name) or []
            yield from rows
            seen += len(rows)
            total = page.get("total_entries")
            if not rows or (total is not None and seen >= total):
                return


def _line(item: Any) -> str:
    """A line of a structured log, with what was raised."""
    if not isinstance(item, Mapping):
        return f"{item}\n"
    at = moment(item.get("timestamp"))
    level = str(item.get("level") or "").upper()
    words = [f"{at:%H:%M:%S}" if at else "", level, str(item.get("event", ""))]
    lines = " ".join(word for word in words if word) + "\n"
    for error in item.get("error_detail") or ():
        for frame in error.get("frames") or ():
            place = f'  File "{frame.get("filename")}", line {frame.get("lineno")}'
            lines += f"{place}, in {frame.get('name')}\n"
        lines += f"{error.get('exc_type')}: {error.get('exc_value')}\n"
    return lines


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{_q(dag_id)}/dagRuns/{_q(run_id)}"


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    return (list(items[first : first + _IDS]) for first in range(0, len(items), _IDS))


def _q(text: str) -> str:
    return quote(text, safe="")
