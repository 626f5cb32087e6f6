"""Publishing: from handles to a version, its record, and a first run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._connect import notifications
from aqueduct_core.client._engines import LOCAL, airflow_engine, deploy, is_here, leave
from aqueduct_core.client._flow import Flow
from aqueduct_core.client._progress import say
from aqueduct_core.client._start import start
from aqueduct_core.client._troubles import troubles
from aqueduct_core.client._words import as_time
from aqueduct_core.dag import Artifact, Graph, OperatorFunction, Schedule, Version, check_name
from aqueduct_core.errors import GraphError, NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session

__all__ = ["Options", "publish"]

_MAPPING = "a dict, by name"
# What options that are given must be, and how one says that.
_TYPES: Mapping[str, tuple[Any, str]] = {
    "description": (str, "a text"),
    "schedule": (
        Schedule,
        "what aq.hourly(), aq.daily(), aq.weekly(), aq.monthly() or aq.cron() gives",
    ),
    "after": (str | Flow, "a workflow or its name"),
    "engine": (str, 'a name: "local", or that of a cluster that was connected'),
    "parameters": (Mapping, _MAPPING),
    "notify": (Mapping, _MAPPING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `Client.publish_flow` takes besides names and artifacts; see there."""

    description: str = ""
    schedule: Schedule | None = None
    after: Flow | str | None = None
    engine: str | None = None
    parameters: Mapping[str, Any] | None = None
    keep_runs: int | None = None
    run_now: bool = True
    notify: Mapping[str, Any] | None = None
    tags: Sequence[str] | None = None
    wait: bool = True
    quiet: bool = False


def publish(
    session: Session,
    name: str,
    artifacts: Artifact | Sequence[Artifact],
    metrics: Sequence[Artifact] | None,
    checks: Sequence[Artifact] | None,
    options: Options,
) -> Flow:
    """Publish a workflow, and run it; see `Client.publish_flow`."""
    chosen = _listed(artifacts)
    _check(name, options)
    if not session.is_remote:
        session.check()
    settings = {
        "notify": options.notify,
        "keep_runs": options.keep_runs,
        "tags": _checked_tags(options.tags),
    }
    graph = Graph.of(chosen, metrics=metrics, checks=checks)
    _check_owner(session, name, graph)
    graph.override(options.parameters or {})
    _check_notify(session, options.notify or {})
    after = _leader(session, name, options.after)
    is_local = is_here(session, options.engine or LOCAL)
    if options.engine is not None and not is_local and not session.is_remote:
        airflow_engine(session, options.engine)
    run_now = options.run_now and is_local
    if run_now and options.engine in (None, LOCAL):
        session.engine.prepare()  # a worker starts while functions are captured
    version = Version.of(
        name,
        graph,
        schedule=options.schedule,
        after=after,
        engine=options.engine or LOCAL,
        description=options.description,
    )
    version.save(session.store)
    is_new, said = _record(session, version, settings, quiet=options.quiet)
    flow = Flow(session.tracking.flow(version.flow), session)
    if not options.quiet:
        say(*_published(session, version, is_new, run_now=run_now), *said)
    if run_now:
        _run(session, flow, version, options)
    return flow


def _record(
    session: Session, version: Version, settings: Mapping[str, Any], *, quiet: bool
) -> tuple[bool, list[str]]:
    """Make it the current version, and hand it to the cluster that runs it, if there is one."""
    if session.is_remote:
        there: Any = session
        told: tuple[bool, list[str]] = there.publish(version, **settings)
        return told
    is_local = version.spec.engine == LOCAL
    before = session.tracking.flow_named(version.name)
    said = [] if is_local else deploy(session, version, settings["tags"], quiet=quiet)
    is_new = session.tracking.publish(version, **settings)
    return is_new, said + leave(session, before, version)


def _listed(artifacts: Any) -> list[Artifact]:
    """One artifact, or several, as a list; anything else is refused."""
    found = [artifacts] if isinstance(artifacts, Artifact) else artifacts
    listed = list(found) if isinstance(found, Iterable) else []
    if not listed or not all(isinstance(artifact, Artifact) for artifact in listed):
        uncalled = [item for item in (artifacts, *listed) if isinstance(item, OperatorFunction)]
        raise GraphError(
            f"publish_flow takes the artifacts that the workflow is for, not {artifacts!r:.200}",
            hint=f"call the function: {uncalled[0].name}(...) is its artifact"
            if uncalled
            else "pass what an @op or a query returned: artifacts=[predictions]",
        )
    return listed


def _check(name: str, options: Options) -> None:
    check_name("publish_flow", name, 'publish_flow("Customer Churn", ...)')
    for option, (wanted, told) in _TYPES.items():
        value = getattr(options, option)
        if value is not None and not isinstance(value, wanted):
            raise ParameterError(f"publish_flow({option}={value!r})", hint=f"it takes {told}")
    if options.schedule is not None and options.after is not None:
        raise ParameterError(
            "a workflow starts by its schedule or after another one, not both",
            hint="leave out schedule= or after=",
        )
    keep = options.keep_runs
    if keep is not None and (type(keep) is not int or keep < 1):
        raise ParameterError(
            f"keep_runs={keep!r}", hint="a whole number from 1, or None to keep all runs"
        )


def _checked_tags(tags: Sequence[str] | None) -> Sequence[str]:
    if tags is None:
        return ()
    from aqueduct_core.tracking import checked_tags  # with the database: a worker starts before it

    return checked_tags(tags)


def _check_owner(session: Session, name: str, graph: Graph) -> None:
    if graph.owner not in (None, session.owner):
        raise GraphError(
            f"{name!r} is made of artifacts of {graph.owner}, and is published with "
            f"{session.owner}",
            hint="make its queries and parameters with the client that publishes it",
        )


def _check_notify(session: Session, levels: Mapping[str, Any]) -> None:
    if not levels:
        return
    from aqueduct_core.notifications import LEVELS

    known = {item.name for item in notifications(session)}
    for name, level in levels.items():
        if name not in known:
            listed = ", ".join(map(repr, sorted(known))) or "nobody"
            raise NotFoundError(
                f"notify names {name!r}, and there is no such receiver of messages",
                hint=f'there is: {listed}; connect_integration(name, "email", ...) adds one',
            )
        if level not in LEVELS:
            raise ParameterError(
                f"notify={{{name!r}: {level!r}}}", hint=f"the levels are {', '.join(LEVELS)}"
            )


def _leader(session: Session, name: str, after: Flow | str | None) -> str | None:
    """The name of the workflow that this one follows.

    Raises:
        NotFoundError: There is no such workflow.
        GraphError: It follows this one.
    """
    if after is None:
        return None
    leader = after.name if isinstance(after, Flow) else after
    chain = [name]
    current: str | None = leader
    while current is not None:
        chain.append(current)
        if current == name:
            raise GraphError(
                f"workflows would start each other for ever: {' -> '.join(reversed(chain))}",
                hint="leave out after= in one of them",
            )
        record = session.tracking.flow_named(current)
        if record is None and current == leader:
            raise NotFoundError(
                f"there is no workflow {leader!r} to run after", hint="publish it first"
            )
        current = record.after if record is not None else None
    return leader


def _published(session: Session, version: Version, is_new: bool, *, run_now: bool) -> list[str]:
    known = session.tracking.versions(version.flow)
    number = next(item.number for item in known if item.digest == version.digest)
    what = f"version {number} published" if is_new else f"version {number}, nothing has changed"
    lines = [f"{version.name!r}: {what}"]
    by_itself = version.spec.schedule is not None or version.spec.after is not None
    if by_itself and is_here(session, version.spec.engine):
        starter = "the server" if session.is_remote else "`aqueduct scheduler`"
        lines.append(f"  it runs by itself while {starter} is running")
    lines += [
        f"  the save to {item.task.get('table')!r} has mode='fail', so a second run will stop "
        "there: mode='replace' or 'append' goes on"
        for item in version.spec.of_kind("save")
        if item.task.get("mode") == "fail" and (version.spec.schedule or number > 1)
    ]
    lines += [f"  {note}" for note in version.metadata.get("notes", ())]
    if not run_now:
        lines.append(
            f"  client.trigger({version.name!r}) runs it; everything is in {_where(session)}"
        )
    return lines


def _run(session: Session, flow: Flow, version: Version, options: Options) -> None:
    record = session.tracking.flow(flow.id)
    run = start(
        session,
        record,
        options.parameters or {},
        wait=options.wait,
        quiet=options.quiet,
        version=version,
    )
    if options.quiet:
        return
    if not options.wait:
        say(f"  run {run.id} goes on in the background; flow.latest() shows it")
        return
    duration = run.duration
    took = "" if duration is None else f" in {as_time(duration)}"
    how = "succeeded with warnings" if run.status == "warning" else run.status
    lines = [f"  run {run.id} {how}{took}"]
    lines += [f"    {line}" for line in troubles(run.operators())]
    look = f"  look at it: client.flow({flow.name!r}).latest(), or "
    if session.is_remote:
        lines.append(f"{look}{_where(session)}/flows/{flow.id}/runs/{run.id}")
    else:
        lines.append(f"{look}aqueduct run show {run.id}; everything is in {_where(session)}")
    say(*lines)


def _where(session: Session) -> str:
    return session.place
