"""The embedded client: everything in one folder, no server."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from aqueduct_core._offers import offer
from aqueduct_core.client._imports import no_garbage
from aqueduct_core.client._session import Session
from aqueduct_core.dag import (
    OUTPUT,
    Artifact,
    GenericArtifact,
    Operator,
    Parameter,
    Schedule,
    call_site,
    check_name,
    find_artifact,
    refusal,
)
from aqueduct_core.errors import MissingExtraError, NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client._connect import Connected, Unopened
    from aqueduct_core.client._delete import Deletion
    from aqueduct_core.client._flow import Flow
    from aqueduct_core.client._run import Run
    from aqueduct_core.engines.airflow import AirflowCluster
    from aqueduct_core.integrations import FileIntegration, SqlIntegration
    from aqueduct_core.notifications import Level, Notification
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord

__all__ = ["Client"]


class Client:
    """The way to integrations, workflows and runs.

    Without arguments it works in a folder of its own, `AQUEDUCT_HOME` or `~/.aqueduct`, and needs
    no server. With a key and an address it works in the workspace of that server, with the same
    methods and the same results.

    Args:
        api_key: A key for a server; by default `AQUEDUCT_API_KEY`, if there is an address.
        address: The server's URL: `http://host:8080`.
        home: Another folder to work in.
        database: The URL of another database than the one in that folder, for several machines that
            share it: `postgresql://...`, `mariadb://...`. By default `AQUEDUCT_DATABASE`.
        store: The URL of another artifact store: `s3://bucket/prefix`, ... By default
            `AQUEDUCT_STORE`. All who share it need the same `AQUEDUCT_SIGNING_KEY`.
        storage_options: What `open_storage` takes for that URL.
        workers: How many operators run at a time on this machine. By default `AQUEDUCT_WORKERS`, or
            one for each core.
    """

    def __init__(
        self,
        api_key: str | None = None,
        address: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        database: str | None = None,
        store: str | os.PathLike[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        workers: int | None = None,
    ) -> None:
        if api_key is not None or address is not None:
            _check_embedded(home, database, store, storage_options, workers)
            self._session = _remote(api_key, address)
        else:
            self._session = Session(home, database, store, storage_options, workers)

    def __repr__(self) -> str:
        return f"<Client in {self._session.place}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let workers and connections go; runs that are going on are waited for.

        A program that ends does the same by itself.
        """
        self._session.close()

    @property
    def home(self) -> str:
        """The folder that everything is kept in; the address of the server, if there is one."""
        return self._session.place

    @property
    def store(self) -> ArtifactStore:
        """The store of all artifacts; it signs what it holds."""
        return self._session.store

    @overload
    def connect_integration(
        self, name: str, kind: Literal["email", "slack", "webhook"], **config: Any
    ) -> Notification: ...
    @overload
    def connect_integration(
        self, name: str, kind: Literal["airflow"], **config: Any
    ) -> AirflowCluster: ...
    @overload
    def connect_integration(
        self, name: str, kind: Literal["filesystem", "s3", "gcs", "azure"], **config: Any
    ) -> FileIntegration: ...
    @overload
    def connect_integration(self, name: str, kind: str, **config: Any) -> SqlIntegration: ...
    def connect_integration(self, name: str, kind: str, **config: Any) -> Connected:
        """Make a data system, or somebody who is told about runs, known; and connect to it once.

        Secrets in the configuration are encrypted before they are kept.

        Args:
            name: What workflows call it; what had this name before is replaced.
            kind: `sqlite`, `postgres`, ...; `filesystem`, `s3`, `gcs` or `azure`; `airflow`; `email`, `slack` or `webhook`.
            **config: What the kind takes: `path` for `sqlite`.

        Raises:
            UnsupportedError: This release has no such kind.
            IntegrationError: It can't be reached.
        """
        from aqueduct_core.client._connect import connect

        return connect(self._session, name, kind, config)

    def integration(self, name: str) -> Any:
        """What was connected under this name before, also by another program.

        Raises:
            NotFoundError: There is none of this name.
        """
        from aqueduct_core.client._connect import connected

        return connected(self._session, name)

    def integrations(self) -> dict[str, Connected | Unopened]:
        """All data systems, and all who are told about runs, by name.

        One that can't be opened, such as one whose package isn't installed, is listed with its `error`.
        """
        from aqueduct_core.client._connect import every

        return every(self._session)

    def delete_integration(self, name: str, *, force: bool = False) -> None:
        """Forget a data system; its data stays where it is.

        Args:
            name: Its name.
            force: Also if workflows use it, which can't run any more then.

        Raises:
            NotFoundError: There is none of this name.
            IntegrationError: Workflows use it; the text lists them.
        """
        from aqueduct_core.client._connect import disconnect

        disconnect(self._session, name, force=force)

    def create_param(self, name: str, default: Any, *, description: str = "") -> Artifact:
        """A named input of a workflow, which every run may override.

        Args:
            name: Its name.
            default: Its value where nobody gives another; any value that can be stored.
            description: A sentence for people.

        Raises:
            GraphError: The name is no line of text, or the default is no plain value.
        """
        check_name("create_param", name, 'create_param("country", "US")')
        if find_artifact(default):
            raise refusal(
                f"create_param: the default of {name!r} is an artifact, or has one inside",
                hint="pass the artifact to the operators themselves; a parameter is a plain value",
            )
        operator = Operator(
            name=name,
            task=Parameter(default),
            description=description,
            site=call_site(),
            owner=self._session.owner,
        )
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
        after: Flow | str | None = None,
        engine: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        keep_runs: int | None = None,
        run_now: bool = True,
        notify: Mapping[str, Level] | None = None,
        tags: Sequence[str] | None = None,
        wait: bool = True,
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
            schedule: When it runs by itself, while `aqueduct scheduler` is running.
            after: Run it whenever this other workflow has succeeded.
            engine: `local`, the default; or the name of an Airflow cluster that was connected. It gets
                the workflow as a DAG, and runs it from then on.
            parameters: Other values for some parameters, by name, for the run that starts now.
            keep_runs: How many finished runs to keep; older ones are deleted after each run, with
                their data. All by default.
            run_now: Whether to run it now.
            notify: From which end of a run on somebody is told about it, by name: `"success"`,
                `"warning"`, `"error"` or `"never"`. Others are told as they were connected.
            tags: Words that people find it by. They are no part of a version.
            wait: Whether to wait for that run. Otherwise it goes on in the background; this program
                doesn't exit before it has ended.
            quiet: Don't show how it goes, nor say where to look.

        Raises:
            GraphError: The artifacts make no workflow, or belong to another client.
            ParameterError: There is no such parameter, or it can't have this value.
            UnsupportedError: There is no such engine in this release.
        """
        with no_garbage():
            from aqueduct_core.client._publish import Options, publish

        options = Options(
            description=description,
            schedule=schedule,
            after=after,
            engine=engine,
            parameters=parameters,
            keep_runs=keep_runs,
            run_now=run_now,
            notify=notify,
            tags=tags,
            wait=wait,
            quiet=quiet,
        )
        return publish(self._session, name, artifacts, metrics, checks, options)

    def flow(self, name: str) -> Flow:
        """A published workflow.

        Raises:
            NotFoundError: There is none of this name.
        """
        from aqueduct_core.client._flow import Flow

        return Flow(self._record(name), self._session)

    def flows(self, *, tag: str | None = None) -> list[Flow]:
        """All published workflows, by name.

        Args:
            tag: Only those that have this tag.
        """
        from aqueduct_core.client._flow import Flow, all_flows

        return [Flow(record, self._session) for record in all_flows(self._session, tag)]

    def trigger(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        wait: bool = True,
        quiet: bool = False,
    ) -> Run:
        """Run a workflow now; see `Flow.trigger`."""
        return self.flow(name).trigger(parameters, wait=wait, quiet=quiet)

    def runs(self, *, limit: int | None = None) -> list[Run]:
        """The runs of all workflows, the newest first.

        Args:
            limit: At most so many; all by default.
        """
        from aqueduct_core.client._run import newest

        return newest(self._session, None, limit)

    def run(self, run_id: str) -> Run:
        """A run of any workflow by its id.

        Raises:
            NotFoundError: There is none of this id.
        """
        from aqueduct_core.client._run import Run

        return Run(self._session.tracking.run(run_id), self._session)

    def delete_flow(
        self,
        name: str,
        saved_objects: Sequence[tuple[str, str]] | Literal["all"] = (),
    ) -> Deletion:
        """Delete a workflow, with its versions, its runs and their data.

        Args:
            name: The workflow.
            saved_objects: Also drop these tables that its runs saved: pairs of integration and
                table, as `flow.saved()` lists them, or `"all"`.

        Returns:
            What was deleted, and what could not be.

        Raises:
            NotFoundError: There is no such workflow, or it hasn't saved one of the objects.
            ParameterError: It is running.
        """
        from aqueduct_core.client._delete import delete_flow

        return delete_flow(self._session, self._record(name), saved_objects)

    def _record(self, name: str) -> FlowRecord:
        if not isinstance(name, str):
            raise ParameterError(
                f"a workflow is found by its name, not by {name!r:.100}",
                hint='client.flow("Customer churn"); of a workflow at hand it is flow.name',
            )
        record = self._session.tracking.flow_named(name)
        if record is None:
            from aqueduct_core.client._flow import all_flows

            known = [item.name for item in all_flows(self._session)]
            raise NotFoundError(f"there is no workflow {name!r}", hint=offer(name, known))
        return record


def _remote(api_key: str | None, address: str | None) -> Session:
    """The workspace of a server."""
    try:
        from aqueduct_core.client._remote import RemoteSession
    except ModuleNotFoundError as error:
        library = error.name or "a library"
        raise MissingExtraError(library, "server", "A client of a server") from error
    key = api_key or os.environ.get("AQUEDUCT_API_KEY")
    if not key or not address:
        raise ParameterError(
            "a server needs both a key and an address",
            hint='Client("aq_...", "http://host:8080"); `aqueduct apikey create NAME` makes a key',
        )
    made: Any = RemoteSession(address, key)  # of the same shape, as far as clients need it
    session: Session = made
    return session


def _check_embedded(*options: object) -> None:
    if any(option is not None for option in options):
        raise ParameterError(
            "home, database, store, storage_options and workers are of a workspace on this machine",
            hint="leave them out: the server has its own",
        )
