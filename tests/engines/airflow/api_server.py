"""An HTTP server that speaks as much of Airflow's REST API as our client uses.

What Airflow itself does with runs is tested on a real one, in tests/integration/airflow; this one has
thousands of them at once, loses answers, lets tokens run out, and has them in any state.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["AirflowServer", "at"]

USER, PASSWORD = "ann", "s3cr3t-of-ann"


def at(second: float) -> str:
    """A moment as Airflow writes it, so many seconds from now."""
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() + second, UTC).isoformat()


@dataclass
class AirflowServer:
    """The server; tests put runs and tasks into it.

    Attributes:
        version: `v2` or `v1` of the API.
        dags: The folder of DAG files.
        page: The most rows of a page, whatever is asked for.
        token: The token that is good now.
        trouble: Statuses that come before anything else; 0 cuts the connection after all was done.
        calls: Method and path of all requests.
        runs: Rows of runs by DAG and id.
        tasks: Rows of tasks by DAG, run and task.
        logs: What Airflow's log says of tasks.
        paused: Whether DAGs are paused.
        release: The version of Airflow; the newest by default.
        refused: Methods that nobody may use.
    """

    version: str = "v2"
    dags: Path | None = None
    page: int = 100_000
    token: str = "token-1"
    needs_sign_in: bool = True
    trouble: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    runs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tasks: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    paused: dict[str, bool] = field(default_factory=dict)
    release: str = ""
    refused: tuple[str, ...] = ()
    url: str = ""

    def __post_init__(self) -> None:
        self._lock = Lock()

    @contextmanager
    def serving(self) -> Iterator[AirflowServer]:
        handler = type("Handler", (_Handler,), {"airflow": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def put_run(self, dag: str, run: str, state: str = "running", **known: Any) -> None:
        """Have a run, or another state of it."""
        row = {
            "dag_id": dag,
            "dag_run_id": run,
            "state": state,
            "run_type": "manual",
            "conf": {},
            "run_after": at(-1),
            "queued_at": at(-1),
            "start_date": None if state == "queued" else at(-0.5),
            "end_date": at(0) if state in ("success", "failed") else None,
            "a_new_field": {"of": "a newer Airflow"},
        }
        before = self.runs.get((dag, run), {})
        kept = {
            name: before[name]
            for name in ("conf", "run_type", "run_after", "start_date")
            if before.get(name)
        }
        self.runs[dag, run] = row | kept | known

    def put_task(
        self, dag: str, run: str, task: str, state: str | None, attempt: int = 1, **known: Any
    ) -> None:
        """Have a task, or another state of it."""
        self.tasks[dag, run, task] = {
            "dag_id": dag,
            "dag_run_id": run,
            "task_id": task,
            "map_index": -1,
            "state": state,
            "try_number": attempt,
            "start_date": at(0) if attempt else None,
            "end_date": at(0.1) if state in ("success", "failed", "skipped") else None,
            "hostname": "worker-1" if attempt else "",
        } | known

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        """Status and content."""
        with self._lock:
            self.calls.append(f"{method} {path}")
            self.bodies.append(body)
            trouble = self.trouble.pop(0) if self.trouble else None
        if trouble:
            return trouble, {"detail": "Database error"}
        if path == "/auth/token" and self.version == "v2":
            status, content = self._sign_in(method, body)
        elif not path.startswith(f"/api/{self.version}/"):
            status, content = 404, {"detail": "Not Found"}
        elif path.endswith("/version"):
            newest = "3.3.2" if self.version == "v2" else "2.11.2"
            status, content = 200, {"version": self.release or newest}
        elif method in self.refused:
            status, content = 403, {"detail": "Forbidden"}
        elif self.needs_sign_in and headers.get("Authorization") not in self._passes():
            status, content = 401, {"detail": "Invalid or missing credentials"}
        else:
            with self._lock:
                status, content = self._act(method, path.removeprefix(f"/api/{self.version}"), body)
        return (0, None) if trouble == 0 else (status, content)

    def _sign_in(self, method: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return (201, {"access_token": self.token}) if not self.needs_sign_in else (405, {})
        is_right = body == {"username": USER, "password": PASSWORD}
        return (201, {"access_token": self.token}) if is_right else (401, {"detail": "no"})

    def _passes(self) -> tuple[str, ...]:
        if self.version == "v2":
            return (f"Bearer {self.token}",)
        return ("Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),)

    def _act(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts == ["importErrors"]:
            return 200, {"import_errors": [], "total_entries": 0}
        if path == "/dags/~/dagRuns/list":
            return 200, self._page("dag_runs", self._chosen_runs(body), body)
        if path == "/dags/~/dagRuns/~/taskInstances/list":
            names = (body["dag_ids"], body["dag_run_ids"])
            rows = [
                row for key, row in self.tasks.items() if key[0] in names[0] and key[1] in names[1]
            ]
            return 200, self._page("task_instances", rows, body)
        if parts[0] == "dags" and len(parts) == 2:
            return self._dag(method, parts[1], body)
        if parts[2:] == ["dagRuns"] and method == "POST":
            return self._trigger(parts[1], body)
        if parts[2:] == ["clearTaskInstances"]:
            return self._clear(parts[1], body)
        if parts[2] == "dagRuns" and len(parts) == 4:
            return self._run(method, parts[1], parts[3], body)
        if parts[4] == "taskInstances" and parts[6] == "logs":
            return (200, {"content": self.logs[parts[5]]}) if parts[5] in self.logs else (404, {})
        return 404, {"detail": path}

    def _chosen_runs(self, body: Any) -> list[dict[str, Any]]:
        rows = [row for key, row in self.runs.items() if key[0] in body["dag_ids"]]
        if "states" in body:
            rows = [row for row in rows if row["state"] in body["states"]]
        if "end_date_gte" in body:
            first = datetime.fromisoformat(body["end_date_gte"])
            rows = [
                row
                for row in rows
                if row["end_date"] and datetime.fromisoformat(row["end_date"]) >= first
            ]
        return rows

    def _page(self, name: str, rows: list[dict[str, Any]], body: Any) -> dict[str, Any]:
        first = body["page_offset"]
        limit = min(body["page_limit"], self.page)
        return {name: rows[first : first + limit], "total_entries": len(rows)}

    def _dag(self, method: str, dag: str, body: Any) -> tuple[int, Any]:
        file = (self.dags or Path("/nowhere")) / f"{dag}.py"
        if not file.exists():
            return 404, {"detail": f"The Dag with ID: `{dag}` was not found"}
        if method == "PATCH":
            self.paused[dag] = body["is_paused"]
        if method == "DELETE":
            return 204, None
        tags = re.findall(r"version:[0-9a-f]+", file.read_text())
        return 200, {"dag_id": dag, "tags": [{"name": tag} for tag in tags]}

    def _trigger(self, dag: str, body: Any) -> tuple[int, Any]:
        if ("logical_date" in body) != (self.version == "v2"):
            return 422, {"detail": "logical_date"}
        if self.dags is not None and not (self.dags / f"{dag}.py").exists():
            return 404, {"detail": f"The Dag with ID: `{dag}` was not found"}
        if (dag, body["dag_run_id"]) in self.runs:
            return 409, {"detail": "it exists"}
        self.put_run(dag, body["dag_run_id"], "queued", conf=body["conf"])
        return 200, self.runs[dag, body["dag_run_id"]]

    def _clear(self, dag: str, body: Any) -> tuple[int, Any]:
        assert body["dry_run"] is False
        for task in body["task_ids"]:
            self.tasks[dag, body["dag_run_id"], task]["state"] = None
        self.runs[dag, body["dag_run_id"]] |= {
            "state": "queued",
            "start_date": None,
            "end_date": None,
        }
        return 200, {}

    def _run(self, method: str, dag: str, run: str, body: Any) -> tuple[int, Any]:
        if (dag, run) not in self.runs:
            return 404, {"detail": "no such run"}
        if method == "PATCH":
            self.put_run(dag, run, body["state"])
        return 200, self.runs[dag, run]


class _Handler(BaseHTTPRequestHandler):
    airflow: AirflowServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = urlsplit(self.path).path
        status, content = self.airflow.answer(self.command, path, self.headers, body)
        if status == 0:
            self.close_connection = True
            return
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC), usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *args: Any) -> None:
        pass
