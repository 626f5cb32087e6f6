"""A client of a server does what the embedded one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import (
    AccessError,
    NotFoundError,
    ParameterError,
    ServerError,
    StorageNotFoundError,
    UnsupportedError,
)
from tests.processes import PATIENCE
from tests.server.conftest import Site, publish_flights


@pytest.fixture
def remote(new_site: Callable[..., Site]) -> Iterator[tuple[aq.Client, Site]]:
    """A client of a server that has one workflow."""
    site = new_site()
    with aq.Client(site.keys["admin"], site.address) as client:
        yield client, site


def test_a_workflow_is_published_and_run_there(
    remote: tuple[aq.Client, Site], capsys: pytest.CaptureFixture[str]
) -> None:
    client, site = remote
    factor = 2  # captured with the function

    @aq.op
    def double(number: int) -> list[int]:
        print("doubling")
        return [number * factor]

    @aq.op(outputs=["total", "model"])
    def total(numbers: list[int]) -> tuple[int, Any]:
        return sum(numbers), {"a", "b"}

    number = client.create_param("number", 21)
    flow = client.publish_flow("Remote", [*total(double(number))])
    assert "version 1 published" in capsys.readouterr().err + capsys.readouterr().out or flow
    run = flow.latest()
    assert run.status == "succeeded"
    assert run.artifact("total").get() == 42
    assert run.artifact("model").get() == {"a", "b"}
    assert run.logs("double") == "doubling\n"
    assert run.parameters() == {"number": 21}
    there = site.client.flow("Remote").latest()
    assert there.artifact("total").get() == 42
    again = client.publish_flow("Remote", [*total(double(number))], quiet=True)
    assert len(again.versions()) == 1
    assert again.latest().id != run.id


def test_what_json_cannot_say_is_sent_as_a_parameter(remote: tuple[aq.Client, Site]) -> None:
    client, _ = remote
    import pandas as pd

    table = client.create_param("table", pd.DataFrame({"a": [1, 2]}))

    @aq.op
    def rows(table: Any) -> int:
        return len(table)

    flow = client.publish_flow("Tables", rows(table), quiet=True)
    assert flow.latest().artifact("rows").get() == 2
    run = flow.trigger({"table": pd.DataFrame({"a": [1, 2, 3]})}, quiet=True)
    assert run.artifact("rows").get() == 3
    pd.testing.assert_frame_equal(run.parameters()["table"], pd.DataFrame({"a": [1, 2, 3]}))


def test_the_same_is_told_here_and_there(remote: tuple[aq.Client, Site]) -> None:
    client, site = remote
    site.flow.trigger({"limit": -1}, quiet=True)
    (here,), there = client.flows(), site.flow
    assert (here.id, here.name, here.description) == (there.id, there.name, there.description)
    assert [item.id for item in here.runs()] == [item.id for item in there.runs()]
    assert here.versions() == there.versions()
    for mine, theirs in zip(here.runs(), there.runs(), strict=True):
        assert mine.status == theirs.status
        assert mine.operators() == theirs.operators()
        assert mine.errors() == theirs.errors()
        assert mine.metrics() == theirs.metrics()
        assert mine.checks() == theirs.checks()
        assert mine.code("flights") == theirs.code("flights")
        assert mine.graph().svg() == theirs.graph().svg()
        assert mine._repr_html_() == theirs._repr_html_()
        assert list(mine.artifacts()) == list(theirs.artifacts())
        for name, artifact in mine.artifacts().items():
            assert artifact.get() == theirs.artifact(name).get()
            assert artifact.preview() == theirs.artifact(name).preview()
    assert client.run(here.latest().id).id == here.latest().id
    assert here.diff(1, 1).to_json() == there.diff(1, 1).to_json()


def test_what_failed_is_repeated_from_there(remote: tuple[aq.Client, Site]) -> None:
    client, _ = remote
    flow = client.flow("Flights")
    run = flow.trigger({"limit": -1}, quiet=True)
    assert run.status == "failed"
    assert "negative" in str(run.error("flights"))
    assert run.retry(quiet=True).status == "failed"
    assert len(run.operators()) == 4
    with pytest.raises(ParameterError, match="no parameter"):
        flow.trigger({"other": 1}, quiet=True)


def test_asking_twice_starts_one_run(remote: tuple[aq.Client, Site]) -> None:
    client, site = remote
    flow = client.flow("Flights")
    body = {"run": "20260101T000000Z-abcdef"}
    editor = site.as_("editor")
    first = editor.post(f"/api/v1/flows/{flow.id}/trigger", json=body)
    second = editor.post(f"/api/v1/flows/{flow.id}/trigger", json=body)
    assert (first.status_code, second.status_code) == (202, 202)
    assert len(flow.runs()) == 2
    flow.latest().wait(PATIENCE)


def test_data_systems_stay_at_the_server(remote: tuple[aq.Client, Site], tmp_path: Path) -> None:
    client, site = remote
    path = str(tmp_path / "warehouse.db")
    warehouse = client.connect_integration("warehouse", "sqlite", path=path)
    assert warehouse.tables() == []

    @aq.op
    def made() -> Any:
        import pandas as pd

        return pd.DataFrame({"a": [1]})

    table = made()
    warehouse.save(table, table_name="numbers")
    client.publish_flow("Writes", table, quiet=True)
    assert client.integration("warehouse").tables() == ["numbers"]
    found = warehouse.sql("SELECT a FROM numbers WHERE a < :n", parameters={"n": 5})
    assert list(found.get()["a"]) == [1]
    assert list(warehouse.preview("numbers")["a"]) == [1]
    assert warehouse.describe("numbers").columns[0].name == "a"
    with pytest.raises(UnsupportedError, match="by the server"):
        warehouse.drop("numbers")
    read = client.publish_flow("Reads", warehouse.table("numbers"), quiet=True)
    assert list(read.latest().artifact("numbers").get()["a"]) == [1]
    assert client.flow("Writes").saved() == [("warehouse", "numbers")]
    deletion = client.delete_flow("Writes", saved_objects="all")
    assert deletion.dropped == (("warehouse", "numbers"),)
    client.delete_flow("Reads")
    client.delete_integration("warehouse")
    assert client.integrations() == {}
    assert list(site.client.integrations()) == []


def test_files_stay_at_the_server(remote: tuple[aq.Client, Site], tmp_path: Path) -> None:
    client, site = remote
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.csv").write_text("n,t\n1,x\n2,y\n")
    (folder / "b.txt").write_text("text")
    place = client.connect_integration("place", "filesystem", path=folder)
    assert place.files() == ["a.csv", "b.txt"]
    rows = place.file("a.csv", rows=[("n", "in", [2, 3])])
    assert rows.get().to_dict("list") == {"n": [2], "t": ["y"]}
    path = client.create_param("path", "b.txt")
    text = place.file(path, format="text", name="text")
    assert text.get() == "text"

    @aq.op
    def upper(text: str) -> str:
        return text.upper()

    loud = upper(text)
    place.save(loud, path="c.txt")
    run = client.publish_flow("Files", [loud, rows], quiet=True).latest()
    assert run.status == "succeeded", run.errors()
    assert (folder / "c.txt").read_text() == "TEXT"
    with pytest.raises(UnsupportedError, match="by the server"):
        place.drop("c.txt")
    editor = site.as_("editor")
    where = "/api/v1/integrations/place/read"
    for request in ({"path": 5}, {"rows": 1}, {"path": "a.csv", "rows": [[{"column": "n"}]]}):
        assert editor.post(where, json={"request": request}).status_code == 422
    named = {"$type": "enum", "class": "os:x", "name": "y"}
    odd = {"path": "a.csv", "rows": [[{"column": "n", "operator": "==", "value": named}]]}
    assert editor.post(where, json={"request": odd}).status_code == 422
    assert editor.post(where, json={"request": {"path": "../x.csv"}}).status_code == 422
    client.delete_flow("Files", saved_objects="all")
    assert not (folder / "c.txt").exists()


def test_a_workflow_is_paused_from_there(remote: tuple[aq.Client, Site]) -> None:
    client, site = remote
    flow = client.flow("Flights")
    flow.pause()
    assert site.flow.paused
    flow.resume()
    assert not flow.paused


def test_errors_are_those_of_the_embedded_client(remote: tuple[aq.Client, Site]) -> None:
    client, site = remote
    with pytest.raises(NotFoundError, match="no workflow 'None'"):
        client.flow("None")
    with pytest.raises(NotFoundError):
        client.run("none")
    with pytest.raises(StorageNotFoundError):
        client.store.storage.get("operators/none")
    with aq.Client("aq_wrong_key", site.address) as stranger, pytest.raises(AccessError):
        stranger.flows()
    with aq.Client(site.keys["viewer"], site.address) as viewer:
        assert viewer.flow("Flights").latest().status == "succeeded"
        with pytest.raises(AccessError, match="editor"):
            viewer.flow("Flights").pause()
        with pytest.raises(AccessError):
            publish_flights(viewer)


def test_a_server_that_is_not_there_is_an_error_that_helps() -> None:
    address = "http://127.0.0.1:9"
    with aq.Client("aq_a_b", address) as client, pytest.raises(ServerError, match="reached"):
        client.flows()
    with pytest.raises(ParameterError, match="both"):
        aq.Client("aq_a_b")
    with pytest.raises(ParameterError, match="this machine"):
        aq.Client("aq_a_b", "http://127.0.0.1:9", home="x")


@pytest.mark.parametrize(
    "key",
    [
        "signing.key",
        "operators/../../signing.key",
        "../signing.key",
        "operators/..%2f..%2fsigning.key",
        "operators//x",
        "tmp/x",
        "parts/aa/" + "0" * 64 + ".bin/../../../../signing.key",
        "deletions/x",
        "operators/a\\..\\b",
    ],
)
@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_nothing_but_artifacts_is_read_or_written(site: Site, key: str, verb: str) -> None:
    url = httpx.URL(site.address, raw_path=f"/api/v1/storage/{key}".encode())
    headers = {"authorization": f"Bearer {site.keys['admin']}"}
    content = b"x" if verb == "PUT" else None
    answer = httpx.request(verb, url, headers=headers, content=content, timeout=60)
    assert answer.status_code in (404, 405, 422), answer.text
    assert (Path(site.client.home) / "signing.key").read_bytes() != b"x"


def test_bytes_that_are_not_what_they_say_are_not_kept(site: Site) -> None:
    editor = site.as_("editor")
    part = "/api/v1/storage/parts/00/" + "0" * 64 + ".bin"
    assert editor.put(part, content=b"other").status_code == 422
    assert site.as_("viewer").get(part).status_code == 404
    forged = "/api/v1/storage/manifests/hostile/bomb.json"
    assert editor.put(forged, content=b"{}").status_code == 422


def test_what_nobody_signed_is_not_given_out(site: Site) -> None:
    storage = site.client.store.storage
    (path,) = [
        item.key
        for item in storage.list("manifests/operators/")
        if f"/{site.run.id}/" in item.key and item.key.endswith("/model.json")
    ]
    data = bytes(storage.get(path))
    unsigned = data[: data.rindex(b',"signature"')] + b"}"
    storage.put("manifests/elsewhere.json", unsigned)
    answer = site.as_("viewer").get("/api/v1/storage/manifests/elsewhere.json")
    assert answer.status_code == 409
    assert answer.json()["error"] == "SignatureError"


def test_an_address_of_something_else_is_told(site: Site) -> None:
    key = site.keys["viewer"]
    told = pytest.raises(ServerError, match=r"does not know /flows/[\s\S]*without a path")
    with aq.Client(key, f"{site.address}/flows") as client, told:
        client.flows()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        told = pytest.raises(ServerError, match="not as a server of this kind does")
        with aq.Client(key, f"http://127.0.0.1:{server.server_port}") as client, told:
            client.flows()
        server.shutdown()
