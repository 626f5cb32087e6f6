"""The engine that hands workflows to an Airflow cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import Any

from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow._cluster import AirflowCluster
from aqueduct_core.engines.airflow._deliver import deliver, take_away
from aqueduct_core.engines.airflow._generate import generate
from aqueduct_core.engines.airflow._git import shown
from aqueduct_core.engines.airflow._names import dag_id, file_name, version_tag
from aqueduct_core.errors import AqueductError, IntegrationError, UnsupportedError
from aqueduct_core.storage._create import create
from aqueduct_core.store import ArtifactStore

__all__ = ["AirflowEngine", "Deployment", "check_store"]

_LOOK = 0.5  # seconds between two looks at what Airflow has read
_CLOCKS = 2.0  # seconds that clocks of two machines may differ
_NOTE = re.compile(r'\s*File ".*", line \d+')


@dataclass(frozen=True, slots=True)
class Deployment:
    """What deploying a version has done.

    Attributes:
        dag: The DAG's id.
        file: Where its file is.
        is_new: Whether Airflow didn't know the DAG before.
        is_waiting: Whether the file waits for somebody to put it where Airflow reads it.
    """

    dag: str
    file: str
    is_new: bool = False
    is_waiting: bool = False


class AirflowEngine:
    """Runs workflows on an Airflow cluster, where each version of one becomes a DAG file.

    Args:
        cluster: The cluster.
        store: Where versions are saved, and where tasks put artifacts and results.
        folder: Where files go that somebody has to put into their place.
    """

    kind = "airflow"

    def __init__(self, cluster: AirflowCluster, store: ArtifactStore, folder: Path) -> None:
        _check_reach(store)
        self.cluster = cluster
        self._store = store
        self._folder = folder

    def __repr__(self) -> str:
        return f"<AirflowEngine {self.cluster.name!r} at {self.cluster.url}>"

    def source(self, version: Version, tags: Sequence[str] = ()) -> str:
        """The DAG file of a version that is saved, of a workflow with these tags."""
        return generate(version, self._location(version), self.cluster.layout, tags)

    def tag(self, version: Version, tags: Sequence[str]) -> None:
        """Write the DAG file of a version that Airflow has again, with other tags."""
        folder = self.cluster.dags or str(self._folder)
        options = self.cluster.dags_options if self.cluster.dags else None
        deliver(folder, file_name(version.name, version.flow), self.source(version, tags), options)

    def deploy(
        self,
        version: Version,
        report: Callable[[str], None] | None = None,
        tags: Sequence[str] = (),
    ) -> Deployment:
        """Hand a version to Airflow, and wait until it has read it.

        Args:
            version: What to run from now on.
            report: Is told, in a line, what is waited for.
            tags: The workflow's tags.

        Raises:
            IntegrationError: Airflow can't be reached or can't read the file; the text says why.
            ParameterError: An operator has engine options that Airflow doesn't know.
        """
        version.save(self._store)
        saved = Version.load(self._store, version.flow, version.digest)
        name, dag = file_name(saved.name, saved.flow), dag_id(saved.name, saved.flow)
        content = self.source(saved, tags)
        if self.cluster.dags is None:
            deliver(str(self._folder), name, content)
            return Deployment(dag, str(self._folder / name), is_waiting=True)
        before = self.cluster.api.dag(dag)
        deliver(self.cluster.dags, name, content, self.cluster.dags_options)
        if report is not None:
            report(f"waiting for Airflow to read {name}")
        self._wait(dag, name, version_tag(saved), content)
        if before is None:
            self.cluster.api.unpause(dag)
        place = shown(self.cluster.dags).rstrip("/")
        return Deployment(dag, f"{place}/{name}", is_new=before is None)

    def withdraw(self, name: str, flow: str) -> None:
        """Take a workflow's DAG away, with the history that Airflow has of it.

        Args:
            name: The workflow's name.
            flow: Its id.
        """
        self.leave(name, flow)
        self.cluster.api.delete_dag(dag_id(name, flow))

    def leave(self, name: str, flow: str) -> None:
        """Take a workflow's file away, which another engine runs from now on; its runs stay.

        Args:
            name: The workflow's name.
            flow: Its id.
        """
        if self.cluster.dags is not None:
            take_away(self.cluster.dags, file_name(name, flow), self.cluster.dags_options)
        else:
            take_away(str(self._folder), file_name(name, flow))

    def _location(self, version: Version) -> str:
        """Where the version is, as workers see it."""
        location = version.location(self._store)
        if self.cluster.store is None:
            return location
        return self.cluster.store.rstrip("/") + location[len(self._store.url.rstrip("/")) :]

    def _wait(self, dag: str, name: str, tag: str, content: str) -> None:
        """Wait until Airflow has read the version's file.

        Raises:
            IntegrationError: It can't, or hasn't in time.
        """
        started = datetime.now(UTC)
        deadline = monotonic() + self.cluster.patience
        while True:
            found = self.cluster.api.dag(dag)
            if found is not None and tag in _tags(found):
                return
            for error in self.cluster.api.import_errors():
                if str(error.get("filename", "")).endswith(name) and _is_since(error, started):
                    trace = str(error.get("stack_trace", "")).strip()
                    raise IntegrationError(
                        f"Airflow can't read {name}: {_said(trace)}",
                        hint=_way_out(trace, name, content),
                    )
            if monotonic() > deadline:
                place = shown(str(self.cluster.dags))
                raise IntegrationError(
                    f"Airflow has not read {name} within {self.cluster.patience:g} s",
                    hint=f"does its DAG processor run, and does it read {place}? "
                    "patience= of the integration waits longer",
                )
            sleep(_LOOK)


def check_store(store: ArtifactStore) -> None:
    """Find out whether versions can be put into a store, from which workers fetch them.

    Raises:
        UnsupportedError: It is in the memory of this process.
        IntegrationError: It can't be written.
    """
    _check_reach(store)
    probe = f"probes/{token_hex(8)}"
    try:
        store.storage.put(probe, b"")
        is_heeded = create(store.storage, probe, b"") is not True
        store.storage.delete(probe)
    except AqueductError as error:
        raise IntegrationError(
            f"the artifact store {store.url} can't be written: {error.message}",
            hint="workflows are put there, for workers to fetch; Client(store=...) is where it is",
        ) from error

    if not is_heeded:
        raise IntegrationError(
            f"the artifact store {store.url} replaces objects that are to be left as they are: its "
            "server doesn't heed If-None-Match",
            hint='storage_options={"conditional_writes": False}, here and in the Airflow connection '
            "of the store, does without",
        )


def _check_reach(store: ArtifactStore) -> None:
    if store.url.startswith("memory:"):
        raise UnsupportedError(
            "Airflow's workers can't reach a store in the memory of this process",
            hint='Client(store="s3://bucket/prefix") keeps artifacts where they can',
        )


def _tags(dag: Any) -> set[str]:
    return {item["name"] if isinstance(item, dict) else str(item) for item in dag.get("tags", ())}


def _is_since(error: Any, started: datetime) -> bool:
    """Whether an import error is a new one; clocks may differ by a little."""
    try:
        at = datetime.fromisoformat(str(error.get("timestamp")))
    except ValueError:
        return True
    return (at - started).total_seconds() > -_CLOCKS


def _said(trace: str) -> str:
    """What was raised: the last line that isn't about a place."""
    lines = [line for line in trace.splitlines() if line.strip() and not _NOTE.match(line)]
    return lines[-1].strip() if lines else "it doesn't say why"


def _way_out(trace: str, name: str, content: str) -> str:
    if "No module named 'aqueduct_core" in trace:
        return (
            "install aqueduct-core, in this version, where Airflow's DAG processor and workers run"
        )
    # Of a traceback Airflow shows the end alone, which may be within itself.
    numbers = re.findall(rf'{re.escape(name)}", line (\d+)', trace)
    if not numbers:
        return "its DAG processor's log says more"
    lines = content.splitlines()
    number = int(numbers[-1])
    shown = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return f"line {number} of the file: {shown}"
