"""A server that people publish pickles to never looks into one; its workers do, which is their task."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import aqueduct_core as aq
from tests.server.process import Process

# Runs in each Python that starts: notes the process of whoever unpickles or is made to run code.
CANARY = """
import os, sys
folder = os.environ.get("CANARY")
def note(event, arguments):
    if event in ("pickle.find_class", "marshal.loads") and not sys.is_finalizing():
        caller = sys._getframe(1)
        if event == "marshal.loads" and "importlib" in caller.f_code.co_filename:
            return  # compiled modules
        with open(os.path.join(folder, f"{os.getpid()}.{event}"), "a") as file:
            file.write(f"{arguments!r} in {caller.f_code.co_filename}\\n")
if folder:
    sys.addaudithook(note)
"""
MARKUP = "</script><svg onload=alert(1)>\"'`{{7*7}}${x}"


class Bomb:
    """Whoever unpickles it leaves a mark."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return _mark, (self.folder,)


def _mark(folder: str) -> Bomb:
    Path(folder, f"{os.getpid()}.bomb").touch()
    return Bomb(folder)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The folder of the marks."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path, canary: Path) -> Iterator[Process]:
    """A server whose every process is watched."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(CANARY)
    watched = {"PYTHONPATH": str(tmp_path / "path"), "CANARY": str(canary)}
    made = Process(tmp_path / "home", environment=watched)
    yield made
    if made.process.poll() is None:
        made.end(signal.SIGTERM)


def places(flow: str, run: str, operators: list[str], artifacts: list[str]) -> Iterator[str]:
    """Whatever shows something of a run, in the API and in pages."""
    for root in ("/api/v1", ""):
        base = f"{root}/flows/{flow}"
        yield from (base, f"{base}/runs", f"{base}/versions", f"{base}/versions/1", f"{root}/flows")
        here = f"{base}/runs/{run}"
        yield from (here, f"{here}/operators", f"{here}/artifacts", f"{here}/compare")
        for name in operators:
            yield from (f"{here}/operators/{name}", f"{here}/operators/{name}/code")
            yield from (f"{here}/operators/{name}/logs/stdout", f"{here}/logs/{name}")
            yield from (f"{base}/operators/{name}", f"{here}/panels/{name}")
        for name in artifacts:
            yield from (f"{here}/artifacts/{name}", f"{here}/artifacts/{name}/download")
            yield from (f"{here}/tables/{name}", f"{here}/pictures/{name}")
            yield from (f"{base}/artifacts/{name}", f"{base}/metrics/{name}")


def test_only_workers_unpickle(server: Process, canary: Path) -> None:
    folder = str(canary)
    bomb = Bomb(folder)  # captured with the function, so its pickle goes off where that is loaded

    @aq.op(outputs=["model", "text", "table", "deep", "svg"])
    def hostile(size: int) -> tuple[Any, ...]:
        assert bomb
        print("<script>alert(1)</script>")
        deep: Any = "end"
        for _ in range(60):
            deep = [deep]
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        markup = "</script><svg onload=alert(1)>\"'`{{7*7}}${x}"
        table = pd.DataFrame({markup: [markup] * size, "o": [{markup}] * size})
        return Bomb(folder), markup * 1000, table, deep, svg

    @aq.metric
    def count(text: str) -> int:
        return len(text)

    key = server.key()
    with aq.Client(key, server.address) as client:
        made = hostile(20)
        count(made[1])
        flow = client.publish_flow(MARKUP, [*made], quiet=True)
        run = flow.latest()
        assert run.status == "succeeded", run.errors()
        again = flow.trigger({"hostile.size": 3}, quiet=True)
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.address, headers=headers, timeout=60) as caller:
            operators, artifacts = ["hostile", "count"], list(run.artifacts())
            assert len(artifacts) == 6
            shown = 0
            for item in (run, again):
                for path in places(flow.id, item.id, operators, artifacts):
                    accept = "application/json" if path.startswith("/api") else "text/html"
                    answer = caller.get(path, headers={"accept": accept})
                    assert answer.status_code < 500, (path, answer.text)
                    assert "<svg onload" not in answer.text or "json" in accept, path
                    shown += answer.status_code == 200
            assert shown > 80
        assert isinstance(run.artifact("model").get(), Bomb)
        client.delete_flow(MARKUP)
    main = server.process.pid
    assert server.end() == 0
    marks = {path.name for path in canary.iterdir()} - {f"{os.getpid()}.bomb"}
    assert not [mark for mark in marks if mark.startswith(f"{main}.")]
    assert any(mark.endswith(".bomb") for mark in marks), "the workers would have set it off"
    assert any(mark.endswith(".pickle.find_class") for mark in marks), "the hook is at work"
