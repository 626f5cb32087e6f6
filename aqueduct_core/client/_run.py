"""Runs: snapshots of what happened, never computed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from aqueduct_core._offers import offer
from aqueduct_core.client._artifact import CheckResult, RunArtifact
from aqueduct_core.client._cards import run_html
from aqueduct_core.client._engines import LOCAL, engine_here, is_here
from aqueduct_core.client._graph import GraphView
from aqueduct_core.client._logs import read_log
from aqueduct_core.client._markup import escape
from aqueduct_core.client._parameters import values_of
from aqueduct_core.engines._watch import FINISHED, watch
from aqueduct_core.errors import NotFoundError, ParameterError, RunTimeoutError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.dag import FlowSpec
    from aqueduct_core.reference import ArtifactRef
    from aqueduct_core.runtime import Failure, Result
    from aqueduct_core.tracking import RunRecord, VersionDetail

__all__ = ["Run", "all_runs", "is_lost", "newest"]

_PAGE = 100
_LOOKS = (0.02, 1.0)  # the shortest and the longest pause between two looks, in seconds


def newest(session: Session, flow: str | None, limit: Any) -> list[Run]:
    """The newest runs of a workflow or of all, at most so many; see `Flow.runs`."""
    if limit is not None and (type(limit) is not int or limit < 0):
        raise ParameterError(f"runs(limit={limit!r})", hint="a whole number, or None for all runs")
    return [Run(record, session) for record in islice(all_runs(session, flow), limit)]


def all_runs(session: Session, flow: str | None = None) -> Iterator[RunRecord]:
    """Runs of a workflow or of all, the newest first."""
    cursor: str | None = None
    while True:
        page = session.tracking.runs(flow, cursor=cursor, limit=_PAGE)
        yield from page
        cursor = page.cursor
        if cursor is None:
            return


class Run:
    """One run of a workflow. As long as it hasn't ended, each question looks at how it stands.

    Attributes:
        id: The run key.
    """

    def __init__(self, record: RunRecord, session: Session) -> None:
        self.id: str = record.id
        self._record = record
        self._session = session
        self._content: VersionDetail | None = None

    def __repr__(self) -> str:
        try:
            failed = [item.name for item in self.operators() if item.state == "failed"]
        except NotFoundError:
            return f"<Run {self.id}: deleted>"
        more = f", {', '.join(failed[:3])} failed" if failed else ""
        return f"<Run {self.id} of {self._spec.name!r}: {self.status}{more}>"

    def _repr_html_(self) -> str:
        try:
            return run_html(self)
        except NotFoundError:
            return escape(self)

    @property
    def flow(self) -> str:
        """The name of the workflow."""
        return self._spec.name

    @property
    def status(self) -> str:
        """Its state by now.

        `pending`, `running`, `succeeded`, `warning`, `failed`, `canceled` or `skipped`. A run whose
        process is gone is `failed`; `reason` says so.
        """
        record = self._fresh()
        return "failed" if is_lost(record) else record.state

    @property
    def reason(self) -> str | None:
        """Why it ended as it did, in a sentence, where there is something to say."""
        record = self._fresh()
        if is_lost(record):
            return (
                f"the process that ran it ({record.owner}) is gone: it was killed, or its machine "
                "went down. retry() goes on where it stopped"
            )
        return record.reason

    @property
    def version(self) -> str:
        """The digest of the version that ran."""
        return self._record.version

    @property
    def started(self) -> datetime:
        """When it was started for the first time."""
        return self._record.started

    @property
    def resumed(self) -> datetime | None:
        """When it went on last, if it was retried, or if its process had been killed."""
        return self._fresh().resumed

    @property
    def ended(self) -> datetime | None:
        """When it ended; None while it runs."""
        return self._fresh().ended

    @property
    def duration(self) -> float | None:
        """How many seconds it took; None while it runs.

        Of a run that was retried, how many the retry took: `ended - started` is the whole.
        """
        return self._fresh().seconds

    @property
    def trigger(self) -> str:
        """What started it: `manual`, `schedule`, `after` or `retry`."""
        return self._record.trigger

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until it has ended.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.

        Returns:
            This run.

        Raises:
            RunTimeoutError: It hasn't ended by then. It goes on.
        """
        if watch(lambda: self.status, timeout, _LOOKS) not in FINISHED:
            raise RunTimeoutError(
                f"the run {self.id} has not ended within {timeout:g} seconds",
                hint="it goes on: wait() waits for its end, cancel() stops it",
            )
        return self

    def cancel(self) -> None:
        """Stop it, with everything that its operators have started."""
        record = self._fresh()
        if is_lost(record):
            reason = "canceled when the process that ran it was gone"
            self._session.tracking.finish_run(self.id, "canceled", reason=reason, flow=record.flow)
        elif is_here(self._session, record.engine):
            engine_here(self._session, record.engine).cancel(self.id, flow=record.flow)
        elif record.ended is None:
            self._session.clusters.runs(record.engine).cancel(record)

    def retry(self, *, wait: bool = True, quiet: bool = False) -> Run:
        """Run what failed again, and what was skipped or stopped; the rest stays as it is.

        Args:
            wait: Whether to wait until it has ended.
            quiet: Don't show how it goes.

        Returns:
            This run.
        """
        from aqueduct_core.client._start import retry

        self._record = retry(self._session, self._fresh(), wait=wait, quiet=quiet)._record
        return self

    def graph(self) -> GraphView:
        """The graph as it was, with what became of each operator."""
        results = self.operators()
        states = {item.name: item.state for item in results}
        notes = {item.name: _note(item) for item in results}
        return GraphView(self._spec, states, notes)

    def operators(self) -> list[Result]:
        """The results of all operators that have come to an end, in the order of the graph."""
        found = self._session.tracking.results(self.id, flow=self._fresh().flow)
        by_name = {item.name: item for item in found}
        return [by_name[name] for name in self._spec.operators if name in by_name]

    def operator(self, name: str) -> Result:
        """The result of one operator.

        Raises:
            NotFoundError: There is none of this name, or it hasn't come to an end.
        """
        self._check_operator(name)
        for result in self.operators():
            if result.name == name:
                return result
        raise NotFoundError(
            f"the operator {name!r} has no result in run {self.id}",
            hint=f"the run is {self.status}",
        )

    def artifacts(self) -> dict[str, RunArtifact]:
        """All stored artifacts by name."""
        return {
            name: RunArtifact(name, ref, self._session.store)
            for result in self.operators()
            for name, ref in self._outputs(result)
        }

    def artifact(self, name: str) -> RunArtifact:
        """One stored artifact.

        Args:
            name: The operator's name; where it has several outputs, `operator.output`, or the
                output's name alone if only one operator has it.

        Raises:
            NotFoundError: There is none; the text says why, if the operator did not succeed.
        """
        found = self.artifacts()
        if name in found:
            return found[name]
        short = [item for full, item in found.items() if full.endswith(f".{name}")]
        if len(short) == 1:
            return short[0]
        for result in self.operators():
            if result.name == name and result.state != "succeeded":
                way = f"run.error({name!r}) shows what it raised"
                raise NotFoundError(
                    f"{name!r} has no artifact in run {self.id}: it {_told(result.state)}"
                    + (f", {result.reason}" if result.reason else ""),
                    hint=way if result.error else "run.operators() tells how all of them ended",
                )
        raise _not_found("artifact", name, list(found))

    def metrics(self) -> dict[str, Any]:
        """The value of each metric that was computed; a number of NumPy as the same one of Python."""
        return {
            result.name: _plain(self._session.store.get(ref))
            for result in self.operators()
            if result.kind == "metric"
            for ref in result.outputs.values()
        }

    def parameters(self) -> dict[str, Any]:
        """The value that each parameter had."""
        return values_of(self._spec, self._record.parameters, self._session.store)

    def checks(self) -> dict[str, CheckResult]:
        """What each check found."""
        return {
            result.name: CheckResult(
                result.name, result.severity or "warning", result.passed, result.reason
            )
            for result in self.operators()
            if result.kind == "check"
        }

    def logs(self, operator: str, stream: Literal["stdout", "stderr"] | None = None) -> str:
        """What an operator printed, also while it runs.

        Args:
            operator: Its name.
            stream: One of the streams; by default both, one after the other.
        """
        self._check_operator(operator)
        streams = ("stdout", "stderr") if stream is None else (stream,)
        uuid = self._version.ids[operator]
        return "".join(read_log(self._session.store.storage, uuid, self.id, one) for one in streams)

    def error(self, operator: str) -> Failure | None:
        """What an operator raised, or None."""
        return self.operator(operator).error

    def errors(self) -> dict[str, Failure]:
        """What operators raised, by their names."""
        return {result.name: result.error for result in self.operators() if result.error}

    def code(self, operator: str) -> str | None:
        """The text of an operator's function or query as it was; None where there is none."""
        self._check_operator(operator)
        task = self._spec.operators[operator].task
        text = task.get("source", task.get("query"))
        return None if text is None else str(text)

    @property
    def _version(self) -> VersionDetail:
        if self._content is None:
            record = self._record
            self._content = self._session.tracking.version(record.flow, record.version)
        return self._content

    @property
    def _spec(self) -> FlowSpec:
        return self._version.spec

    def _fresh(self) -> RunRecord:
        record = self._record
        # A server says that a run has failed when its process is gone; another may go on with it.
        if record.state in FINISHED and record.ended is not None:
            return record
        try:
            if is_here(self._session, record.engine):
                self._record = self._session.tracking.run(self.id, flow=record.flow)
            else:
                self._record = self._session.clusters.refresh(record)
        except NotFoundError as error:
            raise NotFoundError(
                f"the run {self.id} is not there any more",
                hint="it was deleted: with its workflow, or as an older run, by keep_runs=",
            ) from error
        return self._record

    def _outputs(self, result: Result) -> Iterator[tuple[str, ArtifactRef]]:
        spec = self._spec.operators[result.name]
        for output, ref in result.outputs.items():
            yield spec.output_name(output), ref

    def _check_operator(self, name: str) -> None:
        if name not in self._spec.operators:
            raise _not_found("operator", name, list(self._spec.operators))


def is_lost(record: RunRecord) -> bool:
    """Whether nobody runs it any more, though nobody has said how it ended."""
    if record.state != "running" or record.engine != LOCAL:
        return False
    from aqueduct_core.engines.local._owner import is_abandoned

    return is_abandoned(record)


def _plain(number: Any) -> Any:
    return number.item() if type(number).__module__ == "numpy" else number


def _note(result: Result) -> str:
    if result.cached is not None:
        return f"{result.kind}, unchanged"
    if not result.seconds:
        return result.kind
    seconds = result.duration
    return (
        f"{result.kind}, {seconds * 1000:.0f} ms"
        if seconds < 1
        else f"{result.kind}, {seconds:.1f} s"
    )


def _told(state: str) -> str:
    return state if state in ("failed", "succeeded") else f"was {state}"


def _not_found(what: str, name: str, there: Sequence[str]) -> NotFoundError:
    return NotFoundError(f"there is no {what} {name!r} in this run", hint=offer(name, there))
