"""Deletion: rows and data together, nothing that others need, and what a killed process leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.client import _afterwards, _delete
from aqueduct_core.errors import NotFoundError, ParameterError, TrackingError
from aqueduct_core.tracking import Tracking
from tests.client.places import everywhere
from tests.processes import PATIENCE


@aq.op
def table() -> list[int]:
    print("made")
    return [1, 2, 3]


@aq.op(cache=True)
def costly(values: list[int]) -> list[int]:
    return [n + 1 for n in values]


def data_of(client: aq.Client) -> set[str]:
    """The run keys of which there is any data."""
    storage = client.store.storage
    keys = [
        item.key
        for folder in ("operators/", "manifests/operators/")
        for item in storage.list(folder)
    ]
    return {key.removeprefix("manifests/").split("/")[2] for key in keys}


def test_older_runs_go_with_their_data(client: aq.Client) -> None:
    flow = client.publish_flow("flow", table(), quiet=True, keep_runs=2)
    first = flow.latest()
    for _ in range(3):
        flow.trigger(quiet=True)
    kept = flow.runs()
    assert len(kept) == 2
    assert data_of(client) == {run.id for run in kept}
    assert all(run.artifact("table").get() == [1, 2, 3] for run in kept)
    assert repr(first) == f"<Run {first.id}: deleted>"
    assert "deleted" in first._repr_html_()
    with pytest.raises(NotFoundError):
        flow.run(first.id)
    first._record = replace(first._record, state="running", ended=None)  # as it was when it began
    with pytest.raises(NotFoundError, match="is not there any more\nHint: it was deleted"):
        first.wait()
    assert not list(client.store.storage.list("deletions/"))
    assert client.store.verify() == ()


def test_what_another_run_has_cleared_away_is_passed_over(
    client: aq.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = client.publish_flow("flow", table(), quiet=True, keep_runs=3)
    for _ in range(2):
        flow.trigger(quiet=True)
    expired = Tracking.expired_runs

    def overtaken(tracking: Tracking, flow: str, keep: int) -> list[str]:
        found = expired(tracking, flow, 1)
        tracking.delete_runs(flow, found[:1])
        return found

    monkeypatch.setattr(Tracking, "expired_runs", overtaken)
    flow.trigger(quiet=True)
    assert capsys.readouterr().err == ""
    assert len(flow.runs()) == 1


def test_older_runs_go_whoever_can_not_be_told(
    client: aq.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_session: object) -> None:
        raise TrackingError("the secrets can't be decrypted")

    monkeypatch.setattr(_afterwards, "notifications", broken)
    flow = client.publish_flow("flow", table(), quiet=True, keep_runs=1)
    flow.trigger(quiet=True)
    assert capsys.readouterr().err.count("the secrets can't be decrypted") == 2
    assert len(flow.runs()) == 1


def test_what_later_runs_took_from_the_cache_survives(client: aq.Client) -> None:
    flow = client.publish_flow("flow", costly(table()), quiet=True, keep_runs=1)
    first = flow.latest().id
    run = flow.trigger(quiet=True)
    assert run.operator("costly").cached == first
    assert [item.id for item in flow.runs()] == [run.id]
    assert data_of(client) == {run.id}
    client.store.gc()
    assert run.artifact("costly").get() == [2, 3, 4]
    assert client.store.verify() == ()


@everywhere
def test_a_flow_is_deleted_with_everything_that_is_its_own(
    client: aq.Client, tmp_path: Path
) -> None:
    pd = pytest.importorskip("pandas")
    warehouse = client.connect_integration("w", "sqlite", path=tmp_path / "w.db")

    @aq.op
    def frame() -> object:
        return pd.DataFrame({"n": [1]})

    made = frame()
    warehouse.save(made, table_name="one", mode="replace")
    warehouse.save(made, table_name="two", mode="replace")
    flow = client.publish_flow("flow", made, quiet=True)
    other = client.publish_flow("other", table(), quiet=True)
    client.publish_flow("follower", table(), quiet=True, run_now=False, after=flow)
    assert flow.latest().status == "succeeded", flow.latest().errors()
    assert flow.saved() == [("w", "one"), ("w", "two")]
    for what in ("one", ["one"], [1]):
        with pytest.raises(ParameterError, match=r"saved_objects=.*\nHint: pairs of integration"):
            client.delete_flow("flow", saved_objects=what)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match=r"has not saved \('w', 'three'\)[\s\S]*'one'"):
        client.delete_flow("flow", [("w", "three")])
    gone = client.delete_flow("flow", [("w", "one")])
    assert (gone.runs, gone.dropped, gone.left) == (1, (("w", "one"),), ())
    assert gone.followers == ("follower",)
    assert "'follower' ran after it" in str(gone)
    assert warehouse.tables() == ["two"]
    assert [item.name for item in client.flows()] == ["follower", "other"]
    assert data_of(client) == {other.latest().id}
    folders = {item.key.split("/")[1] for item in client.store.storage.list("flows/")}
    assert flow.id not in folders
    assert not list(client.store.list(f"flows/{flow.id}/"))
    assert other.latest().artifact("table").get() == [1, 2, 3]
    assert repr(flow) == "<Flow 'flow': deleted>"
    with pytest.raises(NotFoundError, match="'flow' is not there any more"):
        flow.diff()
    with pytest.raises(NotFoundError, match="no workflow 'flow'"):
        client.delete_flow("flow")


@everywhere
def test_what_can_not_be_dropped_is_told(client: aq.Client, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    (tmp_path / "folder").mkdir()
    warehouse = client.connect_integration("w", "sqlite", path=tmp_path / "folder" / "w.db")

    @aq.op
    def frame() -> object:
        return pd.DataFrame({"n": [1]})

    made = frame()
    warehouse.save(made, table_name="one", mode="replace")
    client.publish_flow("flow", made, quiet=True)
    (tmp_path / "folder").rename(tmp_path / "away")
    gone = client.delete_flow("flow", "all")
    [(what, why)] = gone.left
    assert what == "'one' in 'w'"
    assert "no folder" in why
    assert gone.dropped == ()
    assert "not deleted: 'one' in 'w'" in str(gone)
    assert client.flows() == []


@everywhere
def test_a_flow_that_is_running_stays(client: aq.Client, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    @aq.op
    def waiting() -> str:
        return Path(fifo).read_text()

    flow = client.publish_flow("flow", waiting(), quiet=True, wait=False)
    run = flow.latest()
    with pytest.raises(ParameterError, match=f"is running: {run.id}"):
        client.delete_flow("flow")
    fifo.write_text("go")
    assert run.wait(PATIENCE).status == "succeeded"
    client.delete_flow("flow")
    assert client.flows() == []


KILLED = """
import os, sys
import aqueduct_core as aq
from aqueduct_core.client import _delete

_delete._remove = _delete._remove_flow = lambda *_: os._exit(7)  # rows are gone, data isn't
client = aq.Client()
if sys.argv[1] == "flow":
    client.delete_flow("flow")
else:
    client.flow("flow").trigger(quiet=True)
"""


@pytest.mark.parametrize("what", ["run", "flow"])
def test_what_a_killed_deletion_leaves_goes_with_the_next_one(client: aq.Client, what: str) -> None:
    flow = client.publish_flow("flow", table(), quiet=True, keep_runs=1)
    first = flow.latest().id
    other = client.publish_flow("other", table(), quiet=True, keep_runs=1)
    killed = subprocess.run([sys.executable, "-c", KILLED, what], check=False)
    assert killed.returncode == 7
    assert first in data_of(client)
    assert not any(run.id == first for run in client.runs())
    for run in client.runs():  # whoever finds a row finds its data
        assert run.artifact("table").get() == [1, 2, 3]
    other.trigger(quiet=True)
    assert first not in data_of(client)
    assert data_of(client) == {run.id for run in client.runs()}
    assert not list(client.store.storage.list("deletions/"))


def test_a_deletion_that_changed_nothing_is_forgotten_after_a_while(
    client: aq.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = client.publish_flow("flow", table(), quiet=True, keep_runs=1)
    run = flow.latest()
    session = client._session
    note = {"flow": flow.id, "operators": list(flow.version().ids.values()), "runs": [run.id]}
    _delete._note(client.store, note)
    _delete._end_interrupted(session)
    assert list(client.store.storage.list("deletions/"))  # it may be under way elsewhere
    monkeypatch.setattr(_delete, "_ABANDONED", -1.0)
    _delete._end_interrupted(session)
    assert not list(client.store.storage.list("deletions/"))
    assert run.artifact("table").get() == [1, 2, 3]


def test_unused_parts_go_when_a_flow_is_deleted(client: aq.Client, home: Path) -> None:
    np = pytest.importorskip("numpy")

    @aq.op
    def big() -> object:
        return np.arange(200_000.0)

    client.publish_flow("flow", big(), quiet=True)
    parts = [path for path in (home / "artifacts/parts").rglob("*") if path.is_file()]
    assert parts
    for path in parts:  # as if it were yesterday: what is fresh may belong to a save under way
        with closing(os.scandir(path.parent)):
            os.utime(path, (1, 1))
    client.delete_flow("flow")
    assert not any(path.is_file() for path in (home / "artifacts/parts").rglob("*"))
