"""Deleting runs and workflows: their rows, and the data that belongs to them.

Rows go first, in one transaction, and data after them: whoever finds a row finds its data. What is
about to go is noted in `deletions/` before, so that the next deletion ends what a killed one began.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

from aqueduct_core.client._connect import connected, is_data_system
from aqueduct_core.client._engines import forget, withdraw
from aqueduct_core.client._run import Run, all_runs
from aqueduct_core.engines._watch import FINISHED
from aqueduct_core.errors import AqueductError, NotFoundError, ParameterError, StorageNotFoundError
from aqueduct_core.store._keys import LONG, listing_prefix

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord

__all__ = ["Deletion", "apply_retention", "delete_flow"]

_NOTES = "deletions/"
_CONCURRENCY = 16
_ABANDONED = 3600.0  # seconds after which a noted deletion that changed nothing is forgotten
_SWEEP_EVERY = 24 * 3600.0  # seconds between two looks for parts that no artifact uses


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of deleting a workflow.

    Attributes:
        flow: The workflow's name.
        runs: How many runs went with it.
        dropped: Saved tables that were dropped: integration and name.
        left: What could not be deleted, and why.
        followers: Workflows that ran after this one, and don't start by themselves any more.
    """

    flow: str
    runs: int
    dropped: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    followers: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.flow!r} and its {self.runs:,} runs are deleted"]
        lines += [f"dropped {table!r} in {place!r}" for place, table in self.dropped]
        lines += [f"not deleted: {what}: {why}" for what, why in self.left]
        lines += [f"{name!r} ran after it, and won't start by itself" for name in self.followers]
        return "\n".join(lines)


def delete_flow(
    session: Session, flow: FlowRecord, saved: Sequence[tuple[str, str]] | Literal["all"]
) -> Deletion:
    """Delete a workflow; see `Client.delete_flow`."""
    _check_pairs(saved)
    if session.is_remote:
        there: Any = session
        deleted: Deletion = there.delete_flow(flow, saved)
        return deleted
    tracking = session.tracking
    chosen = _chosen(tracking.saved_objects(flow.id), saved)
    _refuse_running(session, flow)
    runs = sum(1 for _ in all_runs(session, flow.id))
    followers = tuple(item.name for item in tracking.followers(flow.name))
    withdraw(session, flow.name, flow.id, flow.engine)
    dropped, left = _drop(session, chosen)
    operators = [
        uuid
        for version in tracking.versions(flow.id)
        for uuid in tracking.version(flow.id, version.digest).ids.values()
    ]
    note = _note(session.store, {"flow": flow.id, "operators": operators, "runs": None})
    tracking.delete_flow(flow.id)
    left += _remove_flow(session.store, flow.id, operators)
    session.store.storage.delete(note)
    _end_interrupted(session)
    try:
        _sweep(session)
    except AqueductError as error:
        left.append(("data that nothing uses any more", error.message))
    return Deletion(flow.name, runs, tuple(dropped), tuple(left), followers)


def apply_retention(session: Session, flow: str) -> None:
    """Delete the runs that a workflow doesn't keep.

    Args:
        session: The workspace.
        flow: The workflow's id.
    """
    keep = session.tracking.flow(flow).keep_runs
    keys = [] if keep is None else session.tracking.expired_runs(flow, keep)
    if keys:
        _delete_runs(session, flow, keys)
        _end_interrupted(session)
        if _is_due(session):
            _sweep(session)


def _delete_runs(session: Session, flow: str, keys: Sequence[str]) -> None:
    tracking, store = session.tracking, session.store
    records = []
    for key in keys:
        with suppress(NotFoundError):  # another run has come to its end, too, and was quicker
            records.append(tracking.run(key, flow=flow))
    versions = {record.version for record in records}
    operators = [
        uuid for digest in versions for uuid in tracking.version(flow, digest).ids.values()
    ]
    note = _note(store, {"flow": flow, "operators": operators, "runs": list(keys)})
    for record in records:
        forget(store, record)
    places = tracking.delete_runs(flow, keys)
    _remove(store, [f"operators/{operator}/{run}/" for operator, run in places])
    store.storage.delete(note)


def _end_interrupted(session: Session) -> None:
    """Remove the data of deletions whose process was killed between rows and data."""
    storage = session.store.storage
    for info in list(storage.list(_NOTES)):
        try:
            note = json.loads(bytes(storage.get(info.key)))
        except StorageNotFoundError:
            continue  # its own process has just ended it
        if note["runs"] is None:
            ended = _is_gone(session, note["flow"])
            if ended:
                _remove_flow(session.store, note["flow"], note["operators"])
        else:
            gone = [key for key in note["runs"] if _is_gone(session, note["flow"], key)]
            folders = [f"operators/{item}/{key}/" for item in note["operators"] for key in gone]
            _remove(session.store, folders)
            ended = len(gone) == len(note["runs"])
        if ended or time.time() - info.modified > _ABANDONED:
            storage.delete(info.key)


def _is_gone(session: Session, flow: str, run: str | None = None) -> bool:
    try:
        if run is None:
            session.tracking.flow(flow)
        else:
            session.tracking.run(run, flow=flow)
    except NotFoundError:
        return True
    return False


def _note(store: ArtifactStore, content: dict[str, Any]) -> str:
    key = f"{_NOTES}{token_hex(16)}.json"
    store.storage.put(key, json.dumps(content).encode())
    return key


def _remove_flow(
    store: ArtifactStore, flow: str, operators: Sequence[str]
) -> list[tuple[str, str]]:
    folders = [*(f"operators/{operator}/" for operator in operators), f"flows/{flow}/"]
    try:
        _remove(store, folders)
    except AqueductError as error:
        return [(f"its data in {store.url}", error.message)]
    return []


def _remove(store: ArtifactStore, folders: Sequence[str]) -> None:
    """Remove artifacts and records under folders; parts go when nothing uses them, with `gc`."""
    storage = store.storage

    def remove(folder: str) -> None:
        for place in (listing_prefix(folder), folder):
            keys = [info.key for info in storage.list(place)]
            if keys:
                storage.delete(*keys)

    with ThreadPoolExecutor(_CONCURRENCY if storage.profile == "remote" else 1) as pool:
        list(pool.map(remove, folders))
    if next(iter(storage.list(LONG)), None) is not None:  # keys that stand elsewhere
        for folder in folders:
            for ref in list(store.list(folder)):
                store.delete(ref.key)


def _check_pairs(saved: Any) -> None:
    if saved == "all":
        return
    pairs = not isinstance(saved, str) and all(
        isinstance(item, tuple | list) and len(item) == 2 for item in saved
    )
    if not pairs:
        raise ParameterError(
            f"saved_objects={saved!r}",
            hint='pairs of integration and name, as flow.saved() gives them, or "all"',
        )


def _chosen(
    known: Sequence[tuple[str, str]], saved: Sequence[tuple[str, str]] | Literal["all"]
) -> list[tuple[str, str]]:
    if saved == "all":
        return list(known)
    wanted = [(place, table) for place, table in saved]
    unknown = [item for item in wanted if item not in known]
    if unknown:
        listed = ", ".join(map(repr, known)) or "nothing"
        raise NotFoundError(
            f"this workflow has not saved {', '.join(map(repr, unknown))}",
            hint=f"it has saved {listed}: saved_objects takes pairs of integration and name",
        )
    return [item for item in known if item in wanted]


def _refuse_running(session: Session, flow: FlowRecord) -> None:
    page = session.tracking.runs(flow.id, states=("pending", "running"))
    running = [run for record in page if (run := Run(record, session)).status not in FINISHED]
    if running:
        raise ParameterError(
            f"{flow.name!r} is running: {', '.join(run.id for run in running)}",
            hint="run.cancel() stops a run; then the workflow can be deleted",
        )


def _drop(
    session: Session, chosen: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    dropped, left = [], []
    for place, table in chosen:
        try:
            database = connected(session, place)
            if is_data_system(database):
                database.drop(table)
        except AqueductError as error:
            left.append((f"{table!r} in {place!r}", error.message))
        else:
            dropped.append((place, table))
    return dropped, left


def _is_due(session: Session) -> bool:
    """Whether it is time to look for unused parts; that means reading every manifest."""
    stamp = session.home.path / "swept"
    try:
        return time.time() - stamp.stat().st_mtime > _SWEEP_EVERY
    except FileNotFoundError:
        return True


def _sweep(session: Session) -> None:
    (session.home.path / "swept").touch()
    session.store.gc()
