"""Workflows that were published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._cards import flow_html
from aqueduct_core.client._engines import is_here
from aqueduct_core.client._graph import GraphView
from aqueduct_core.client._markup import escape
from aqueduct_core.client._run import Run, newest
from aqueduct_core.client._words import schedule_words
from aqueduct_core.errors import NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.dag import VersionDiff
    from aqueduct_core.tracking import FlowRecord, VersionDetail, VersionRecord

__all__ = ["Flow", "all_flows"]

_PAGE = 200


def all_flows(session: Session, tag: str | None = None) -> Iterator[FlowRecord]:
    """All published workflows, or those with a tag, by name."""
    tags = () if tag is None else (tag,)
    cursor: str | None = None
    while True:
        page = session.tracking.flows(tags=tags, cursor=cursor, limit=_PAGE)
        yield from page
        cursor = page.cursor
        if cursor is None:
            return


class Flow:
    """A published workflow.

    Attributes:
        id: Its id, made from its name.
        name: Its name.
    """

    def __init__(self, record: FlowRecord, session: Session) -> None:
        self.id: str = record.id
        self.name: str = record.name
        self._session = session

    def __repr__(self) -> str:
        try:
            record = self._record()
        except NotFoundError:
            return f"<Flow {self.name!r}: deleted>"
        last = f", last run {record.last_state}" if record.last_state else ", not run yet"
        schedule = schedule_words(record.schedule)
        when = f", {schedule}" if schedule else ""
        return f"<Flow {self.name!r}{when}{', paused' if record.paused else ''}{last}>"

    def _repr_html_(self) -> str:
        try:
            return flow_html(self)
        except NotFoundError:
            return escape(self)

    @property
    def description(self) -> str:
        """A sentence for people."""
        return self._record().description

    @property
    def schedule(self) -> Mapping[str, Any] | None:
        """When it runs by itself: the schedule's fields and its `kind`."""
        return self._record().schedule

    @property
    def after(self) -> str | None:
        """The name of the workflow whose success starts it."""
        return self._record().after

    @property
    def engine(self) -> str:
        """What runs it."""
        return self._record().engine

    @property
    def paused(self) -> bool:
        """Whether it is kept from starting by itself."""
        return self._record().paused

    @property
    def starts(self) -> str:
        """When it starts by itself, in words; nothing if it doesn't."""
        record = self._record()
        return f"after {record.after}" if record.after else schedule_words(record.schedule)

    @property
    def keep_runs(self) -> int | None:
        """How many finished runs are kept; None for all."""
        return self._record().keep_runs

    @property
    def tags(self) -> list[str]:
        """What people find it by."""
        return list(self._record().tags)

    def versions(self) -> list[VersionRecord]:
        """All versions, the newest first."""
        return self._session.tracking.versions(self.id)

    def version(self, which: VersionRecord | str | int | None = None) -> VersionDetail:
        """A version with its spec.

        Args:
            which: One of `versions()`, its digest or the start of it, or its number; the current one
                by default.

        Raises:
            NotFoundError: There is none.
            ParameterError: Several digests start like this.
        """
        digest = self._record().digest if which is None else self._digest(which)
        return self._session.tracking.version(self.id, digest)

    def diff(
        self,
        a: VersionRecord | str | int | None = None,
        b: VersionRecord | str | int | None = None,
    ) -> VersionDiff:
        """What is different in another version.

        Args:
            a: One of `versions()`, its digest or the start of it, or its number; the version before
                `b` by default.
            b: The same; the newest version by default.
        """
        from aqueduct_core.dag import Version, diff

        self._record()  # it may have been deleted
        known = self.versions()
        newer = known[0] if b is None else self._found(b, known)
        if a is None:
            older = next((item for item in known if item.number < newer.number), newer)
        else:
            older = self._found(a, known)
        store = self._session.store
        one, other = (Version.load(store, self.id, item.digest) for item in (older, newer))
        return diff(one, other)

    def runs(self, *, limit: int | None = None) -> list[Run]:
        """Its runs, the newest first.

        Args:
            limit: At most so many; all by default.
        """
        return newest(self._session, self.id, limit)

    def latest(self) -> Run:
        """The newest run.

        Raises:
            NotFoundError: There is none yet.
        """
        record = self._session.tracking.latest_run(self.id)
        if record is None:
            raise NotFoundError(f"{self.name!r} has not run yet", hint="flow.trigger() runs it")
        return Run(record, self._session)

    def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            NotFoundError: There is none of this id.
        """
        try:
            return Run(self._session.tracking.run(run_id, flow=self.id), self._session)
        except NotFoundError as error:
            raise NotFoundError(
                f"{self.name!r} has no run {run_id!r}", hint="flow.runs() lists what there is"
            ) from error

    def trigger(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        wait: bool = True,
        quiet: bool = False,
    ) -> Run:
        """Run it now.

        Args:
            parameters: Other values for some parameters, by name.
            wait: Whether to wait until the run has ended. Otherwise it goes on in the background;
                this program doesn't exit before it has ended.
            quiet: Don't show how it goes.

        Raises:
            ParameterError: There is no such parameter, or it can't have this value.
        """
        from aqueduct_core.client._start import start

        return start(self._session, self._record(), parameters or {}, wait=wait, quiet=quiet)

    def pause(self) -> None:
        """Keep it from starting by itself, by its schedule or after another workflow.

        Airflow keeps a workflow that is paused from running at all.
        """
        record = self._record()
        if not is_here(self._session, record.engine):
            self._session.clusters.runs(record.engine).pause(record)
        self._session.tracking.pause(self.id)

    def resume(self) -> None:
        """Let it start by itself again."""
        record = self._record()
        if not is_here(self._session, record.engine):
            self._session.clusters.runs(record.engine).resume(record)
        self._session.tracking.resume(self.id)

    def graph(self) -> GraphView:
        """The graph of the current version."""
        return GraphView(self.version().spec)

    def saved(self) -> list[tuple[str, str]]:
        """What its runs have saved: integration and table or path."""
        return self._session.tracking.saved_objects(self.id)

    def _record(self) -> FlowRecord:
        try:
            return self._session.tracking.flow(self.id)
        except NotFoundError as error:
            raise NotFoundError(
                f"the workflow {self.name!r} is not there any more",
                hint="it was deleted; publish_flow() makes it anew",
            ) from error

    def _digest(self, which: VersionRecord | str | int) -> str:
        return self._found(which, self.versions()).digest

    def _found(self, which: VersionRecord | str | int, known: list[VersionRecord]) -> VersionRecord:
        text = which if isinstance(which, str) else str(getattr(which, "digest", which))
        if text.isdecimal() and len(text) < 6:
            found = [item for item in known if item.number == int(text)]
        else:
            found = [
                item
                for item in known
                if item.digest.startswith(text) or item.digest.partition(":")[2].startswith(text)
            ]
        if not found or not text:
            raise NotFoundError(
                f"{self.name!r} has no version {text!r}",
                hint=f"its versions are 1 to {len(known)}; flow.versions() shows their digests",
            )
        if len(found) > 1:
            raise ParameterError(
                f"{len(found)} versions of {self.name!r} start with {text!r}",
                hint="give more of the digest",
            )
        return found[0]
