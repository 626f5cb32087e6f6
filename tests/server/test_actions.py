"""Runs are started, stopped and repeated over HTTP; watchers see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import aqueduct_core as aq
from tests.processes import wait_until
from tests.server.conftest import Site, serving

ENDED = ("succeeded", "warning", "failed", "canceled", "skipped")


def wait(caller: httpx.Client, path: str) -> dict[str, Any]:
    """A run that has ended."""

    def run() -> dict[str, Any]:
        return dict(caller.get(path).json())

    wait_until(lambda: run()["state"] in ENDED, pause=0.05, tell=run)
    return run()


def test_a_run_is_triggered_with_parameters(new_site: Callable[..., Site]) -> None:
    site = new_site()
    editor = site.as_("editor")
    flow = f"/api/v1/flows/{site.flow.id}"
    started = editor.post(f"{flow}/trigger", json={"parameters": {"limit": 7}})
    assert started.status_code == 202, started.text
    run = f"{flow}/runs/{started.json()['id']}"
    assert wait(editor, run)["state"] == "warning"
    assert editor.get(f"{run}/operators/rows").json()["value"] == 7


@pytest.mark.parametrize(
    "body", [{"parameters": {"none": 1}}, {"parameters": {"limit": "text"}}, {"other": 1}, [], "x"]
)
def test_a_parameter_that_does_not_fit_is_refused(site: Site, body: object) -> None:
    answer = site.as_("editor").post(f"/api/v1/flows/{site.flow.id}/trigger", json=body)
    assert answer.status_code == 422


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """A workflow that fails the first time, and goes on for long if a file says so."""
    marks = tmp_path / "marks"
    marks.mkdir()

    @aq.op
    def work(folder: str) -> int:
        from pathlib import Path
        from time import sleep

        there = Path(folder)
        while (there / "wait").exists():
            (there / "waiting").touch()
            sleep(0.02)
        if not (there / "mended").exists():
            raise ValueError("not mended")
        return 1

    with aq.Client(home=tmp_path / "home") as client:
        flow = client.publish_flow("Slow", work(str(marks)), quiet=True)
        with serving(client) as served:
            site = Site(client, served, flow)
            yield site, marks
            (marks / "wait").unlink(missing_ok=True)
            site.close()


def test_what_failed_is_repeated(slow: tuple[Site, Path]) -> None:
    site, marks = slow
    editor = site.as_("editor")
    run = f"/api/v1/flows/{site.flow.id}/runs/{site.run.id}"
    assert editor.get(run).json()["state"] == "failed"
    (marks / "mended").touch()
    assert editor.post(f"{run}/retry").status_code == 202
    assert wait(editor, run)["state"] == "succeeded"
    assert len(editor.get(f"{run}/operators/work/attempts").json()) == 2
    assert editor.post(f"{run}/retry").status_code == 422


def test_a_run_is_stopped(slow: tuple[Site, Path]) -> None:
    site, marks = slow
    (marks / "wait").touch()
    editor = site.as_("editor")
    flow = f"/api/v1/flows/{site.flow.id}"
    run = f"{flow}/runs/{editor.post(f'{flow}/trigger', json={}).json()['id']}"
    wait_until((marks / "waiting").exists)
    assert editor.delete(flow).status_code == 422, "it is running"
    assert editor.post(f"{run}/cancel").status_code == 202
    assert wait(editor, run)["state"] == "canceled"


def test_watchers_see_what_happens_from_where_they_were(slow: tuple[Site, Path]) -> None:
    site, marks = slow
    (marks / "mended").touch()
    editor = site.as_("editor")
    last = site.tracking.last_event()
    editor.post(f"/api/v1/flows/{site.flow.id}/pause")
    headers = {"last-event-id": str(last)}
    query = {"flow": site.flow.id}
    seen = []
    with editor.stream("GET", "/api/v1/events", headers=headers, params=query) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for event in _events(stream):
            seen.append((event["kind"], event["state"]))
            if len(seen) == 1:  # it is live by now
                editor.post(f"/api/v1/flows/{site.flow.id}/trigger", json={})
            if seen[-1] == ("run", "succeeded"):
                break
    assert seen[0] == ("flow", "paused")
    assert ("run", "running") in seen
    assert ("result", "succeeded") in seen


def _events(stream: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in stream.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_a_workflow_is_deleted_with_its_runs(new_site: Callable[..., Site]) -> None:
    site = new_site()
    editor = site.as_("editor")
    answer = editor.delete(f"/api/v1/flows/{site.flow.id}")
    assert (answer.status_code, answer.json()["runs"]) == (200, 1)
    assert editor.get("/api/v1/flows").json()["items"] == []


def test_data_systems_are_connected_and_their_secrets_never_shown(
    new_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = new_site()
    admin = site.as_("admin")
    path = str(tmp_path / "a.db")
    wanted = {"kind": "sqlite", "config": {"path": path}}
    connected = admin.put("/api/v1/integrations/warehouse", json=wanted)
    assert connected.status_code == 200, connected.text
    secret = {"kind": "slack", "config": {"webhook": "https://hooks.example/SECRET"}}
    admin.put("/api/v1/integrations/chat", json=secret)
    assert "SECRET" not in admin.get("/api/v1/integrations").text
    assert admin.get("/api/v1/integrations/warehouse/tables").json() == []
    assert admin.post("/api/v1/integrations/warehouse/test").status_code == 204
    assert admin.put("/api/v1/integrations/x", json={"kind": "odd"}).status_code == 422
    query = "/api/v1/integrations/warehouse/query"
    for odd in ({"$type": "dataclass", "class": "os:stat_result", "fields": {}}, [1], {"a": 1}):
        asked = {"query": "SELECT :n AS n", "parameters": {"n": odd}}
        answer = admin.post(query, json=asked)
        assert answer.status_code == 422, answer.text
        assert "nothing that a database compares with" in answer.text
    day = {"query": "SELECT :n AS n", "parameters": {"n": {"$type": "date", "value": "2026-01-31"}}}
    assert admin.post(query, json=day).status_code == 200
    assert admin.delete("/api/v1/integrations/warehouse").status_code == 204
    assert admin.delete("/api/v1/integrations/warehouse").status_code == 404
