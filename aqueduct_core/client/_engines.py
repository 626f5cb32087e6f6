"""Which engine runs a workflow: the one of this machine, or a cluster that was connected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._connect import connected
from aqueduct_core.client._progress import say
from aqueduct_core.engines._plugins import plugin_engines
from aqueduct_core.errors import AqueductError, NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.dag import Version
    from aqueduct_core.engines.airflow import AirflowEngine
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord, RunRecord

__all__ = [
    "LOCAL",
    "airflow_engine",
    "deploy",
    "engine_here",
    "forget",
    "is_here",
    "leave",
    "tag",
    "withdraw",
]

LOCAL = "local"


def is_here(session: Session, name: str) -> bool:
    """Whether an engine belongs to this process: the local one, or that of a plugin."""
    return name == LOCAL or (not session.is_remote and name in plugin_engines())


def engine_here(session: Session, name: str) -> Any:
    """An engine of this process, which `is_here`.

    Raises:
        PluginError: The package that brings it can't be imported.
    """
    return session.engine if name == LOCAL else session.plugin_engine(name)


def airflow_engine(session: Session, name: str) -> AirflowEngine:
    """The engine that a workflow names.

    Raises:
        UnsupportedError: There is no such engine.
    """
    from aqueduct_core.engines.airflow import AirflowCluster, AirflowEngine

    known = [item.name for item in session.tracking.integrations() if item.kind == "airflow"]
    try:
        cluster = connected(session, name)
    except NotFoundError:
        cluster = None
    if not isinstance(cluster, AirflowCluster):
        listed = ", ".join(map(repr, [LOCAL, *plugin_engines(), *known]))
        raise UnsupportedError(
            f"there is no engine {name!r}; there is: {listed}",
            hint=f'client.connect_integration({name!r}, "airflow", url=..., dags=...) makes a cluster '
            "known",
        )
    return AirflowEngine(cluster, session.store, session.home.path / "dags" / name)


def tag(session: Session, flow: FlowRecord, tags: Sequence[str]) -> None:
    """Give a workflow other tags, also on the cluster that runs it.

    Raises:
        ParameterError: One can't be a tag.
        IntegrationError: The cluster's folder of DAGs can't be written.
    """
    from aqueduct_core.dag import Version
    from aqueduct_core.tracking import checked_tags

    named = checked_tags(tags)
    if not is_here(session, flow.engine):
        version = Version.load(session.store, flow.id, flow.digest)
        airflow_engine(session, flow.engine).tag(version, named)
    session.tracking.tag(flow.id, named)


def deploy(session: Session, version: Version, tags: Sequence[str], *, quiet: bool) -> list[str]:
    """Hand a version to the cluster that runs it; returns what is to be said about it."""
    if is_here(session, version.spec.engine):
        engine_here(session, version.spec.engine).deploy(version)
        return []
    engine = airflow_engine(session, version.spec.engine)
    done = engine.deploy(version, None if quiet else say, tags)
    if done.is_waiting:
        return [f"  put {done.file} where {version.spec.engine!r} reads DAG files"]
    return [f"  {version.spec.engine!r} has it as the DAG {done.dag}"]


def withdraw(session: Session, name: str, flow: str, engine: str) -> None:
    """Take a workflow away from the cluster that runs it."""
    if not is_here(session, engine):
        airflow_engine(session, engine).withdraw(name, flow)


def leave(session: Session, before: FlowRecord | None, version: Version) -> list[str]:
    """Take a workflow away from the cluster that has run it, if it is now another engine's.

    Returns:
        What is to be said about it.
    """
    engine = version.spec.engine
    if before is None or before.engine == engine or is_here(session, before.engine):
        return []
    try:
        airflow_engine(session, before.engine).leave(before.name, before.id)
    except AqueductError as error:
        return [f"  it is still on {before.engine!r}: {error.message}"]
    return [f"  it is no longer on {before.engine!r}"]


def forget(store: ArtifactStore, run: RunRecord) -> None:
    """Keep a run that is deleted here from coming back from the cluster that has it, too."""
    if run.engine != LOCAL and run.engine not in plugin_engines():
        from aqueduct_core.engines.airflow._pinned import forget

        forget(store, run.flow, run.id, run.version)
