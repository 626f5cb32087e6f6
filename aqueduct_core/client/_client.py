"""The embedded client: everything in one folder, no server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._flow import Flow
from aqueduct_core.client._home import Home
from aqueduct_core.client._run import Run
from aqueduct_core.dag import (
    OUTPUT,
    Artifact,
    GenericArtifact,
    Graph,
    Operator,
    Parameter,
    Schedule,
    Version,
    call_site,
    flow_id,
)
from aqueduct_core.engines.base import Progress, RunState, Trigger
from aqueduct_core.engines.local import LocalEngine
from aqueduct_core.errors import GraphError, NotFoundError, UnsupportedError
from aqueduct_core.integrations import Integration, Save, open_integration
from aqueduct_core.store import ArtifactStore
from aqueduct_core.tracking import Records

if TYPE_CHECKING:
    from aqueduct_core.integrations import SqlIntegration

__all__ = ["Client"]

_FORMAT = 1


class Client:
    """The way to integrations, workflows and runs.

    Without arguments it works in a folder of its own, `AQUEDUCT_HOME` or `~/.aqueduct`, and needs
    no server.

    Args:
        api_key: For a server; not in this release.
        address: For a server; not in this release.
        home: Another folder to work in.
    """

    def __init__(
        self,
        api_key: str | None = None,
        address: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
    ) -> None:
        if api_key is not None or address is not None:
            raise UnsupportedError(
                "this release has no server to connect to",
                hint="Client() works embedded, in a folder of its own",
            )
        self._home = Home(home)
        self.store = ArtifactStore(self._home.artifacts, signing_key=self._home.signing_key())
        self._records = Records(self.store.storage)
        self._engine = LocalEngine(self.store, self._records)
        self._integrations: dict[str, Integration] = {}

    def __repr__(self) -> str:
        return f"<Client in {self._home.path}>"

    @property
    def home(self) -> str:
        """The folder that everything is kept in."""
        return str(self._home.path)

    def connect_integration(self, name: str, kind: str, **config: Any) -> SqlIntegration:
        """Make a data system known under a name, and connect to it once.

        Args:
            name: What workflows call it; what had this name before is replaced.
            kind: `sqlite`.
            **config: What the kind takes: `path` for `sqlite`.

        Raises:
            UnsupportedError: This release has no such kind.
            IntegrationError: It can't be reached.
        """
        integration = open_integration(name, kind, config)
        integration.test()
        self._home.put_integration(name, {"kind": kind, "config": dict(integration.config())})
        self._integrations[name] = integration
        return integration  # type: ignore[return-value]  # every kind so far is a SQL database

    def integration(self, name: str) -> SqlIntegration:
        """A data system that was connected before, also by another program.

        Raises:
            NotFoundError: There is none of this name.
        """
        if name not in self._integrations:
            data = self._home.integration(name)
            if data is None:
                listed = ", ".join(map(repr, self._home.integrations())) or "none"
                raise NotFoundError(
                    f"there is no integration {name!r}",
                    hint=f"there is: {listed}; connect_integration adds one",
                )
            self._integrations[name] = open_integration(name, data["kind"], data["config"])
        return self._integrations[name]  # type: ignore[return-value]  # as above

    def integrations(self) -> dict[str, SqlIntegration]:
        """All data systems that are known, by name."""
        return {name: self.integration(name) for name in self._home.integrations()}

    def delete_integration(self, name: str) -> None:
        """Forget a data system; its data stays where it is."""
        self.integration(name)
        self._integrations.pop(name, None)
        self._home.delete_integration(name)

    def create_param(self, name: str, default: Any, *, description: str = "") -> Artifact:
        """A named input of a workflow, which every run may override.

        Args:
            name: Its name.
            default: Its value where nobody gives another; any value that can be stored.
            description: A sentence for people.
        """
        task = Parameter(default)
        operator = Operator(name=name, task=task, description=description, site=call_site())
        return GenericArtifact(operator, OUTPUT)

    def publish_flow(
        self,
        name: str,
        artifacts: Artifact | Sequence[Artifact],
        metrics: Sequence[Artifact] | None = None,
        checks: Sequence[Artifact] | None = None,
        *,
        description: str = "",
        schedule: Schedule | None = None,
        engine: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        run_now: bool = True,
        progress: Progress | None = None,
        quiet: bool = False,
    ) -> Flow:
        """Publish what some artifacts are computed from as a workflow, and run it.

        Publishing the same again makes no new version.

        Args:
            name: The workflow's name.
            artifacts: What it is for; everything they need comes along.
            metrics: The metrics that come along; by default all that were called on the graph.
            checks: The checks that come along; by default all that were called on the graph.
            description: A sentence for people.
            schedule: When it shall run; recorded in this release, whose engine runs now or never.
            engine: `local`, the default.
            parameters: Other values for some parameters, by name, for the run that starts now.
            run_now: Whether to run it now, and wait for it.
            progress: Called with an operator's name and None when it starts, and with its result.
            quiet: Don't say on standard error where to look.

        Raises:
            GraphError: The artifacts make no workflow.
            ParameterError: There is no such parameter.
            UnsupportedError: There is no such engine in this release.
        """
        chosen = [artifacts] if isinstance(artifacts, Artifact) else list(artifacts)
        _check_publishable(name, chosen, engine)
        graph = Graph.of(chosen, metrics=metrics, checks=checks)
        graph.override(parameters or {})
        version = Version.of(name, graph, schedule=schedule, description=description)
        self._record(version)
        flow = self.flow(name)
        notes = _notes(version) if schedule is not None else []
        if run_now:
            run = self._run(version, parameters or {}, progress)
            notes += [f"{name!r}: run {run.id} {run.status}"]
            notes += [f"  {operator}: {failure}" for operator, failure in run.errors().items()]
        notes.append(f"client.flow({name!r}).latest() shows the run; everything is in {self.home}")
        if not quiet:
            sys.stderr.write("".join(f"{note}\n" for note in notes))
        return flow

    def flow(self, name: str) -> Flow:
        """A published workflow.

        Raises:
            NotFoundError: There is none of this name.
        """
        data = self._records.flow(flow_id(name))
        if data is None:
            listed = ", ".join(repr(flow["name"]) for flow in self._records.flows()) or "none"
            raise NotFoundError(f"there is no workflow {name!r}", hint=f"there is: {listed}")
        return Flow(data, self.store, self._records)

    def flows(self) -> list[Flow]:
        """All published workflows, by name."""
        return [Flow(data, self.store, self._records) for data in self._records.flows()]

    def _record(self, version: Version) -> None:
        """Keep a version; the same one again keeps its date."""
        now = datetime.now(UTC).isoformat()
        if self._records.version(version.flow, version.digest) is None:
            self._records.put_version(
                version.flow,
                version.digest,
                {
                    "format": _FORMAT,
                    "digest": version.digest,
                    "published": now,
                    "spec": version.spec,
                    "operators": dict(version.ids),
                },
            )
        flow = {"format": _FORMAT, "id": version.flow, "name": version.name, "published": now}
        self._records.put_flow(version.flow, {**flow, "version": version.digest})
        self._engine.deploy(version)

    def _run(
        self, version: Version, parameters: Mapping[str, Any], progress: Progress | None
    ) -> Run:
        now = datetime.now(UTC)
        # Sorts by time; the random end keeps two that start at once apart.
        key = f"{now:%Y%m%dT%H%M%S}{now.microsecond:06}Z-{token_hex(3)}"
        data = {
            "format": _FORMAT,
            "id": key,
            "flow": version.flow,
            "name": version.name,
            "version": version.digest,
            "engine": self._engine.kind,
            "started": now.isoformat(),
            "parameters": list(parameters),
            "operators": [{"name": name, "id": uuid} for name, uuid in version.ids.items()],
        }
        start = perf_counter()
        state: RunState = "canceled"  # what it stays if somebody interrupts it
        self._records.put_run(version.flow, key, {**data, "status": "running", "seconds": None})
        try:
            state = self._engine.trigger(version, Trigger(key, parameters, progress))
        except Exception:
            state = "failed"
            raise
        finally:
            data |= {"status": state, "seconds": round(perf_counter() - start, 6)}
            self._records.put_run(version.flow, key, data)
        return Run(data, self.store, self._records)


def _check_publishable(name: str, artifacts: Sequence[Any], engine: str | None) -> None:
    if not name or not name.strip():
        raise GraphError("a workflow needs a name", hint='publish_flow("Customer Churn", ...)')
    if not artifacts or not all(isinstance(artifact, Artifact) for artifact in artifacts):
        raise GraphError(
            f"publish_flow takes the artifacts that the workflow is for, not {artifacts!r}",
            hint="pass what an @op or a query returned: artifacts=[predictions]",
        )
    if engine not in (None, "local"):
        raise UnsupportedError(
            f"there is no engine {engine!r}: this release runs workflows in this process",
            hint='leave out engine=, or pass engine="local"',
        )


def _notes(version: Version) -> list[str]:
    recorded = (
        f"the schedule of {version.name!r} is recorded; this release has no scheduler, so it runs "
        "only when it is published"
    )
    return [
        recorded,
        *(
            f"the save to {operator.task.table_name!r} has mode='fail', so a second run will stop "
            "there: mode='replace' or 'append' goes on"
            for operator in version.graph.operators
            if isinstance(operator.task, Save) and operator.task.mode == "fail"
        ),
    ]
