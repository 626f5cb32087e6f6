"""Runs as Airflow sees them, asked for past our own client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow._names import dag_id, run_key
from aqueduct_core.runtime import Result, read_result
from tests.integration.airflow.clients import PATIENCE, until
from tests.integration.airflow.settings import Address

__all__ = ["Airflow", "AirflowRun", "FlowRun"]


class Airflow:
    """Airflow's API, signed in."""

    def __init__(self, address: Address) -> None:
        # A connection that is kept may be closed by the server just when it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        url = address.url
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, limits=limits)
        who = {"username": address.username, "password": address.password}
        token = self.http.post("/auth/token", json=who).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> Any:
        answer = self.http.get(f"/api/v2{path}")
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.http.post(f"/api/v2{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.http.patch(f"/api/v2{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def dag(self, flow: aq.Flow) -> str:
        return dag_id(flow.name, flow.id)

    def source(self, flow: aq.Flow) -> str:
        """The DAG file, as Airflow has it."""
        content = self.get(f"/dagSources/{self.dag(flow)}")["content"]
        return str(content)

    def graph(self, flow: aq.Flow, version: int) -> set[tuple[str, str]]:
        """The edges of a version of the DAG, as Airflow's own pages show them."""
        path = f"/ui/structure/structure_data?dag_id={self.dag(flow)}&version_number={version}"
        answer = self.http.get(path)
        assert answer.is_success, answer.text
        return {(edge["source_id"], edge["target_id"]) for edge in answer.json()["edges"]}

    def start(self, dag: str) -> AirflowRun:
        """Start a run of a DAG that somebody wrote, once Airflow has read its file."""
        path = f"/api/v2/dags/{dag}"
        until(lambda: self.http.get(path).is_success, tell=lambda: self.get("/importErrors"))
        run = self.post(f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
        return AirflowRun(self, dag, run)

    def trigger(
        self, client: aq.Client, flow: aq.Flow, conf: Mapping[str, Any] | None = None
    ) -> FlowRun:
        """Start a run of a workflow, as Airflow's own pages do."""
        dag = self.dag(flow)
        body = {"logical_date": None, "conf": dict(conf or {})}
        run = self.post(f"/dags/{dag}/dagRuns", body)["dag_run_id"]
        version = Version.load(client.store, flow.id, flow.version().digest)
        return FlowRun(self, dag, run, client, version)


@dataclass(frozen=True)
class AirflowRun:
    """A run of any DAG."""

    airflow: Airflow
    dag: str
    run: str

    @property
    def path(self) -> str:
        return f"/dags/{self.dag}/dagRuns/{quote(self.run, safe='')}"

    @property
    def known(self) -> dict[str, Any]:
        """What Airflow says of it."""
        return dict(self.airflow.get(self.path))

    def wait(self) -> str:
        """Wait for its end; returns its state."""
        until(lambda: self.known["state"] in ("success", "failed"), tell=self.tasks)
        return str(self.known["state"])

    def wait_for(self, task: str, *states: str) -> None:
        """Wait until a task is in one of these states."""
        until(lambda: self.tasks().get(task) in states, tell=self.tasks)

    def tasks(self) -> dict[str, str | None]:
        """The states of its tasks, by their ids."""
        found = self.airflow.get(f"{self.path}/taskInstances")["task_instances"]
        return {item["task_id"]: item["state"] for item in found}

    def clear(self, *tasks: str, downstream: bool = True) -> None:
        """Let tasks run again, as the button in Airflow's pages does."""
        body = {
            "dry_run": False,
            "dag_run_id": self.run,
            "task_ids": list(tasks),
            "only_failed": False,
            "include_downstream": downstream,
        }
        self.airflow.post(f"/dags/{self.dag}/clearTaskInstances", body)

    def log(self, task: str, attempt: int = 1) -> str:
        content = self.airflow.get(f"{self.path}/taskInstances/{task}/logs/{attempt}")["content"]
        return "\n".join(str(line.get("event", line)) for line in content)

    def errors(self, task: str, attempt: int = 1) -> str:
        """What a task raised, as its log tells it."""
        content = self.airflow.get(f"{self.path}/taskInstances/{task}/logs/{attempt}")["content"]
        found = [error for line in content for error in line.get("error_detail") or ()]
        return "\n".join(f"{error['exc_type']}: {error['exc_value']}" for error in found)


@dataclass(frozen=True)
class FlowRun(AirflowRun):
    """A run of a workflow of ours, and what it has left in the store."""

    client: aq.Client
    version: Version

    def result(self, name: str, version: Version | None = None) -> Result | None:
        """What is in the store of an operator."""
        ids = (version or self.version).ids
        return read_result(self.client.store, ids[name], run_key(self.run))

    def value(self, name: str) -> Any:
        result = self.result(name)
        assert result is not None
        return self.client.store.get(result.outputs["output"])
